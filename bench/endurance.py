"""Whether a server's memory grows: what it holds after 2,000 requests, and after 20,000.

``python -m bench.endurance`` starts ``facet serve``, asks it about photos of one face, of four and of twenty in turn,
mostly of one, and reports the memory of all its processes at marks along the way.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.formats import FORMATS
from bench.load import Plan, driven
from bench.photos import Photo, default_photos
from bench.processes import memory
from bench.results import Endurance
from bench.server import Server, end_on_signal, running

_MIXTURE = ("one",) * 30 + ("four",) * 2 + ("twenty",)  # crowds are rare and cost as much as twenty portraits
_PART = 500  # requests between two looks at the memory
CONCURRENCY = 8
REQUESTS = 20_000


def mixture(url: str, photos: Mapping[str, Photo]) -> list[bytes]:
    """Requests about photos of different size in turn, in all three formats."""
    names = [name for name in _MIXTURE if name in photos] or list(photos)
    return [FORMATS[form](url, photos[name].data) for form in FORMATS for name in names]


def endured(server: Server, photos: Mapping[str, Photo], requests: int, note: Callable[[str], None]) -> Endurance:
    """The memory along ``requests``, from a tenth of them on."""
    mixed = mixture(server.url, photos)
    marks, sizes, failures, done = [], [], Counter[str](), 0
    while done < requests:
        outcome = driven(server.url, _turned(mixed, done), Plan(CONCURRENCY, 3600, most=min(_PART, requests - done)))
        if not outcome.answers:
            raise RuntimeError("the server does not answer")
        done += len(outcome.answers)
        failures.update(outcome.failures)
        if done * 10 >= requests:
            marks.append(done)
            sizes.append(memory(server.processes())[1])
            note(f"{done:,} requests, {sizes[-1] / 1e9:.3f} GB")
    return Endurance(marks, sizes, dict(failures))


def _turned(requests: Sequence[bytes], by: int) -> list[bytes]:
    """The same, beginning where the last part ended."""
    start = by % len(requests)
    return [*requests[start:], *requests[:start]]


def main(
    requests: Annotated[int, typer.Option(min=1000, help="How many requests in all.")] = REQUESTS,
) -> None:
    """Measure whether the memory of `facet serve` grows with the requests that it answers."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "log.txt") as server:
        found = endured(server, default_photos(), requests, console.print)
    console.print(
        f"memory after {found.requests[-1]:,} requests: {found.growth:+.1%} beside that after {found.requests[0]:,}; "
        f"failures: {dict(found.failures) or 'none'}"
    )


if __name__ == "__main__":
    end_on_signal()
    typer.run(main)
