"""What processes have used so far, read from /proc (Linux)."""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")  # of a second


def cpu_seconds(stat: str) -> float:
    """User and system time of a process, from its ``stat``; its name may hold anything, spaces and brackets too."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_of(folders: Iterable[Path]) -> float:
    """CPU seconds of processes together, by their folders in /proc; of those that ended nothing is known any more."""
    total = 0.0
    for folder in folders:
        try:
            total += cpu_seconds((folder / "stat").read_text())
        except OSError:
            continue
    return total


class CpuMeter:
    """CPU seconds that a system of processes has used; what a process used that ended meanwhile is kept."""

    def __init__(self, processes: Callable[[], Iterable[Path]]) -> None:
        self._processes = processes
        self._known: dict[Path, float] = {}

    def __call__(self) -> float:
        for folder in self._processes():
            self._known[folder] = cpu_of([folder]) or self._known.get(folder, 0.0)
        return sum(self._known.values())


def proportional_size(rollup: str) -> int:
    """The proportional set size in bytes, from a process's ``smaps_rollup``."""
    found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def memory(folders: Iterable[Path]) -> tuple[int, int]:
    """How many processes there are, and their memory together in bytes: what they share counts once."""
    sizes = []
    for folder in folders:
        try:
            sizes.append(proportional_size((folder / "smaps_rollup").read_text()))
        except OSError:  # it ended meanwhile
            continue
    return len(sizes), sum(sizes)
