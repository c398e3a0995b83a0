"""Detectors that find faces and say one thing more about each: a face fitter followed by an estimator."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from estimators.base import Detector, Estimator, Image, Models
from estimators.face import FaceFitter
from estimators.liveness import LivenessEstimator
from estimators.template import TemplateExtractor
from schemas.attributes import BOX, CONFIDENCE, KIND, LIVENESS, TEMPLATE, Attributes

# By network: where F1 is about best, in which a false face weighs as much as a miss, of the thresholds that
# training/detection_report.py measures. What is taken for a face here leaves with a template or a verdict, so that a
# hand or a blur costs more than it does in the fitter.
THRESHOLDS: Mapping[str, float] = {"yunet": 0.65, "centerface": 0.4}

_BATCH = 16  # views shown to a network together: a photograph of a crowd must not need a crowd's memory


class FaceDetectorWith(Detector):
    """Finds faces, asks ``estimator`` about them, and keeps of each face only what it ``provides``.

    By default faces above the threshold of the detection network: 0.65 for YuNet, 0.4 for CenterFace.
    """

    estimator: ClassVar[type[Estimator[Any]]]

    def __init__(self, models: Models) -> None:
        self._fitter = FaceFitter(models)
        self._threshold = THRESHOLDS[models["face-detection"][0].architecture]
        self._estimator = self.estimator(models)

    def detect(self, images: Sequence[Image], threshold: float | None = None) -> list[list[Attributes]]:
        faces = self._fitter.detect(images, self._threshold if threshold is None else threshold)
        views = [
            self._estimator.view(image, face) for image, found in zip(images, faces, strict=True) for face in found
        ]
        batches = [views[start : start + _BATCH] for start in range(0, len(views), _BATCH)]
        answers = (answer for batch in batches for answer in self._estimator.estimate(batch))
        return [[self._kept(face | next(answers)) for face in found] for found in faces]

    def _kept(self, face: Attributes) -> Attributes:
        return Attributes({attribute: value for attribute, value in face.items() if attribute in self.provides})


class FaceDetectorTemplateExtractor(FaceDetectorWith):
    """Finds faces and extracts the template of each."""

    name = "face-detector-template-extractor"
    estimator = TemplateExtractor
    provides = frozenset({KIND, BOX, CONFIDENCE, TEMPLATE})
    tasks = FaceFitter.tasks + TemplateExtractor.tasks
    optional = FaceFitter.optional + TemplateExtractor.optional


class FaceDetectorLivenessEstimator(FaceDetectorWith):
    """Finds faces and estimates the liveness of each."""

    name = "face-detector-liveness-estimator"
    estimator = LivenessEstimator
    provides = frozenset({KIND, BOX, CONFIDENCE, LIVENESS})
    tasks = FaceFitter.tasks + LivenessEstimator.tasks
    optional = FaceFitter.optional + LivenessEstimator.optional
