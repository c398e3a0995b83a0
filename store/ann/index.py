"""The faces of one collection and one model in memory, as far as it takes to find candidates among millions of them."""

import numpy as np
from numpy.typing import NDArray

from store.ann.hashing import WORDS, Compact, closest, compact, planes

_LEAST = 1024  # faces that there is room for in the beginning


class AnnIndex:
    """Numbers and vectors of faces; with vectors of 128 components 172 bytes a face, and a quarter more to grow.

    It may know faces that are no longer there: whoever uses the candidates looks them up. Searches in other threads go
    on with the arrays that they have.
    """

    def __init__(self, dimension: int) -> None:
        self._normals = planes(dimension)
        self._numbers, self._vectors = _room(_LEAST, dimension)
        self._count = 0
        self._newest = 0  # the greatest number
        self.seen = 0  # all changes of transactions below this number are in
        self._recent: set[int] = set()  # numbers of faces that changed in transactions from there on, and are in

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes."""
        return self._numbers.nbytes + sum(each.nbytes for each in self._vectors)

    def compact(self, vectors: NDArray[np.float32]) -> Compact:
        """(n, dimension) vectors as they are kept."""
        return compact(vectors, self._normals)

    def add(self, numbers: NDArray[np.int64], vectors: Compact) -> None:
        """Adds faces that are not in yet, by their (n,) numbers."""
        count = self._count + len(numbers)
        if count > len(self._numbers):
            wider, deeper = _room(max(count, 5 * len(self._numbers) // 4), self._vectors.components.shape[1])
            _write(wider, deeper, slice(0, self._count), self._numbers[: self._count], self._all())
            self._numbers, self._vectors = wider, deeper
        _write(self._numbers, self._vectors, slice(self._count, count), numbers, vectors)
        self._count = count
        self._newest = max(self._newest, int(numbers.max(initial=0)))

    def follow(self, numbers: NDArray[np.int64], transactions: NDArray[np.int64], vectors: Compact, seen: int) -> None:
        """Takes over some changed faces, each once; with them all changes of transactions below ``seen`` are in."""
        changed = {
            number: place
            for place, (number, transaction) in enumerate(zip(numbers.tolist(), transactions.tolist(), strict=True))
            if transaction >= self.seen and number not in self._recent
        }
        self._replace(changed, vectors)
        places = sorted(changed.values())
        self.add(numbers[places], _some(vectors, places))
        self._recent = set(numbers[transactions >= seen].tolist())
        self.seen = seen

    def _replace(self, changed: dict[int, int], vectors: Compact) -> None:
        """Takes those that are in already out of ``changed``, which says where their new vectors are."""
        if any(number <= self._newest for number in changed):
            known = self._numbers[: self._count]
            for place in np.flatnonzero(np.isin(known, list(changed))).tolist():
                new = changed.pop(int(known[place]))
                _write(self._numbers, self._vectors, slice(place, place + 1), known[place], _some(vectors, [new]))

    def _all(self) -> Compact:
        count, (signatures, components, scales) = self._count, self._vectors
        return Compact(signatures[:, :count], components[:count], scales[:count])

    def candidates(self, vector: NDArray[np.float32], most: int) -> NDArray[np.int64]:
        """The numbers of the ``most`` faces whose vectors seem closest to ``vector``, in no order."""
        numbers, vectors = self._numbers, self._all()
        return numbers[closest(vectors, vector, self._normals, most)]


def _room(count: int, dimension: int) -> tuple[NDArray[np.int64], Compact]:
    vectors = Compact(
        np.empty((WORDS, count), np.uint64), np.empty((count, dimension), np.int8), np.empty(count, np.float32)
    )
    return np.empty(count, np.int64), vectors


def _some(vectors: Compact, places: list[int]) -> Compact:
    return Compact(vectors.signatures[:, places], vectors.components[places], vectors.scales[places])


def _write(
    numbers: NDArray[np.int64],
    vectors: Compact,
    where: slice,
    new_numbers: NDArray[np.int64] | np.int64,
    new_vectors: Compact,
) -> None:
    numbers[where] = new_numbers
    vectors.signatures[:, where] = new_vectors.signatures
    vectors.components[where] = new_vectors.components
    vectors.scales[where] = new_vectors.scales
