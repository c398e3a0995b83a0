"""The body detector: the people of an image."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from estimators.base import Detector, Image, Models
from estimators.body import centernet, picodet
from estimators.boxes import Detections, fractions, seen, sifted
from models import Session
from schemas.attributes import BOX, CONFIDENCE, KIND, Attributes

_OVERLAP = 0.5  # intersection over union above which two boxes show one body
_MOST = 300  # bodies of an image
_BATCH = 8  # images shown to the network together


class Network(NamedTuple):
    """How a network is asked, and the least score of its answers by default."""

    detections: Callable[[Session, list[Image]], list[Detections]]
    threshold: float


# The thresholds give the best F1 on 73 images of COCO with 350 people: 0.62 at 0.4, and 0.63 at 0.25.
NETWORKS: Mapping[str, Network] = {
    "picodet": Network(picodet.detections, 0.4),
    "centernet": Network(centernet.detections, 0.25),
}


class BodyDetector(Detector):
    """Finds the bodies of an image; the confidence is the network's own score.

    By default those above the threshold of the network, see ``NETWORKS``.
    """

    name = "body-detector"
    subject = "body"
    heavy = True  # 25 ms an image on one core, whatever it shows
    provides = frozenset({KIND, BOX, CONFIDENCE})
    tasks = ("body-detection",)

    def __init__(self, models: Models) -> None:
        self._model = models["body-detection"][0]
        self._network = NETWORKS[self._model.architecture]

    def detect(self, images: Sequence[Image], threshold: float | None = None) -> list[list[Attributes]]:
        least = self._network.threshold if threshold is None else threshold
        found: list[list[Attributes]] = []
        for start in range(0, len(images), _BATCH):
            batch = list(images[start : start + _BATCH])
            for image, bodies in zip(batch, self._network.detections(self._model.run, batch), strict=True):
                found.append(_attributes(image, seen(sifted(bodies, least, _OVERLAP, _MOST), image)))
        return found


def _attributes(image: Image, bodies: Detections) -> list[Attributes]:
    return [
        Attributes({KIND: "body", CONFIDENCE: float(score), BOX: fractions(box, image)})
        for box, score in zip(bodies.boxes, bodies.scores, strict=True)
    ]
