"""Whether a face belongs to a live person or to a print or a screen."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from models import Model
from schemas.attributes import BOX, LIVENESS, Attributes, Box, Scored

# minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0): each network was trained on crops of (80, 80) that show the
# face box enlarged by its own factor, stretched to a square, and class 1 of its three is "live".
_SIZE = 80
_LIVE = 1
_SCALES: Mapping[str, float] = {"MiniFASNetV2_2.7": 2.7, "MiniFASNetV1SE_4": 4.0}

# No box is longer or farther away than this, pixels: it may be any finite number.
_FAR = 1e9


class _Network(NamedTuple):
    model: Model
    scale: float


def _minifasnet(model: Model) -> _Network:
    return _Network(model, _SCALES[model.name])


_NETWORKS = {"minifasnet": _minifasnet}


class LivenessEstimator(Estimator[NDArray[np.uint8]]):
    """Estimates how likely a face is live: the mean of all its networks.

    A view is a crop for each network, (networks, 80, 80, 3) uint8 RGB.
    """

    name = "liveness-estimator"
    requires = frozenset({BOX})
    provides = frozenset({LIVENESS})
    tasks = ("liveness",)

    def __init__(self, models: Models) -> None:
        self._networks = [_NETWORKS[model.architecture](model) for model in models["liveness"]]

    def view(self, image: Image, attributes: Attributes) -> NDArray[np.uint8]:
        return np.stack([_surroundings(image, attributes[BOX], network.scale) for network in self._networks])

    def estimate(self, views: Sequence[NDArray[np.uint8]]) -> list[Attributes]:
        if not views:
            return []
        # (networks, n, 3, 80, 80) float32 BGR 0..255
        batches = np.stack(views)[..., ::-1].transpose(1, 0, 4, 2, 3).astype(np.float32)
        answers = [network.model.run(batch)[0] for network, batch in zip(self._networks, batches, strict=True)]
        live = np.mean(answers, axis=0)[:, _LIVE]
        return [Attributes({LIVENESS: Scored(bool(score > 0.5), float(score))}) for score in live]


def _surroundings(image: Image, box: Box, scale: float) -> Image:
    """The box ``scale`` times larger about its centre, shifted inside the image, at (80, 80).

    Where the image has no room for that much, the box grows less, in both directions alike. The networks were trained
    on plain bilinear crops: smoother ones look like prints to them.
    """
    height, width = image.shape[:2]
    across = min(max((box.right - box.left) * width, 1.0), _FAR)
    along = min(max((box.bottom - box.top) * height, 1.0), _FAR)
    growth = min(scale, width / across, height / along)
    left, right = _span((box.left + box.right) * width / 2, across * growth, width)
    top, bottom = _span((box.top + box.bottom) * height / 2, along * growth, height)
    return np.asarray(cv2.resize(image[top:bottom, left:right], (_SIZE, _SIZE)), np.uint8)


def _span(centre: float, length: float, side: int) -> tuple[int, int]:
    """The pixels from first to last (exclusive) of a stretch of ``length`` about ``centre``, shifted into 0..side."""
    first = min(max(centre - length / 2, 0.0), side - length)
    last = min(max(round(first + length), 1), side)
    return min(int(max(first, 0.0)), last - 1), last
