"""Templates of people who do not exist, as far apart as real ones: what the store is measured with.

A person is a random direction. Its components along the principal axes have variances that fall as ``exp(-i / 55)``,
fitted to the templates of ``foamliu`` of the 1,305 people of LFW: both have 90 dimensions by participation ratio. Two
people then have cosines with a deviation of .105, in LFW .101; one pair in a thousand is above .33, in both. Two
samples of a person have a cosine drawn from that of the genuine pairs in ``estimators/calibration/foamliu.json``.
"""

import numpy as np
from numpy.typing import NDArray

from estimators.calibration import FARTHEST, load_calibration
from schemas.template import Template, encode

MODEL, DIMENSION = "foamliu", 128
_DECAY = 55.0
_LEAST = 0.01  # cosine; a few pairs of LFW are wrongly labelled and below 0

Vectors = NDArray[np.float32]  # (n, 128), of length 1


class Strangers:
    """Draws people and samples of them; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        # Networks' components are not principal axes; the axes are the same for all seeds.
        axes, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((DIMENSION, DIMENSION)))
        deviations = np.sqrt(np.exp(-np.arange(DIMENSION) / _DECAY))
        self._shape = np.asarray(deviations[:, None] * axes.T, np.float32)
        self._false_reject = load_calibration(MODEL).false_reject

    def people(self, count: int) -> Vectors:
        """That many people who look unlike any others."""
        return _unit(self._random.standard_normal((count, DIMENSION), dtype=np.float32) @ self._shape)

    def samples(self, people: Vectors) -> Vectors:
        """A photo's template of each."""
        shares = self._random.random(len(people))
        distances = np.searchsorted(-self._false_reject, shares - 1)  # shares of genuine pairs that are closer
        cosines = np.clip(1 - 2 * distances / FARTHEST, _LEAST, 1).astype(np.float32)[:, None]
        noise = self.people(len(people))
        noise = _unit(noise - (noise * people).sum(axis=1, keepdims=True) * people)
        return _unit(np.sqrt(cosines) * people + np.sqrt(1 - cosines) * noise)

    def some(self, most: int, count: int) -> NDArray[np.int64]:
        """Different numbers below ``most``."""
        return self._random.permutation(most)[:count]


def templates(vectors: Vectors) -> list[bytes]:
    """The vectors as they are enrolled."""
    return [encode(Template(MODEL, 1, vector)) for vector in vectors]


def stored(vectors: Vectors) -> Vectors:
    """The vectors as they are after they were rounded in a template."""
    return vectors.astype(np.float16).astype(np.float32)


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
