"""What processes use, read from /proc."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.processes import CpuMeter, cpu_of, cpu_seconds, memory, proportional_size

OWN = Path("/proc") / str(os.getpid())
STAT = "42 (a (strange) name) S 1 42 42 0 -1 4194560 100 0 0 0 {} {} 0 0 20 0 1 0 5 1000 10"


def test_processor_time_is_read_whatever_the_process_is_called() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    assert cpu_seconds(STAT.format(3 * ticks, ticks)) == 4.0


def test_memory_is_the_proportional_one() -> None:
    assert proportional_size("Rss:  900 kB\nPss:                 120 kB\nPss_Dirty: 7 kB\n") == 120 * 1024
    assert proportional_size("") == 0


@pytest.mark.skipif(not OWN.exists(), reason="there is no /proc")
def test_this_process_uses_both() -> None:
    count, size = memory([OWN, Path("/proc/none")])
    assert count == 1
    assert size > 1_000_000
    assert cpu_of([OWN, Path("/proc/none")]) > 0


def _process(folder: Path, name: str, ticks: int) -> Path:
    path = folder / name
    path.mkdir(exist_ok=True)
    (path / "stat").write_text(STAT.format(ticks, 0))
    return path


def test_a_meter_keeps_what_a_process_used_that_ended(tmp_path: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    there: Sequence[Path] = [_process(tmp_path, "1", ticks), _process(tmp_path, "2", 2 * ticks)]
    meter = CpuMeter(lambda: there)
    assert meter() == 3.0
    there = [_process(tmp_path, "2", 4 * ticks), _process(tmp_path, "3", ticks)]
    assert meter() == 6.0
