"""Whether a face looks male or female."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.faceapi import face_crop, network_input
from models import Session
from schemas.attributes import BOX, GENDER, Attributes, Gender


def _faceapi_male(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n,) P(male), of a network that answers (n, 1) years and (n, 2) probabilities of male and female."""
    return run(network_input(crops))[1][:, 0]


_MALE: Mapping[str, Callable[[Session, Sequence[Image]], NDArray[np.float32]]] = {"faceapi-age-gender": _faceapi_male}


class GenderEstimator(Estimator[Image]):
    """Tells the likelier gender. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "gender-estimator"
    requires = frozenset({BOX})
    provides = frozenset({GENDER})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._male = model.run, _MALE[model.architecture]

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        return [
            Attributes({GENDER: Gender.MALE if male >= 0.5 else Gender.FEMALE}) for male in self._male(self._run, views)
        ]
