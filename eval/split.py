"""Which half of the labelled images may be fitted to, and which is kept for measuring.

What is trained or calibrated on these images sees one half only; a figure that would flatter it is told on the other.
Halves never share a person where the labels or the files' names say who is who.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import PurePath

# How the name of a file tells who it shows, by set: Labeled Faces in the Wild, Pointing'04, NUAA.
_PEOPLE: Mapping[str, re.Pattern[str]] = {
    "verification": re.compile(r"(?P<person>.+)_\d{4}\.\w+"),
    "head_pose": re.compile(r"person(?P<person>\d\d)\d{3}[+-]\d+[+-]\d+\.\w+"),
    "liveness": re.compile(r"(live|spoof)_(?P<person>\d{4})_\d\d_\d\d_\d\d_\d+\.\w+"),
}


def person(folder: str, path: str | PurePath) -> str | None:
    """Whom a photograph of a set shows, by its name; None where the name does not tell."""
    pattern = _PEOPLE.get(folder)
    found = pattern.fullmatch(PurePath(path).name) if pattern else None
    return found["person"] if found else None


def key(folder: str, path: str | PurePath) -> str:
    """What tells the half of a photograph of a set: who is shown where its name tells, else the name itself."""
    return person(folder, path) or PurePath(path).name


def held_out(key: str) -> bool:
    """Whether what bears this key belongs to the half that nothing is fitted to.

    The last bit of the first byte of its SHA-256 decides: no list to keep, and the same on every machine.
    """
    return hashlib.sha256(key.encode()).digest()[0] % 2 == 1
