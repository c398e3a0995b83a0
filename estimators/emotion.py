"""What a face expresses."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from estimators.base import Image, Models
from estimators.confidence import Scaling, load_scaling
from estimators.faceapi import FaceCropEstimator, network_input, with_mirrored
from models import Session
from schemas.attributes import EMOTION_NAMES, EMOTIONS, Attributes

# The classes of the networks in their own order; "fearful" is what EMOTION_NAMES calls "scared".
_FACEAPI_ORDER = ("neutral", "happy", "sad", "angry", "scared", "disgusted", "surprised")
_FACEAPI_COLUMNS = [_FACEAPI_ORDER.index(name) for name in EMOTION_NAMES]
_XCEPTION_ORDER = ("angry", "disgusted", "scared", "happy", "sad", "surprised", "neutral")
_XCEPTION_COLUMNS = [_XCEPTION_ORDER.index(name) for name in EMOTION_NAMES]

# oarriaga/face_classification (MIT), as packaged by npm @vladmandic/human 3.3.6 (src/gear/emotion.ts): 64 x 64 pixels
# of grey, -1 to 1. The package weighs red, green and blue as broadcasting does (ITU-R BT.601), OpenCV's grey too.
_XCEPTION_SIZE = 64


def _faceapi_emotions(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n, 7) probabilities in the order of EMOTION_NAMES."""
    return run(network_input(crops))[0][:, _FACEAPI_COLUMNS]


def _xception_emotions(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n, 7) probabilities in the order of EMOTION_NAMES."""
    size = (_XCEPTION_SIZE, _XCEPTION_SIZE)
    small = [cv2.resize(crop, size, interpolation=cv2.INTER_AREA) for crop in crops]
    grey = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in small])[..., None]  # (n, 64, 64, 1)
    return run(grey.astype(np.float32) / np.float32(127.5) - np.float32(1))[0][:, _XCEPTION_COLUMNS]


class Network(NamedTuple):
    """How a network is asked."""

    emotions: Callable[[Session, Sequence[Image]], NDArray[np.float32]]  # (n, 7) of n crops
    mirrored: bool  # whether it looks at the mirror image, too: of the second one that makes nothing better


NETWORKS: Mapping[str, Network] = {
    "faceapi-expression": Network(_faceapi_emotions, mirrored=True),
    "mini-xception": Network(_xception_emotions, mirrored=False),
}


_ALIKE = Scaling()  # what a network says of a face counts as much as what it says of the mirror image


class EmotionEstimator(FaceCropEstimator):
    """Estimates how likely each of the seven emotions is, by one network or by several together.

    A view is a crop of (112, 112, 3) uint8 RGB.
    """

    name = "emotion-estimator"
    provides = frozenset({EMOTIONS})
    tasks = ("expression",)

    def __init__(self, models: Models) -> None:
        self._networks = [(model.run, NETWORKS[model.architecture]) for model in models["expression"]]
        self._scaling = load_scaling(models["expression"])

    def uncalibrated(self, views: Sequence[Image]) -> list[NDArray[np.float64]]:
        """What each network tells of n faces, (n, 7) probabilities in the order of EMOTION_NAMES."""
        return [_told(network, run, views) for run, network in self._networks]

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        likely = self._scaling.classes(*self.uncalibrated(views))
        return [Attributes({EMOTIONS: dict(zip(EMOTION_NAMES, row.tolist(), strict=True))}) for row in likely]


def _told(network: Network, run: Session, views: Sequence[Image]) -> NDArray[np.float64]:
    """(n, 7) probabilities, those of a face and of its mirror image taken together where it looks at both."""
    if not network.mirrored:
        return network.emotions(run, views).astype(np.float64)
    return _ALIKE.classes(*np.split(network.emotions(run, with_mirrored(views)), 2))
