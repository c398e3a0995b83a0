"""What every task of the evaluation is: questions for a server, then figures that follow from the answers alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.plots import Plot

Seen = TypeVar("Seen")


class Measured(NamedTuple):
    """What came out of a task."""

    figures: Sequence[Figure]
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Task(Generic[Seen]):
    """One thing that is measured: ``ask`` does the asking, ``measure`` is a pure function of what was seen."""

    name: str  # on the command line
    title: str  # for people
    folder: str  # of the labelled images
    services: tuple[str, ...]  # that it measures
    models: tuple[str, ...]  # the tasks of models/manifest.toml that it measures
    ask: Callable[[Bench], Seen]
    measure: Callable[[Seen, Bootstrap], Measured]
    about: str  # which images, how they are used, and what is known to be weak: for the page

    def run(self, bench: Bench, bootstrap: Bootstrap) -> Measured:
        """Asks and measures; raises ``BadLabels`` without usable labels, ``ValueError`` with too few answers."""
        return self.measure(self.ask(bench), bootstrap)


AnyTask = Task[Any]
