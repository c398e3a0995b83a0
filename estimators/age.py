"""How old a face looks."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image, Models
from estimators.calibration import read_table
from estimators.faceapi import AGE_GENDER, FaceCropEstimator
from schemas.attributes import AGE, MALE, Attributes

Years = NDArray[np.float64]  # (n,)


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


class AgeEstimator(FaceCropEstimator):
    """Estimates the age in years, at least 0. A view is a crop of (112, 112, 3) uint8 RGB."""

    name = "age-estimator"
    provides = frozenset({AGE})
    reveals = frozenset({MALE})
    tasks = ("age-gender",)

    def __init__(self, models: Models) -> None:
        model = models["age-gender"][0]
        self._run, self._network = model.run, AGE_GENDER[model.architecture]
        self._correction = load_correction(model.name)

    def uncorrected(self, views: Sequence[Image]) -> Years:
        """(n,) years as the network tells them, of n > 0 views."""
        return self._network(self._run, views).years

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        told = self._network(self._run, views)
        years = corrected(told.years, self._correction)
        return [Attributes({AGE: float(age), MALE: float(male)}) for age, male in zip(years, told.male, strict=True)]
