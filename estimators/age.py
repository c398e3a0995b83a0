"""How old a face looks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.faceapi import face_crop, network_input
from models import Session
from schemas.attributes import AGE, BOX, Attributes


def _faceapi_years(run: Session, crops: Sequence[Image]) -> NDArray[np.float32]:
    """(n,) years, of a network that answers (n, 1) years and (n, 2) probabilities of male and female."""
    return run(network_input(crops))[0][:, 0]


_YEARS: Mapping[str, Callable[[Session, Sequence[Image]], NDArray[np.float32]]] = {"faceapi-age-gender": _faceapi_years}


class AgeEstimator(Estimator[Image]):
    """Estimates the age in years, at least 0. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "age-estimator"
    requires = frozenset({BOX})
    provides = frozenset({AGE})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._years = model.run, _YEARS[model.architecture]

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        return [Attributes({AGE: max(float(years), 0.0)}) for years in self._years(self._run, views)]
