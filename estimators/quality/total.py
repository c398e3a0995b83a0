"""The total score: how useful a face is for recognition."""

from collections.abc import Mapping
from typing import NamedTuple

from estimators.quality.thresholds import Scale


class _Part(NamedTuple):
    scale: Scale | None  # None where the value is a score already
    weight: float


# ISO/IEC 29794-5 has a unified score by a network and leaves combinations open. This one is a product of scores, each
# raised to its weight: one grave defect is enough to make a face useless, and no virtue makes up for it. What does not
# harm recognition does not count: background, expression, and the room round the head as long as the head is there.
_PARTS: Mapping[str, _Part] = {
    "network": _Part(Scale(0.48, 0.035), 0.6),  # LightQNet's answer: 0.60 for an ordinary portrait
    "sharpness": _Part(None, 0.5),
    "rotation": _Part(Scale(25.0, -6.0), 0.5),  # degrees, without sign
    "not_masked": _Part(None, 0.4),
    "eyes_distance": _Part(Scale(30.0, 5.0), 0.3),  # pixels
    "illumination": _Part(None, 0.3),
    "noise": _Part(None, 0.3),
    "cut_off": _Part(Scale(0.5, -0.12), 0.3),  # what the photo cuts off of the head, in distances from eyes to chin
    "flare": _Part(None, 0.2),
    "dynamic_range": _Part(Scale(95.0, 12.0), 0.2),  # grey levels
    "openness": _Part(None, 0.2),  # of the eye that is less open
    "no_watermark": _Part(None, 0.2),
}

_LEAST = 0.01  # a score of zero is not certain to be one


def total_score(values: Mapping[str, float]) -> float:
    """The product of weighted scores, 0..1. ``values`` may lack ``network``, which then does not count."""
    total = 1.0
    for name, value in values.items():
        scale, weight = _PARTS[name]
        total *= max(scale.score(value) if scale else value, _LEAST) ** weight
    return total
