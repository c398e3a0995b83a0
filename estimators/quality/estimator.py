"""quality-assessment-estimator: the 29 values that say how good the picture of a face is."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.emotion import EmotionEstimator
from estimators.iris import eye_crops, openness
from estimators.mask import MaskEstimator
from estimators.quality.assessment import Answers, assessment
from estimators.quality.portrait import portrait_crop, usefulness
from estimators.quality.view import FaceView, face_view
from schemas.attributes import ANGLES, BOX, EMOTIONS, KEYPOINTS, MASK, QUALITY, Attributes


class QualityView(NamedTuple):
    """What the measures and each of the networks look at; crops are RGB uint8.

    Of the expression and the mask it holds what their estimators said where they were asked before.
    """

    face: FaceView
    eyes: NDArray[np.uint8]  # (2, 64, 64, 3)
    expression: Image | Attributes
    mask: Image | Attributes | None  # None where there is no such network, as below
    portrait: Image | None


class QualityAssessmentEstimator(Estimator[QualityView]):
    """Assesses the quality of the picture of a face.

    Without a mask network, the colours of the face tell whether it is covered; without a face-quality network, the
    total score rests on the other measures alone.
    """

    name = "quality-assessment-estimator"
    requires = frozenset({BOX, KEYPOINTS, ANGLES})
    uses = frozenset({EMOTIONS, MASK})
    provides = frozenset({QUALITY})
    tasks = ("iris", "expression")
    optional = ("mask", "face-quality")

    def __init__(self, models: Models) -> None:
        self._iris = models["iris"][0]
        self._expression = EmotionEstimator(models)
        self._mask = MaskEstimator(models) if models.get("mask") else None
        self._portrait = models["face-quality"][0] if models.get("face-quality") else None

    def view(self, image: Image, attributes: Attributes) -> QualityView:
        return QualityView(
            face=face_view(image, attributes),
            eyes=eye_crops(image, attributes[KEYPOINTS]),
            expression=_told_or_seen(self._expression, image, attributes),
            mask=_told_or_seen(self._mask, image, attributes) if self._mask else None,
            portrait=portrait_crop(image, attributes[KEYPOINTS]) if self._portrait else None,
        )

    def estimate(self, views: Sequence[QualityView]) -> list[Attributes]:
        qualities: list[Mapping[str, float | bool]] = [
            assessment(view.face, answer) for view, answer in zip(views, self.answers(views), strict=True)
        ]
        return [Attributes({QUALITY: quality}) for quality in qualities]

    def answers(self, views: Sequence[QualityView]) -> list[Answers]:
        """What the networks say of each face."""
        opened = openness(self._iris, [view.eyes for view in views])
        expressions = _told(self._expression, [view.expression for view in views])
        return [
            Answers(float(left), float(right), expression[EMOTIONS]["neutral"], masked, useful)
            for (left, right), expression, masked, useful in zip(
                opened, expressions, self._masked(views), self._useful(views), strict=True
            )
        ]

    def _masked(self, views: Sequence[QualityView]) -> list[float | None]:
        """How likely each face is masked; None where there is no network to say so."""
        seen = [view.mask for view in views if view.mask is not None]
        if self._mask is None or len(seen) != len(views):
            return [None] * len(views)
        return [attributes[MASK].confidence for attributes in _told(self._mask, seen)]

    def _useful(self, views: Sequence[QualityView]) -> list[float | None]:
        """How useful the network finds each face; None where there is no network."""
        crops = [view.portrait for view in views if view.portrait is not None]
        if self._portrait is None or len(crops) != len(views):
            return [None] * len(views)
        return [float(value) for value in usefulness(self._portrait, crops)]


def _told_or_seen(estimator: Estimator[Image], image: Image, attributes: Attributes) -> Image | Attributes:
    """What ``estimator`` said of an object before, or else what it looks at."""
    told = {attribute: attributes[attribute] for attribute in estimator.provides if attribute in attributes}
    return Attributes(told) if told else estimator.view(image, attributes)


def _told(estimator: Estimator[Image], views: Sequence[Image | Attributes]) -> list[Attributes]:
    """What ``estimator`` says of each object, where it did not say it before."""
    new = iter(estimator.estimate([view for view in views if not isinstance(view, Attributes)]))
    return [view if isinstance(view, Attributes) else next(new) for view in views]
