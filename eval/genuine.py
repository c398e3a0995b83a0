"""A list of genuine pairs, two photographs of one person each, of three labelled sets: the same on every machine.

Of Labeled Faces in the Wild every genuine pair there is counts; the rest is drawn in equal parts from Pointing'04 (a
person seen from many sides, in two series) and from the live photographs of NUAA, and there evenly over the persons.
Which of a person's pairs are drawn is decided by SHA-256 over the seed and the two names: no random generator whose
numbers could change. Pairs of one set have little in common with those of another: press photographs taken years apart,
heads turned up to 90 degrees, frames of one session. Figures over all of them say little without those of each set.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, islice, zip_longest
from pathlib import PurePosixPath
from typing import NamedTuple

from eval import split

PAIRS = 2000
SEED = 3

_SETS = ("verification", "head_pose", "liveness")
_WHOLE = "verification"  # the set of which every pair counts


class Pair(NamedTuple):
    """Two photographs of one person, by their names as in the set's ``labels.csv``."""

    task: str  # the set
    person: str  # the key by which ``eval.split.held_out`` tells halves
    first: str
    second: str


def person(task: str, name: str) -> str | None:
    """Whom a photograph of a set shows, by its name; None for a print and for a name of another kind."""
    if task == "liveness" and not PurePosixPath(name).name.startswith("live_"):
        return None
    return split.person(task, name)


def genuine_pairs(names: Mapping[str, Iterable[str]], count: int = PAIRS, seed: int = SEED) -> list[Pair]:
    """At most ``count`` pairs of the photographs that ``names`` gives by set, in an order that tells nothing.

    ``names`` may lack sets. The order of names and repeated names do not matter.
    """
    by_set = {task: _pairs(task, set(names[task]), seed) for task in _SETS if task in names}
    chosen = list(islice(by_set.pop(_WHOLE, []), count))
    shares = _shares(count - len(chosen), {task: len(pairs) for task, pairs in by_set.items()})
    for task, pairs in by_set.items():
        chosen += pairs[: shares[task]]
    return chosen


def _pairs(task: str, names: Iterable[str], seed: int) -> list[Pair]:
    """All pairs of a set: the first of each person, the second of each person, and so on."""
    shown: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        who = person(task, name)
        if who is not None:
            shown[who].append(name)
    drawn = [
        sorted((Pair(task, who, *two) for two in combinations(photographs, 2)), key=lambda pair: _lot(seed, pair))
        for who, photographs in sorted(shown.items())
    ]
    return [pair for row in zip_longest(*drawn) for pair in row if pair is not None]


def _lot(seed: int, pair: Pair) -> bytes:
    return hashlib.sha256(f"{seed} {pair.first} {pair.second}".encode()).digest()


def _shares(count: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """How many of each set are taken: equally many, more of the others where one has too few."""
    shares: dict[str, int] = {}
    left = count
    for position, (task, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        shares[task] = min(size, left // (len(sizes) - position))
        left -= shares[task]
    return shares


def photographs(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    """The (set, name) of every photograph that the pairs need, each once, in order."""
    return sorted({(pair.task, name) for pair in pairs for name in (pair.first, pair.second)})
