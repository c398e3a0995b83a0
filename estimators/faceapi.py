"""What the age, gender and expression networks of face-api have in common: how they are fed.

Source: npm @vladmandic/face-api 1.7.15 (MIT). The networks take RGB 0..255 and normalise it themselves. They were
made for crops of 112 x 112 pixels that show the face box, filled up to a square.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.geometry import square_crop
from models import Session
from schemas.attributes import Box

SIZE = 112  # pixels, both sides


def face_crop(image: Image, box: Box) -> Image:
    """The square about a face box whose side is the longer side of the box, (112, 112, 3) uint8 RGB."""
    return square_crop(image, box, 1.0, SIZE)


def network_input(crops: Sequence[Image]) -> NDArray[np.float32]:
    """The crops as one batch, (n, 3, 112, 112) float32 RGB 0..255."""
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)


def with_mirrored(crops: Sequence[Image]) -> list[Image]:
    """The n crops, then the n crops with left and right exchanged: twice the work, for a steadier answer."""
    return [*crops, *(crop[:, ::-1] for crop in crops)]


def mirrored_mean(run: Session, crops: Sequence[Image], output: int) -> NDArray[np.float64]:
    """(n,) the first column of an output of the network, (2n, k), as the mean of each crop and its mirror image."""
    values = run(network_input(with_mirrored(crops)))[output][:, 0].astype(np.float64)
    return np.asarray(values.reshape(2, len(crops)).mean(0), np.float64)
