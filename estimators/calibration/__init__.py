"""What the distance between two templates means: error rates and a score, measured for each template model.

A table is a JSON file beside this module, written by ``training/calibrate_matcher.py``:

* ``model`` and ``version``: whose templates it is for.
* ``provenance``: when, with which networks and on which images it was measured.
* ``impostor`` and ``genuine``: histograms of the distances of all pairs of images of different people and of the same
  person; ``counts[i]`` pairs have the distance ``first + i``, and no pairs have any other distance.
* ``score``: the knots ``[distance, score]`` between which the score is linear.
* ``certainty``: for some false-accept rates the threshold, what it lets pass among the pairs, and 95 % intervals of
  that, from drawing the people again; for readers, the matcher does not use it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.attributes import Verification

FARTHEST = 10_000  # the distance of opposite vectors
TABLES = ("foamliu", "faceres", "mobileface")  # one file each

# The score at the largest distance whose false-accept rate is at most this. There is none at 1e-5: 17 of the measured
# pairs are closer, six or seven of these look like one person under two names, and the interval spans a factor of ten.
ANCHORS = ((1e-4, 0.85), (1e-3, 0.7), (1e-2, 0.5), (1e-1, 0.25))

LEAST_RATE = 1e-5  # no threshold is told for less: some 17 of the measured pairs lie below it

Vector = NDArray[np.float32]  # (d,) or (n, d), of length 1


@dataclass(frozen=True)
class Calibration:
    """Error rates and scores by distance, each (10001,) float64."""

    model: str
    version: int
    false_accept: NDArray[np.float64]
    false_reject: NDArray[np.float64]
    score: NDArray[np.float64]

    def verification(self, distance: int) -> Verification:
        """What is known of two templates at this distance, 0 to 10000."""
        return Verification(
            distance,
            float(self.false_accept[distance]),
            float(self.false_reject[distance]),
            float(self.score[distance]),
        )


def distances(cosines: NDArray[np.floating]) -> NDArray[np.int64]:
    """Of cosines of any shape the distances, 0 = same direction, 5000 = at right angles, 10000 = opposite."""
    scaled = np.rint(FARTHEST * (1 - np.asarray(cosines, np.float64)) / 2)
    return np.asarray(np.clip(scaled, 0, FARTHEST), np.int64)


def rates(impostor: NDArray[np.int64], genuine: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False-accept and false-reject rate by distance, of the (10001,) numbers of pairs at each distance.

    A distance accepts the pairs up to and including itself.
    """
    false_accept = np.cumsum(impostor) / impostor.sum()
    false_reject = (genuine.sum() - np.cumsum(genuine)) / genuine.sum()
    return false_accept, false_reject


def score_knots(false_accept: NDArray[np.float64]) -> list[tuple[int, float]]:
    """The knots of the score: 1 at distance 0, the anchors where the false-accept rate reaches them, 0 at the end."""
    return [(0, 1.0), *((farthest_within(false_accept, rate), score) for rate, score in ANCHORS), (FARTHEST, 0.0)]


def farthest_within(false_accept: NDArray[np.float64], rate: float) -> int:
    """The largest distance whose false-accept rate, of those (10001,) by distance, is at most ``rate``."""
    return max(int(np.searchsorted(false_accept, rate, side="right")) - 1, 0)


def threshold(model: str, false_accept_rate: float) -> int:
    """The largest distance to accept where at most this share of pairs of different people may pass.

    That is the share among the people measured; ``docs/templates.md`` says how much more it is among others. Raises
    ``ValueError`` for a model without a table, and for a rate outside 1e-5 to 1: less was not measured.
    """
    if model not in TABLES:
        raise ValueError(f"there is no calibration for templates of {model}; there are {', '.join(TABLES)}")
    if not LEAST_RATE <= false_accept_rate <= 1:
        raise ValueError(
            f"a false-accept rate of {false_accept_rate:g} was not measured: {LEAST_RATE:g} to 1 can be had"
        )
    return farthest_within(load_calibration(model).false_accept, false_accept_rate)


def read_table(name: str) -> dict[str, Any]:
    """The contents of one of the JSON files beside this module."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return table


def load_calibration(name: str) -> Calibration:
    """The committed table of a template model."""
    table = read_table(name)
    false_accept, false_reject = rates(_histogram(table["impostor"]), _histogram(table["genuine"]))
    positions, scores = np.array(table["score"], np.float64).T
    score = np.interp(np.arange(FARTHEST + 1), positions, scores)
    return Calibration(table["model"], table["version"], false_accept, false_reject, score)


def load_calibrations() -> Mapping[tuple[str, int], Calibration]:
    """All committed tables, by model and version."""
    tables = [load_calibration(name) for name in TABLES]
    return {(table.model, table.version): table for table in tables}


def _histogram(raw: Mapping[str, Any]) -> NDArray[np.int64]:
    counts = np.zeros(FARTHEST + 1, np.int64)
    counts[raw["first"] : raw["first"] + len(raw["counts"])] = raw["counts"]
    return counts
