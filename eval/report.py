"""The figures of a run for people: a table in the terminal, and a page with plots, ``docs/accuracy.md``."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from eval.bench import summary
from eval.bootstrap import Bootstrap, Figure
from eval.labels import LeftOut
from eval.plots import draw
from eval.task import AnyTask, Measured
from models import Manifest, load_manifest

_INTRODUCTION = """\
# {title}

Measured on {date} by

    {command}

that is through the HTTP interface, with the models named below. `DATA` has a folder of labelled images for each task;
[evaluation.md](evaluation.md) describes it, so that you can measure on images of your own, which is what counts: these
sets are small, old, and not your camera. The images show real people; they are used for measuring only and are not
part of this project.

Each figure comes with n, the number of images, faces, pairs or boxes it is measured on, and with the interval into
which 95 of 100 resamples of the set fall ({resamples} of them, seed {seed}; a quarter as many for average precision).
The *yardstick* is what the reference models reach on the same images with plain pre- and post-processing.

**Which half.** Our networks, corrections and calibrations of confidence were fitted to one half of these sets; *held
out* is measured on the other half and is the column to believe. Not everything keeps to the halves: the matcher's
tables come from all of LFW; the measures of watermarks and of masks by colour, and the flag below which a mesh is
refused, were fitted to images of both halves. The detectors' thresholds were chosen on one half of the sets about
boxes; the other half is not told apart here, as average precision does not depend on thresholds.

"""


class Outcome(NamedTuple):
    """A task, what was measured, and what was left out; ``measured`` is none where nothing could be, and why."""

    task: AnyTask
    measured: Measured | None
    left_out: Sequence[LeftOut]
    problem: str | None = None

    @property
    def figures(self) -> Sequence[Figure]:
        return self.measured.figures if self.measured else ()


class Row(NamedTuple):
    """A figure on all images and on the held-out half."""

    name: str
    whole: Figure | None
    half: Figure | None

    def cells(self) -> tuple[str, ...]:
        """Name, figure and size of the held-out half, figure and size of all, yardstick; empty where there is none."""
        sizes = [str(each.size) if each else "" for each in (self.half, self.whole)]
        mark = self.whole.yardstick if self.whole else None
        yardstick = "" if mark is None else f"{mark:g}"
        return self.name, told(self.half), sizes[0], told(self.whole), sizes[1], yardstick


def rows(figures: Sequence[Figure]) -> list[Row]:
    """Figures of one name side by side, in the order in which names first appear."""
    names = dict.fromkeys(figure.name for figure in figures)
    found = {(figure.name, figure.half): figure for figure in figures}
    return [Row(name, found.get((name, False)), found.get((name, True))) for name in names]


def told(figure: Figure | None) -> str:
    """A figure with its interval: ``0.987 (0.981-0.992)``."""
    if figure is None:
        return ""
    if figure.interval is None:
        return _number(figure.value)
    low, high = figure.interval
    return f"{_number(figure.value)} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3f}".removesuffix("000").rstrip(".") if abs(value) < 1 else f"{value:.4g}"


def table(outcomes: Sequence[Outcome]) -> Table:
    """All figures, for a terminal."""
    shown = Table("task", "figure", "held out", "n", "all", "n", "yardstick")
    for outcome in outcomes:
        for row in rows(outcome.figures):
            shown.add_row(outcome.task.name, *row.cells())
    return shown


def as_json(outcomes: Sequence[Outcome], bootstrap: Bootstrap, models: Mapping[str, Any]) -> dict[str, Any]:
    """All figures, for programs."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": bootstrap.seed,
        "resamples": bootstrap.resamples,
        "models": {name: model["sha256"] for name, model in sorted(models.items())},
        "figures": [
            {"task": outcome.task.name, **figure._asdict()} for outcome in outcomes for figure in outcome.figures
        ],
        "left_out": {outcome.task.name: summary(outcome.left_out) for outcome in outcomes if outcome.left_out},
        "not_measured": {outcome.task.name: outcome.problem for outcome in outcomes if outcome.problem},
    }


class Heading(NamedTuple):
    """What a page is called, and the command that makes it."""

    title: str
    command: str


def page(
    path: Path, heading: Heading, outcomes: Sequence[Outcome], bootstrap: Bootstrap, models: Mapping[str, Any]
) -> str:
    """The page for ``path``, whose plots are written into a folder of its name beside it."""
    manifest = load_manifest()
    measured = [outcome for outcome in outcomes if outcome.measured]
    introduction = _INTRODUCTION.format(
        title=heading.title,
        date=datetime.now(UTC).date().isoformat(),
        command=heading.command,
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
    )
    missing = [f"**{each.task.title}** was not measured: {each.problem}" for each in outcomes if each.problem]
    contents = "\n".join(f"- [{each.task.title}](#{_anchor(each.task.title)})" for each in measured)
    sections = [part for outcome in measured for part in _section(path, outcome, models, manifest)]
    return "\n\n".join([introduction + contents, *missing, *sections, *_models(models, manifest)]) + "\n"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _section(path: Path, outcome: Outcome, models: Mapping[str, Any], manifest: Manifest) -> Iterator[str]:
    task = outcome.task
    yield f"## {task.title}"
    yield task.about
    used = [
        name
        for each in task.models
        for choice in manifest.tasks.get(each, ())
        for name in choice
        if name in models and all(other in models for other in choice)
    ]
    services = ", ".join(f"`{name}`" for name in task.services)
    yield f"Services: {services}. Models: {', '.join(f'`{name}`' for name in dict.fromkeys(used)) or 'none'}."
    lines = ["| figure | held out | n | all | n | yardstick |", "|---|---|---|---|---|---|"]
    for row in rows(outcome.figures):
        cells = (cell.replace("|", "\\|") for cell in row.cells())
        lines.append(f"| {' | '.join(cells)} |")
    yield "\n".join(lines)
    folder = path.with_suffix("")
    for plot in outcome.measured.plots if outcome.measured else ():
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{task.name}-{plot.name}.png".replace("_", "-")
        draw(plot, file)
        yield f"![{plot.title}]({folder.name}/{file.name})"
    left_out = summary(outcome.left_out)
    if left_out:
        yield "\n".join(f"- {line}" for line in left_out)


def _models(models: Mapping[str, Any], manifest: Manifest) -> Iterator[str]:
    yield "## Models"
    yield "What each was trained on, as far as its authors say, and the licence of its weights."
    lines = ["| model | licence | trained on | sha256 |", "|---|---|---|---|"]
    for name, model in sorted(models.items()):
        spec = manifest.models.get(name)
        trained = spec.training_data if spec else "unknown"
        lines.append(f"| {name} | {model['licence']} | {trained} | `{model['sha256'][:16]}…` |")
    yield "\n".join(lines)
