"""Shows models to people: what a pull brought, as a table in the terminal, and the manifest as a document."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from models import sources
from models.fetch import PullResult
from models.manifest import Manifest, load_manifest

INTRODUCTION = """\
Generated from `models/manifest.toml` with `python -m models.listing`. A task is served by the first of its models that
is installed, or by what the setting `models` names; models joined by + are used together. `facet models pull` obtains
models, each from the first of its sources that has it; one that is bundled comes with Facet and is taken from nowhere
else. A model whose only source is a mirror can be had from nowhere else yet: without a folder that has it, the next
model serves the task, and where there is none, the services that need it answer 503 and name it."""


@contextmanager
def progress_bars(console: Console) -> Iterator[sources.Progress]:
    """Progress bars in the terminal; what it yields is for ``pull``."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(label: str, done: int, total: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield show


def table(manifest: Manifest, outcomes: Sequence[PullResult]) -> Table:
    """Which model serves which task, from where, under which licence, and what could not be had and why."""
    found = {outcome.name: outcome for outcome in outcomes}
    rows = Table("task", "model", "role", "licence", "from")
    for task, choices in manifest.tasks.items():
        serving = _serving(choices, found)
        for name in dict.fromkeys(name for names in choices for name in names if name in found):
            outcome, licence = found[name], manifest.models[name].licence
            if outcome.installed is None:
                rows.add_row(task, name, "missing", licence, "; ".join(outcome.reasons), style="yellow")
            else:
                role = "installed" if serving is None else "serves" if name in serving else "in reserve"
                rows.add_row(task, name, role, licence, outcome.installed.source)
    return rows


def document(manifest: Manifest) -> str:
    """The manifest as Markdown, for ``docs/models.md``."""
    lines = [
        "# Models",
        "",
        INTRODUCTION,
        "",
        "| task | models, in order |",
        "|---|---|",
    ]
    for task, choices in manifest.tasks.items():
        lines.append(f"| {task} | {' → '.join(' + '.join(names) for names in choices)} |")
    lines += ["", "| model | licence | trained on | upstream | input | sources |", "|---|---|---|---|---|---|"]
    for spec in manifest.models.values():
        origins = ", ".join(str(source) for source in spec.sources)
        cells = (spec.name, spec.licence, spec.training_data, spec.upstream, spec.input, origins)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _serving(choices: Sequence[tuple[str, ...]], found: Mapping[str, PullResult]) -> tuple[str, ...] | None:
    """The first choice that is installed; none where there is none, or where one before it was not asked for."""
    for names in choices:
        if not all(name in found for name in names):
            return None
        if all(found[name].installed for name in names):
            return names
    return None


if __name__ == "__main__":
    Path("docs/models.md").write_text(document(load_manifest()), encoding="utf-8")
