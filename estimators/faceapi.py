"""What the age, gender and expression networks of face-api have in common: how they are fed.

Source: npm @vladmandic/face-api 1.7.15 (MIT). The networks take RGB 0..255 and normalise it themselves. They were
made for crops of 112 x 112 pixels that show the face box, filled up to a square.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image
from estimators.geometry import planes, square_crop
from models import Session
from schemas.attributes import BOX, Attributes, Box

SIZE = 112  # pixels, both sides


def face_crop(image: Image, box: Box) -> Image:
    """The square about a face box whose side is the longer side of the box, (112, 112, 3) uint8 RGB."""
    return square_crop(image, box, 1.0, SIZE)


class FaceCropEstimator(Estimator[Image]):
    """An estimator that looks at ``face_crop``."""

    requires = frozenset({BOX})

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])


def network_input(crops: Sequence[Image]) -> NDArray[np.float32]:
    """The crops as one batch, (n, 3, 112, 112) float32 RGB 0..255."""
    return planes(crops)


def with_mirrored(crops: Sequence[Image]) -> list[Image]:
    """The n crops, then the n crops with left and right exchanged: twice the work, for a steadier answer."""
    return [*crops, *(crop[:, ::-1] for crop in crops)]


class AgeGender(NamedTuple):
    """What the age and gender network tells of n faces, each the mean of the face and of its mirror image."""

    years: NDArray[np.float64]  # (n,)
    male: NDArray[np.float64]  # (n,) P(male), uncalibrated


def _age_gender(run: Session, crops: Sequence[Image]) -> AgeGender:
    """Asks the network, which answers (n, 1) years and (n, 2) of male and female, about n > 0 crops."""
    outputs = run(network_input(with_mirrored(crops)))
    return AgeGender(*(output[:, 0].astype(np.float64).reshape(2, len(crops)).mean(0) for output in outputs[:2]))


AGE_GENDER: Mapping[str, Callable[[Session, Sequence[Image]], AgeGender]] = {"faceapi-age-gender": _age_gender}
