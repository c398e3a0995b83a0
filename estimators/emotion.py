"""What a face expresses."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.faceapi import face_crop, network_input
from models import Session
from schemas.attributes import BOX, EMOTION_NAMES, EMOTIONS, Attributes

# The classes of the network in its own order; "fearful" is what EMOTION_NAMES calls "scared".
_FACEAPI_ORDER = ("neutral", "happy", "sad", "angry", "scared", "disgusted", "surprised")
_FACEAPI_COLUMNS = [_FACEAPI_ORDER.index(name) for name in EMOTION_NAMES]


def _faceapi_emotions(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n, 7) probabilities in the order of EMOTION_NAMES."""
    return run(network_input(crops))[0][:, _FACEAPI_COLUMNS]


_EMOTIONS: Mapping[str, Callable[[Session, Sequence[Image]], NDArray[np.float32]]] = {
    "faceapi-expression": _faceapi_emotions
}


class EmotionEstimator(Estimator[Image]):
    """Estimates how likely each of the seven emotions is. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "emotion-estimator"
    requires = frozenset({BOX})
    provides = frozenset({EMOTIONS})
    tasks = ("expression",)

    def __init__(self, models: Models) -> None:
        model = models["expression"][0]
        self._run, self._emotions = model.run, _EMOTIONS[model.architecture]

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        likely = self._emotions(self._run, views).astype(np.float64)  # float64, so that the seven sum to 1 on the wire
        likely /= likely.sum(1, keepdims=True)
        return [Attributes({EMOTIONS: dict(zip(EMOTION_NAMES, row.tolist(), strict=True))}) for row in likely]
