"""SmartFace's scales, and where our own confidences lie on them.

SmartFace's documents name a default for each threshold but publish no table behind it. So each scale is pinned where a
client finds it: its default threshold means what our own default means, and between the pins it is linear.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

Knots = Sequence[tuple[float, float]]  # ours, SmartFace's; both ascending

DEFAULT_THRESHOLD = 40  # of watchlists, as the documents recommend
STRANGERS = 0.0001  # the false-accept rate at this threshold

# -10 times the decimal logarithm of the false-accept rate, up to where that was measured; then straight on to identity.
# The scores on the left are those at the rates 1e-1 to 1e-4, see estimators/calibration.
_MATCH: Knots = ((0, 0), (0.25, 10), (0.5, 20), (0.7, 30), (0.85, 40), (1, 100))
# The defaults of POST Search (450) and of the documents' sample for Register (1450) are the thresholds of our detectors
# that find faces, and of those that say something of them: 0.5 and 0.65 with YuNet, see docs/detection.md.
_DETECTION: Knots = ((0, 0), (0.5, 450), (0.65, 1450), (1, 10_000))
_MASK: Knots = ((0, 0), (0.5, 3000), (1, 10_000))
_LIVENESS: Knots = ((0, 0), (0.5, 90), (1, 100))

_DUST = 1e-9  # that a float may be off


def match_score(score: float) -> float:
    """How alike two faces are, 0..100, of our calibrated score, 0..1: 40 is a false-accept rate of 1e-4."""
    return _between(_MATCH, score)


def whole(score: float) -> int:
    """A match score as it is told: rounded up, so that it exceeds a whole threshold just where the exact one does."""
    return ceil(score - _DUST)


def detection_quality(confidence: float) -> int:
    """The confidence of a detection, 0..1, on the scale of ``confidenceThreshold``, 0..10000."""
    return round(_between(_DETECTION, confidence))


def detection_confidence(threshold: float) -> float:
    """The confidence of a detection, 0..1, that a ``confidenceThreshold`` means."""
    return _between([(theirs, ours) for ours, theirs in _DETECTION], threshold)


def mask_confidence(confidence: float) -> float:
    """The probability of a mask, 0..1, on the scale of ``faceMaskThreshold``, 0..10000: even odds are 3000."""
    return round(_between(_MASK, confidence), 1)


def liveness_score(confidence: float) -> float:
    """The probability of a live person, 0..1, on SmartFace's scale of 0..100: even odds are 90."""
    return round(_between(_LIVENESS, confidence), 2)


def sharpness(score: float) -> float:
    """Our sharpness, 0..1, as a number of 0..10000."""
    return round(10_000 * score, 1)


def template_quality(total_score: float) -> int:
    """Our total quality, 0..1, as a number of 0..100."""
    return round(100 * total_score)


def _between(knots: Knots, value: float) -> float:
    """The value on the scale that the knots make, at an end of it for what lies beyond."""
    if value <= knots[0][0]:
        return knots[0][1]
    for (low, start), (high, end) in pairwise(knots):
        if value <= high:
            return start + (end - start) * (value - low) / (high - low)
    return knots[-1][1]
