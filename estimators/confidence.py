"""What a network's probabilities are worth: scaled so that of the answers of confidence c a share of about c is right.

The numbers are in ``calibration/confidence.json``, which ``training/calibrate_confidence.py`` writes: by the names of
the models that answer together, joined by "+", the ``slopes`` of a ``Scaling`` and their ``provenance``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimators.calibration import read_table
from models import Model, choice_name

Array = NDArray[np.float64]

# No probability is taken for smaller: beyond that a network in float32 tells rounding errors.
LEAST = 1e-6


@dataclass(frozen=True)
class Scaling:
    """Multiplies logarithms of probabilities by ``slopes``, inverse temperatures (Guo et al. 2017).

    For a yes or no there are two, for odds against and for odds in favour; for the shares of classes one for each
    network that answers. Without slopes a probability stays as it is, and several networks count alike. No verdict
    changes: what is likelier than not stays so.
    """

    slopes: tuple[float, ...] = ()

    def yes(self, likely: NDArray[np.floating]) -> Array:
        """(n,) P(yes) of what one network answers, (n,) P(yes)."""
        share = np.asarray(likely, np.float64)
        if not self.slopes:
            return share
        against, in_favour = self.slopes
        kept = np.clip(share, LEAST, 1 - LEAST)
        odds = np.log(kept / (1 - kept))
        scaled: Array = 1 / (1 + np.exp(-odds * np.where(odds < 0, against, in_favour)))
        return scaled

    def classes(self, *likely: NDArray[np.floating]) -> Array:
        """(n, k) probabilities that sum to 1, of what each network answers, (n, k) each: its share of every class."""
        if len(likely) == 1 and not self.slopes:
            return _shares(np.asarray(likely[0], np.float64))
        slopes = self.slopes or (1 / len(likely),) * len(likely)
        logarithms = np.array([np.log(np.maximum(each, LEAST, dtype=np.float64)) for each in likely])
        weighed = np.tensordot(slopes, logarithms, 1)
        return _shares(np.exp(weighed - weighed.max(1, keepdims=True)))


def load_scaling(models: Sequence[Model]) -> Scaling:
    """The committed scaling of models that answer together; one that leaves all as it is where none was measured."""
    entry = read_table("confidence").get(choice_name(models))
    return Scaling(tuple(entry["slopes"])) if entry else Scaling()


def _shares(weights: Array) -> Array:
    shares: Array = weights / weights.sum(1, keepdims=True)
    return shares
