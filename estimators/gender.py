"""Whether a face looks male or female."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.confidence import load_scaling
from estimators.faceapi import AGE_GENDER, face_crop
from schemas.attributes import BOX, GENDER, GENDER_CONFIDENCE, MALE, Attributes, Gender

View = Image | float  # a crop of (112, 112, 3) uint8 RGB, or P(male) where the age estimator's run told it already


class GenderEstimator(Estimator[View]):
    """Tells the likelier gender, by the calibrated probability."""

    name = "gender-estimator"
    requires = frozenset({BOX})
    uses = frozenset({MALE})
    provides = frozenset({GENDER})
    reveals = frozenset({GENDER_CONFIDENCE})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._network = model.run, AGE_GENDER[model.architecture]
        self._scaling = load_scaling((model,))

    def view(self, image: Image, attributes: Attributes) -> View:
        return attributes[MALE] if MALE in attributes else face_crop(image, attributes[BOX])

    def settled(self, views: Sequence[View]) -> bool:
        return all(isinstance(view, float) for view in views)

    def uncalibrated(self, views: Sequence[View]) -> NDArray[np.float64]:
        """(n,) P(male) as the network tells it."""
        crops = [view for view in views if not isinstance(view, float)]
        told = iter(self._network(self._run, crops).male if crops else ())
        return np.array([view if isinstance(view, float) else next(told) for view in views], np.float64)

    def estimate(self, views: Sequence[View]) -> list[Attributes]:
        if not views:
            return []
        male = self._scaling.yes(self.uncalibrated(views))
        return [
            Attributes(
                {
                    GENDER: Gender.MALE if share >= 0.5 else Gender.FEMALE,
                    GENDER_CONFIDENCE: max(float(share), 1 - float(share)),
                }
            )
            for share in male
        ]
