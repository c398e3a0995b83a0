"""``python -m bench``: Facet beside the bare loop, plain uvicorn and naive Ray Serve, in one run on this machine."""

import json
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import endurance, reference
from bench.bare import bare
from bench.measure import CORES, FORMATS, SERVICES, Note, Run, Wanted
from bench.photos import Photo, default_photos, photos_of
from bench.pipeline import settings
from bench.report import PROGRAM, as_json, check_page, screens, write_page
from bench.results import Endurance, Results
from bench.server import end_on_signal, running
from bench.systems import NAMES, SYSTEMS

_BUSY = 0.5  # load average above which the figures are told to be noisy

progress = Console(stderr=True)
screen = Console(width=None if sys.stdout.isatty() else 200)


def main(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    workloads: Annotated[
        str, typer.Option(help=f"Photos by name, {FORMATS} and {SERVICES}, with commas between; by default all.")
    ] = "",
    only: Annotated[str, typer.Option(help="Servers to compare with the limit, of bcde.")] = "".join(SYSTEMS),
    seconds: Annotated[float, typer.Option(min=0.1, help="Of a measurement.")] = 4.0,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, of which medians are taken.")] = 3,
    photos: Annotated[Path | None, typer.Option(help="A folder of JPEG files to use instead.", file_okay=False)] = None,
    with_endurance: Annotated[
        bool, typer.Option("--endurance", help="Also memory after 2,000 and 20,000 requests; takes long.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="One short round with one photo: does it work?")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for all figures.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="A page to put the tables and plots into.")] = None,
) -> None:
    """Compare throughput, latency, CPU time and memory, in rounds; ends all that it starts.

    The machine should do nothing else. Ends with 1 where a system answered wrongly or not at all.
    """
    started = datetime.now(UTC)
    busy = os.getloadavg()[0]
    chosen = photos_of(photos) if photos else default_photos()
    wanted, left_out = _wanted(chosen, only, workloads, seconds, repeats)
    if quick:
        wanted = Wanted(
            {name: chosen[name] for name in wanted.names[:1]}, wanted.systems, (), 1, min(seconds, 1), False
        )
    if markdown is not None:
        try:
            check_page(markdown, PROGRAM)
        except (OSError, ValueError) as error:
            raise typer.BadParameter(f"--markdown: {error}") from None
    if busy > _BUSY:
        progress.print(f"The machine is busy (load average {busy:.1f}): the figures will be noisy.", style="yellow")
    for each in left_out:
        progress.print(f"Left out: {each}", style="yellow")
    with _shown(wanted.total()) as note, bare(chosen, CORES, settings().model_mirror) as limit:
        run = Run(wanted, limit, note)
        for name, count in run.faces().items():
            expected = chosen[name].faces
            progress.print(f"photo {name}: {count} faces found" + (f" of {expected}" if expected else ""))
        run.rounds()
    about = {
        "date": started.date().isoformat(),
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "took": (datetime.now(UTC) - started).total_seconds(),
        "cores": CORES,
        "processor": _processor(),
        "load": busy,
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "ray": version("ray"),
        "seconds": wanted.seconds,
        "repeats": wanted.repeats,
        "faces": dict(run.faces()),
        "left_out": left_out,
        "problems": run.problems,
    }
    endured = _endured() if with_endurance else None
    results = Results(about, run.measurements, run.footprints, endured)
    _written(results, json_file, markdown)
    for problem in run.problems:
        progress.print(problem, style="red", markup=False)
    if run.problems or any(each.figures.failures for each in run.measurements):
        raise typer.Exit(1)


def _wanted(
    photos: dict[str, Photo], only: str, workloads: str, seconds: float, repeats: int
) -> tuple[Wanted, list[str]]:
    systems = [key for key in only if key not in {",", " "}]
    if unknown := [key for key in systems if key not in SYSTEMS]:
        raise typer.BadParameter(f"--only: there is no {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    known = [*photos, FORMATS, SERVICES]
    chosen = [each.strip() for each in workloads.split(",") if each.strip()] or known
    if strange := [each for each in chosen if each not in known]:
        raise typer.BadParameter(f"--workloads: there is no {', '.join(strange)}; there are {', '.join(known)}")
    left_out = [f"({key}) {NAMES[key]}, by --only" for key in SYSTEMS if key not in systems]
    mirror = settings().model_mirror
    lacking = list(reference.MODELS.values()) if mirror is None else reference.lacking(mirror)
    if lacking:
        folder = "FACET_MODEL_MIRROR names no folder" if mirror is None else f"{mirror} lacks {', '.join(lacking)}"
        left_out.append(f"the reference pipeline, which needs the models of a mirror: {folder}")
    return Wanted(photos, systems, chosen, repeats, seconds, not lacking), left_out


def _endured() -> Endurance:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "log.txt") as server:
        return endurance.endured(server, default_photos(), endurance.REQUESTS, progress.print)


def _written(results: Results, json_file: Path | None, markdown: Path | None) -> None:
    for table in screens(results):
        if table.row_count:
            screen.print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(results), indent=1) + "\n", encoding="utf-8")
    if markdown is not None:
        write_page(markdown, results, results.about["command"])


@contextmanager
def _shown(total: int) -> Iterator[Note]:
    """A progress bar, drawn only as it moves: the load's process is this one, and must not draw meanwhile."""
    columns: list[Any] = [BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")]
    with Progress(*columns, console=progress, auto_refresh=False) as bar:
        task = bar.add_task("", total=total)
        before = [False]

        def note(text: str) -> None:
            measures = not text.endswith("starting")
            if not progress.is_terminal:  # a log has no bars
                progress.print(text, markup=False, highlight=False)
            bar.update(task, advance=1 if before[0] else 0, description=text)
            bar.refresh()
            before[0] = measures

        yield note
        bar.update(task, completed=total, description="done")
        bar.refresh()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    end_on_signal()
    typer.run(main)
