"""Whether a face belongs to a live person or to a print or a screen."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.confidence import load_scaling
from estimators.geometry import planes
from models import Model
from schemas.attributes import BOX, LIVENESS, Attributes, Box, Scored

# minivision-ai/Silent-Face-Anti-Spoofing (Apache-2.0): each network was trained on crops of (80, 80) that show the
# face box enlarged by its own factor, stretched to a square, and class 1 of its three is "live". They were trained on
# plain bilinear crops: smoother ones look like prints to them.
_MINIFASNET_SIZE = 80
_MINIFASNET_LIVE = 1
_MINIFASNET_SCALES: Mapping[str, float] = {"MiniFASNetV2_2.7": 2.7, "MiniFASNetV1SE_4": 4.0}

# No box is longer or farther away than this, pixels: it may be any finite number.
_FAR = 1e9


class Framing(NamedTuple):
    """What a network is shown of an image: the face box ``scale`` times larger, at ``size`` x ``size`` pixels."""

    scale: float
    size: int
    smooth: bool  # whether pixels are averaged where the crop shrinks

    def crop(self, image: Image, box: Box) -> Image:
        """The box ``scale`` times larger about its centre, shifted inside the image, stretched to a square.

        Where the image has no room for that much, the box grows less, in both directions alike.
        """
        height, width = image.shape[:2]
        across = min(max((box.right - box.left) * width, 1.0), _FAR)
        along = min(max((box.bottom - box.top) * height, 1.0), _FAR)
        growth = min(self.scale, width / across, height / along)
        left, right = _span((box.left + box.right) * width / 2, across * growth, width)
        top, bottom = _span((box.top + box.bottom) * height / 2, along * growth, height)
        shrinks = self.smooth and min(right - left, bottom - top) > self.size
        way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(
            cv2.resize(image[top:bottom, left:right], (self.size, self.size), interpolation=way), np.uint8
        )


def _span(centre: float, length: float, side: int) -> tuple[int, int]:
    """The pixels from first to last (exclusive) of a stretch of ``length`` about ``centre``, shifted into 0..side."""
    first = min(max(centre - length / 2, 0.0), side - length)
    last = min(max(round(first + length), 1), side)
    return min(int(max(first, 0.0)), last - 1), last


# models/weights/facet_liveness.onnx: the network was trained on crops like these.
FACET = Framing(2.7, 112, smooth=True)


class _Network(NamedTuple):
    framing: Framing
    live: Callable[[Sequence[Image]], NDArray[np.float32]]  # (n,) P(live) of n crops


def _minifasnet(model: Model) -> _Network:
    def live(crops: Sequence[Image]) -> NDArray[np.float32]:
        return model.run(planes(crops, (2, 1, 0)))[0][:, _MINIFASNET_LIVE]  # BGR 0..255 in, softmax of 3 out

    return _Network(Framing(_MINIFASNET_SCALES[model.name], _MINIFASNET_SIZE, smooth=False), live)


def _facet(model: Model) -> _Network:
    def live(crops: Sequence[Image]) -> NDArray[np.float32]:
        return model.run(planes(crops))[0]  # RGB 0..255 in, P(live) out

    return _Network(FACET, live)


_NETWORKS: Mapping[str, Callable[[Model], _Network]] = {"minifasnet": _minifasnet, "facet-liveness": _facet}

LivenessView = tuple[Image, ...]  # a crop for each network, (size, size, 3), each of its network's own size


class LivenessEstimator(Estimator[LivenessView]):
    """Estimates how likely a face is live: the mean of all its networks."""

    name = "liveness-estimator"
    requires = frozenset({BOX})
    provides = frozenset({LIVENESS})
    tasks = ("liveness",)

    def __init__(self, models: Models) -> None:
        self._networks = tuple(_NETWORKS[model.architecture](model) for model in models["liveness"])
        self._scaling = load_scaling(models["liveness"])

    def view(self, image: Image, attributes: Attributes) -> LivenessView:
        return tuple(network.framing.crop(image, attributes[BOX]) for network in self._networks)

    def uncalibrated(self, views: Sequence[LivenessView]) -> NDArray[np.float32]:
        """(n,) the mean of the networks' P(live), as they tell it."""
        if not views:
            return np.zeros(0, np.float32)
        crops = zip(*views, strict=True)  # by network
        answers = [network.live(each) for network, each in zip(self._networks, crops, strict=True)]
        mean: NDArray[np.float32] = np.mean(answers, axis=0)
        return mean

    def estimate(self, views: Sequence[LivenessView]) -> list[Attributes]:
        live = self._scaling.yes(self.uncalibrated(views))
        return [Attributes({LIVENESS: Scored(bool(score > 0.5), float(score))}) for score in live]
