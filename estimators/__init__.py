"""The services: pure functions from pictures to attributes. Nothing here knows of HTTP, JSON or Ray."""

from estimators.age import AgeEstimator
from estimators.base import Detector, Estimator, Image, Matcher, Models, Node
from estimators.body import BodyDetector
from estimators.composite import FaceDetectorLivenessEstimator, FaceDetectorTemplateExtractor, FaceDetectorWith
from estimators.emotion import EmotionEstimator
from estimators.face import FaceFitter
from estimators.gender import GenderEstimator
from estimators.liveness import LivenessEstimator
from estimators.mask import MaskEstimator
from estimators.matcher import VerifyMatcher
from estimators.quality import QualityAssessmentEstimator
from estimators.template import TemplateExtractor

CATALOGUE: dict[str, type[Node]] = {
    node.name: node
    for node in (
        BodyDetector,
        FaceFitter,
        FaceDetectorTemplateExtractor,
        FaceDetectorLivenessEstimator,
        GenderEstimator,
        AgeEstimator,
        EmotionEstimator,
        MaskEstimator,
        LivenessEstimator,
        QualityAssessmentEstimator,
        TemplateExtractor,
        VerifyMatcher,
    )
}

__all__ = [
    "CATALOGUE",
    "Detector",
    "Estimator",
    "FaceDetectorWith",
    "Image",
    "Matcher",
    "Models",
    "Node",
    "VerifyMatcher",
]
