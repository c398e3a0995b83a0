"""How useful a network thinks the face is for recognition."""

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.geometry import aligned, five_points
from models import Model, Session
from schemas.attributes import Point

_SIZE = 96  # pixels, both sides of what LightQNet takes


def portrait_crop(image: Image, keypoints: tuple[Point, ...]) -> Image:
    """The face on the ArcFace template, (96, 96, 3) RGB."""
    return aligned(image, five_points(keypoints, image), _SIZE)


def usefulness(model: Model, crops: Sequence[Image]) -> NDArray[np.float64]:
    """(n,) of about 0 to 0.65, higher is better."""
    return _ANSWERS[model.architecture](model.run, crops) if crops else np.zeros(0)


def _lightqnet(run: Session, crops: Sequence[Image]) -> NDArray[np.float64]:
    """KaenChan/lightqnet (MIT) takes (n, 96, 96, 3) BGR, from -1 to 1."""
    batch = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2BGR) for crop in crops]).astype(np.float32)
    batch -= 128
    batch /= 128
    return run(batch)[0].reshape(len(crops)).astype(np.float64)


_ANSWERS: Mapping[str, Callable[[Session, Sequence[Image]], NDArray[np.float64]]] = {"lightqnet": _lightqnet}
