"""Vectors in memory, small enough that millions are compared in milliseconds: 256 bits each, and a byte a component.

A bit says on which side of a plane through the origin a vector lies; two vectors at an angle of ``a`` differ in a share
of ``a / pi`` of their bits, on average (Charikar, "Similarity estimation techniques from rounding algorithms", 2002).
The planes are those of orthogonal rotations, each a Hadamard transform of the vector with the signs of its components
changed at random: orthogonal planes tell more than independent ones (Ji et al., "Super-bit locality-sensitive hashing",
2012), and such rotations are the same on every machine. All this lives in memory only; nothing stores it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BITS = 256
WORDS = BITS // 64
_BLOCK = 1 << 15  # signatures compared at a time, so that what comes between stays in a core's cache
# Vectors with the closest signatures, which are compared by their bytes: the closest vector is hardly ever beyond, see
# docs/identity.md.
_CLOSER = 1 / 50  # of all,
_LEAST = 4000  # but at least so many


class Compact(NamedTuple):
    """Some vectors of length 1; ``components[i] * scales[i]`` is about the vector."""

    signatures: NDArray[np.uint64]  # (WORDS, n): by words, as they are compared
    components: NDArray[np.int8]  # (n, dimension)
    scales: NDArray[np.float32]  # (n,)


def planes(dimension: int) -> NDArray[np.float32]:
    """The normals of the planes, (dimension, 256) of 1 and -1; the dimension is a power of two up to 256."""
    hadamard = np.ones((1, 1), np.float32)
    while len(hadamard) < dimension:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    generator = np.random.Generator(np.random.PCG64(dimension))
    signs = generator.choice(np.asarray([-1, 1], np.float32), (BITS // dimension, dimension))
    return np.concatenate([each[:, None] * hadamard for each in signs], axis=1)


def compact(vectors: NDArray[np.float32], normals: NDArray[np.float32]) -> Compact:
    """(n, dimension) vectors of length 1, made small."""
    packed = np.packbits(vectors @ normals > 0, axis=1)
    scales = np.abs(vectors).max(axis=1, initial=0) / 127
    components = np.rint(vectors / scales[:, None]).astype(np.int8)
    return Compact(np.ascontiguousarray(packed.view(np.uint64).T), components, scales)


def closest(known: Compact, vector: NDArray[np.float32], normals: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """The places of the ``most`` vectors that seem closest to ``vector`` of length 1, in no order."""
    # Not by ``@``, which would start threads: slow where other searches are in progress.
    count = len(known.scales)
    if count <= most:
        return np.arange(count)
    least = max(round(_CLOSER * count), _LEAST, most)
    some = np.arange(count) if count <= least else _by_signature(known.signatures, vector, normals, least)
    cosines = np.vecdot(known.components[some].astype(np.float32), vector) * known.scales[some]
    return some[np.argpartition(-cosines, most)[:most]]


def _by_signature(
    known: NDArray[np.uint64], vector: NDArray[np.float32], normals: NDArray[np.float32], least: int
) -> NDArray[np.intp]:
    """The places of the signatures that differ least from that of the vector, in order: at least so many."""
    probe = np.packbits(np.vecdot(normals.T, vector) > 0).view(np.uint64)
    count = known.shape[1]
    differing = np.zeros(count, np.uint16)
    counts = np.zeros(BITS + 1, np.int64)
    between = np.empty(min(_BLOCK, count), np.uint64)
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        for words, word in zip(known, probe, strict=True):
            np.bitwise_xor(words[start:end], word, out=between[: end - start])
            differing[start:end] += np.bitwise_count(between[: end - start])
        counts += np.bincount(differing[start:end], minlength=BITS + 1)
    return np.flatnonzero(differing <= np.searchsorted(counts.cumsum(), least))
