"""How old a face looks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.calibration import read_table
from estimators.faceapi import face_crop, mirrored_mean
from models import Session
from schemas.attributes import AGE, BOX, Attributes

Years = NDArray[np.float64]  # (n,)


def _faceapi_years(run: Session, crops: Sequence[Image]) -> Years:
    """Of a network that answers (n, 1) years and (n, 2) probabilities: the mean of a face and its mirror image."""
    return mirrored_mean(run, crops, 0)


_YEARS: Mapping[str, Callable[[Session, Sequence[Image]], Years]] = {"faceapi-age-gender": _faceapi_years}


def load_correction(name: str) -> Mapping[float, float]:
    """What is to be added to the years that a model tells, by those years; none where nothing was measured.

    ``calibration/age.json``, which ``training/correct_age.py`` writes, has by the name of the model ``knots``, pairs of
    years and years to add, and their ``provenance``.
    """
    return dict(read_table("age").get(name, {"knots": []})["knots"])


def corrected(years: Years, correction: Mapping[float, float]) -> Years:
    """The years with what is to be added to them, linear between the knots and constant beyond; at least 0."""
    added = np.interp(years, list(correction), list(correction.values())) if correction else 0.0
    return np.maximum(years + added, 0.0)


class AgeEstimator(Estimator[Image]):
    """Estimates the age in years, at least 0. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "age-estimator"
    requires = frozenset({BOX})
    provides = frozenset({AGE})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._years = model.run, _YEARS[model.architecture]
        self._correction = load_correction(model.name)

    def view(self, image: Image, attributes: Attributes) -> Image:
        return face_crop(image, attributes[BOX])

    def uncorrected(self, views: Sequence[Image]) -> Years:
        """(n,) years as the network tells them."""
        return self._years(self._run, views)

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        return [Attributes({AGE: float(years)}) for years in corrected(self.uncorrected(views), self._correction)]
