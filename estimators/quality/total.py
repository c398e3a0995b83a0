"""The total score: how useful a face is for recognition.

The total is a product of scores, each raised to a weight that is not negative: no virtue makes up for a grave defect.
A score is the sigmoid of a native value, so that each part can only fall
as its value gets worse. The parts, in their native units:

* ``network``: LightQNet's answer, about 0 to 0.65. It may be missing; the other parts then have other weights.
* ``yaw``, ``pitch``: degrees without sign, pitch from that of people who look at the camera. Roll does not count:
  faces are aligned before they are compared.
* ``sharpness``, ``illumination``, ``flare``, ``noise``, ``dynamic_range``, ``watermark``: what ``focus``, ``exposure``
  and ``watermark`` measure.
* ``openness``: height over width of the eye that is less open.
* ``not_masked``: the score of that name itself.
* ``eyes_distance``: pixels of the photograph.
* ``cut_off``: what the photograph cuts off of the head, in distances from the eyes to the chin.

What does not harm recognition has no part: background, expression, and the room round the head.

Middles, widths and weights are in ``total.json``. ``training/quality_weights.py`` learns them from how much further
apart the templates of one person are where a value is worse, and says how. A total of one half is where a face
compared with a good one of the same person reaches, in the mean, the distance that is accepted at a false-accept rate
of 1e-3.
"""

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from estimators.quality.thresholds import Scale

TABLE = "total.json"
NETWORK = "network"

_LEAST = 1e-300  # a score whose logarithm is finite


class Part(NamedTuple):
    """A factor of the total: a score and the weight that it is raised to."""

    scale: Scale | None  # None where the value is a score already
    weight: float  # beside the network
    weight_alone: float  # where there is no network

    def penalty(self, value: float) -> float:
        """The negative logarithm of the score: 0 for a perfect value, growing as it gets worse."""
        return -math.log(max(self.scale.score(value) if self.scale else value, _LEAST))


@cache
def parts() -> Mapping[str, Part]:
    """The learned table."""
    rows = json.loads(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"))["parts"]
    return {name: _part(**row) for name, row in rows.items()}


def _part(weight: float, weight_alone: float, middle: float | None = None, width: float | None = None) -> Part:
    return Part(None if middle is None or width is None else Scale(middle, width), weight, weight_alone)


def total_score(values: Mapping[str, float]) -> float:
    """The product of weighted scores, 0..1. ``values`` has every part; ``network`` may lack."""
    table = parts()
    with_network = NETWORK in values
    weights = {name: part.weight if with_network else part.weight_alone for name, part in table.items()}
    return math.exp(-sum(weights[name] * table[name].penalty(value) for name, value in values.items()))
