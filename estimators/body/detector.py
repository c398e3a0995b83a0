"""The body detector: the people of an image."""

from collections.abc import Callable, Mapping, Sequence

from estimators.base import Detector, Image, Models
from estimators.body import centernet, picodet
from estimators.boxes import Detections, fractions, seen, sifted
from models import Session
from schemas.attributes import BOX, CONFIDENCE, KIND, Attributes

_THRESHOLD = 0.5
_OVERLAP = 0.5  # intersection over union above which two boxes show one body
_MOST = 300  # bodies of an image
_BATCH = 8  # images shown to the network together

NETWORKS: Mapping[str, Callable[[Session, list[Image]], list[Detections]]] = {
    "picodet": picodet.detections,
    "centernet": centernet.detections,
}


class BodyDetector(Detector):
    """Finds the bodies of an image; by default those of a confidence of 0.5, the network's own score."""

    name = "body-detector"
    subject = "body"
    provides = frozenset({KIND, BOX, CONFIDENCE})
    tasks = ("body-detection",)

    def __init__(self, models: Models) -> None:
        self._model = models["body-detection"][0]
        self._network = NETWORKS[self._model.architecture]

    def detect(self, images: Sequence[Image], threshold: float | None = None) -> list[list[Attributes]]:
        least = _THRESHOLD if threshold is None else threshold
        found: list[list[Attributes]] = []
        for start in range(0, len(images), _BATCH):
            batch = list(images[start : start + _BATCH])
            for image, bodies in zip(batch, self._network(self._model.run, batch), strict=True):
                found.append(_attributes(image, seen(sifted(bodies, least, _OVERLAP, _MOST), image)))
        return found


def _attributes(image: Image, bodies: Detections) -> list[Attributes]:
    return [
        Attributes({KIND: "body", CONFIDENCE: float(score), BOX: fractions(box, image)})
        for box, score in zip(bodies.boxes, bodies.scores, strict=True)
    ]
