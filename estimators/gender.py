"""Whether a face looks male or female."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.confidence import load_scaling
from estimators.faceapi import face_crop, mirrored_mean
from models import Session
from schemas.attributes import BOX, GENDER, Attributes, Gender

Shares = NDArray[np.float64]  # (n,) P(male)


def _faceapi_male(run: Session, crops: Sequence[Image]) -> Shares:
    """Of a network that answers (n, 1) years and (n, 2) of male and female: the mean of a face and its mirror image."""
    return mirrored_mean(run, crops, 1)


_MALE: Mapping[str, Callable[[Session, Sequence[Image]], Shares]] = {"faceapi-age-gender": _faceapi_male}


class GenderEstimator(Estimator[Image]):
    """Tells the likelier gender, by the calibrated probability. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "gender-estimator"
    requires = frozenset({BOX})
    provides = frozenset({GENDER})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._male = model.run, _MALE[model.architecture]
        self._scaling = load_scaling((model,))

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])

    def uncalibrated(self, views: Sequence[Image]) -> Shares:
        """(n,) P(male) as the network tells it."""
        return self._male(self._run, views)

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        male = self._scaling.yes(self.uncalibrated(views))
        return [Attributes({GENDER: Gender.MALE if share >= 0.5 else Gender.FEMALE}) for share in male]
