"""Error versus discard: what refusing poor photographs would do to the share of genuine pairs that are not recognised.

The error-versus-discard characteristic of ISO/IEC 29794-1: each comparison of two photographs of one person has a
quality, the lower one of the two; the comparisons of lowest quality are discarded, a growing share of them, and the
false non-match rate is that of what is left, at a threshold of distance that is fixed beforehand. A quality that
predicts recognition makes it fall steeply; one that says nothing leaves it level.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)


def pair_qualities(first: ArrayLike, second: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The quality of each comparison, (n,): the lower one of its two photographs' (n,) qualities."""
    return np.minimum(np.asarray(first, np.float64), np.asarray(second, np.float64))


def error_versus_discard(
    distances: ArrayLike, qualities: ArrayLike, threshold: float, shares: Sequence[float] = SHARES
) -> list[float]:
    """The false non-match rate once each share of the comparisons, those of lowest quality, is discarded.

    ``distances`` and ``qualities`` are (n,) of genuine comparisons, ``shares`` lie in [0, 1). A comparison is a false
    non-match where its distance is above the threshold. Of comparisons of equal quality at the border, none comes
    before another: the rate is what discarding them at random gives in the mean. NaN where there is nothing to compare.
    """
    missed = (np.asarray(distances, np.float64) > threshold).astype(np.float64)
    quality = np.asarray(qualities, np.float64)
    if missed.shape != quality.shape or missed.ndim != 1:
        raise ValueError("there must be one quality for each distance")
    if any(not 0 <= share < 1 for share in shares):
        raise ValueError("a share to discard lies in [0, 1)")
    if not missed.size:
        return [float("nan")] * len(shares)
    levels, where = np.unique(quality, return_inverse=True)
    numbers = np.bincount(where, minlength=len(levels))
    expected = (np.bincount(where, missed, len(levels)) / numbers)[where]
    order = np.argsort(quality, kind="stable")
    lost = np.concatenate([[0.0], np.cumsum(expected[order])])  # false non-matches among the first so many
    total, count = float(lost[-1]), len(missed)
    return [
        (total - float(np.interp(share * count, np.arange(count + 1), lost))) / ((1 - share) * count)
        for share in shares
    ]
