"""The figures of a benchmark for people and for programs: tables, the plots of a page, and JSON."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from bench import photos
from bench.bare import GRAPH
from bench.measure import CONCURRENCIES, PLANNED
from bench.results import Cell, Figures, Results
from bench.statistics import Spread, spread
from bench.systems import LIMIT, NAMES
from bench.targets import Target, beyond_the_model, targets
from eval.plots import Curves, Line, draw

PROGRAM, PEER_PROGRAM = "python -m bench", "python -m bench.peer"  # each writes between marks of its own

Rows = Sequence[Sequence[str]]


def told(found: Spread | None, digits: int = 2) -> str:
    """A median with the least and the greatest of the repetitions: ``0.98 (0.97 to 0.99)``."""
    if found is None:
        return "not measured"
    if found.repeats == 1:
        return f"{found.median:.{digits}f}"
    return f"{found.median:.{digits}f} ({found.least:.{digits}f} to {found.greatest:.{digits}f})"


def target_rows(found: Sequence[Target]) -> Rows:
    """What is wanted, what was measured, and whether that is enough."""
    words = {True: "reached", False: "**not reached**", None: "not measured"}
    rows = []
    for target in found:
        unit = f" {target.unit}" if target.unit else ""
        wanted = f"{'≥' if target.least else '≤'} {target.limit:g}{unit}"
        measured = told(target.reached) + (unit if target.reached else "")
        rows.append([target.name, wanted, measured, words[target.is_reached], target.note])
    return rows


TARGETS = ("", "wanted", "measured", "", "")
CELLS = (
    *("system", "work", "photo", "at once", "format", "images/s", "over (a)", "p50 ms", "p95 ms", "p99 ms"),
    *("CPU ms an image", "over (a)", "driver ms", "failures"),
)
SERVICES = ("service", "requests/s", "p50 ms", "CPU ms a request", "of these beyond the model")
FOOTPRINTS = ("system", "ready after s", "processes", "GB once ready", "GB after the load")


def cell_rows(results: Results) -> Rows:
    """Every cell but the single services, as medians of the rounds."""
    return [_cell_row(results, cell) for cell in results.cells() if not _is_single(cell)]


def _is_single(cell: Cell) -> bool:
    return cell.work not in {GRAPH, "reference"}


def _cell_row(results: Results, cell: Cell) -> list[str]:
    def median(of: Callable[[Figures], float], digits: int = 1) -> str:
        found = spread(results.values(cell, of))
        return f"{found.median:.{digits}f}" if found else ""

    def ratio(of: Callable[[Figures], float]) -> str:
        found = results.ratios(cell, Cell(LIMIT, GRAPH, cell.photo, results.cores), of)
        return "" if cell.system == LIMIT else told(spread(list(found.values())))

    processes = f"{cell.concurrency} processes" if cell.concurrency > 1 else "1 process"
    return [
        f"({cell.system}) {NAMES[cell.system]}",
        cell.work,
        cell.photo,
        processes if cell.system == LIMIT else str(cell.concurrency),
        cell.format,
        told(spread(results.values(cell, lambda figures: figures.rate)), 1),
        ratio(lambda figures: figures.rate),
        median(lambda figures: figures.p50),
        median(lambda figures: figures.p95),
        median(lambda figures: figures.p99),
        median(lambda figures: figures.cpu),
        ratio(lambda figures: figures.cpu),
        "" if cell.system == LIMIT else median(lambda figures: figures.driver, 2),
        _failures(results, cell),
    ]


def _failures(results: Results, cell: Cell) -> str:
    """Of all rounds together, by kind; and of how many requests, where there are any."""
    kinds: dict[str, int] = {}
    answers = 0
    for each in results.measurements:
        if each.cell == cell:
            answers += each.figures.answers
            for kind, count in each.figures.failures.items():
                kinds[kind] = kinds.get(kind, 0) + count
    total = answers + sum(kinds.values())
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items()) + f" of {total}" if kinds else "none"


def service_rows(results: Results) -> Rows:
    """The single services of Facet as planned, and what they cost beyond decoding, cutting and the model."""
    rows = []
    for cell in results.cells():
        if cell.system == PLANNED and _is_single(cell):
            rates, latencies, costs = (
                spread(results.values(cell, of)) for of in (lambda f: f.rate, lambda f: f.p50, lambda f: f.cpu)
            )
            beyond = spread(beyond_the_model(results, cell.work, cell.photo))
            rows.append([cell.work, told(rates, 0), told(latencies, 1), told(costs), told(beyond)])
    return rows


def footprint_rows(results: Results) -> Rows:
    """What each server takes, as medians of the rounds."""
    rows = []
    for system in dict.fromkeys(each.system for each in results.footprints):
        mine = [each for each in results.footprints if each.system == system]
        seconds, ready, loaded = (
            spread(values)
            for values in (
                [each.seconds for each in mine],
                [each.ready / 1e9 for each in mine],
                [each.loaded / 1e9 for each in mine],
            )
        )
        name = f"({system}) {NAMES[system]}"
        rows.append([name, told(seconds, 1), str(mine[-1].processes), told(ready), told(loaded)])
    return rows


def screens(results: Results) -> Iterator[Table]:
    """All tables, for a terminal."""
    for title, heads, rows in _tables(results):
        table = Table(*heads, title=title)
        for row in rows:
            table.add_row(*(each.replace("**", "") for each in row))
        yield table


def _tables(results: Results) -> Iterator[tuple[str, Sequence[str], Rows]]:
    yield "Targets", TARGETS, target_rows(targets(results))
    yield "Photos", CELLS, cell_rows(results)
    yield "Single services of (e), one photo, msgpack, c = 8", SERVICES, service_rows(results)
    yield "Starting and memory", FOOTPRINTS, footprint_rows(results)


def markdown(results: Results, command: str) -> str:
    """All tables as Markdown, with how they were made."""
    about = results.about
    made = (
        f"Measured on {about['date']} by `{command}`: {about['cores']} cores of {about['processor']}, Python "
        f"{about['python']}, ONNX Runtime {about['onnxruntime']}, Ray {about['ray']}; {about['repeats']} rounds of "
        f"{about['seconds']:g} s a measurement, load average {about['load']:.1f} at the start. Figures are medians of "
        "the rounds, with the least and the greatest in brackets."
    )
    found = ", ".join(f"*{name}* with {count}" for name, count in about["faces"].items())
    first = [made, f"Photos: {found} faces found."]
    for name, words in (("left_out", "Left out"), ("problems", "Went wrong")):
        if about[name]:
            first.append(f"{words}: " + "; ".join(each.splitlines()[0] for each in about[name]) + ".")
    parts = [
        part
        for title, heads, rows in _tables(results)
        if rows
        for part in (f"### {title}", markdown_table(heads, rows))
    ]
    return "\n\n".join([*first, *parts])


def markdown_table(heads: Sequence[str], rows: Rows) -> str:
    """Rows of cells as a table of Markdown."""
    return "\n".join(
        "| " + " | ".join(each.replace("|", "\\|") for each in row) + " |"
        for row in [heads, ["---"] * len(heads), *rows]
    )


def plots(results: Results) -> list[Curves]:
    """Throughput, and the latency that 95 of 100 answers stay within, against concurrency."""
    graph = [cell for cell in results.cells() if cell.work == GRAPH]
    if not graph:
        return []
    photo = graph[0].photo
    kinds: tuple[tuple[str, str, Callable[[Figures], float]], ...] = (
        ("throughput", "images/s", lambda figures: figures.rate),
        ("p95", "p95, ms", lambda figures: figures.p95),
    )
    found = []
    for name, unit, of in kinds:
        lines = [_line(results, system, photo, of) for system in NAMES]
        drawn = [line for line in lines if line is not None]
        title = f"Every attribute, {photos.told(photo)}"
        log = "x" if name == "throughput" else "xy"
        found.append(Curves(name, title, "requests at once", unit, drawn, log=log, ticks=CONCURRENCIES))
    return found


def _line(results: Results, system: str, photo: str, of: Callable[[Figures], float]) -> Line | None:
    """A system's figure at each concurrency; the limit has as many processes as there may be requests or cores."""
    found = []
    for concurrency in CONCURRENCIES:
        cell = Cell(system, GRAPH, photo, concurrency, "multipart")
        if system == LIMIT:
            cell = Cell(system, GRAPH, photo, 1 if concurrency == 1 else results.cores)
        middle = spread(results.values(cell, of))
        if middle is not None:
            found.append((concurrency, middle.median))
    if not found:
        return None
    across, up = zip(*found, strict=True)
    return Line(f"({system}) {NAMES[system]}", across, up, marked=True)


def write_page(path: Path, results: Results, command: str) -> None:
    """Puts the figures between the marks of a page, and the plots beside it.

    Raises ``ValueError`` where the page has no marks.
    """
    check_page(path, PROGRAM)
    images = []
    for plot in plots(results):
        image = path.with_name(f"{path.stem}-{plot.name}.png")
        draw(plot, image)
        images.append(f"![{plot.title}: {plot.y}]({image.name})")
    write_part(path, PROGRAM, "\n\n".join([markdown(results, command), "\n".join(images)]))


def check_page(path: Path, program: str) -> None:
    """Raises ``ValueError`` where a page has no place for what a program writes."""
    _split(path, program)


def write_part(path: Path, program: str, text: str) -> None:
    """Puts text between a program's marks on a page; raises as ``check_page`` does."""
    before, after = _split(path, program)
    path.write_text(f"{before}\n\n{text}\n\n{after}", encoding="utf-8")


def _split(path: Path, program: str) -> tuple[str, str]:
    """A page up to its first mark, that included, and from its second one on."""
    begin, end = f"<!-- begin: written by {program} -->", f"<!-- end: written by {program} -->"
    before, first, rest = path.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"{path}: there is no {begin} with {end} after it, where the figures would go")
    return before + first, last + after


def as_json(results: Results) -> dict[str, Any]:
    """The whole run, for programs; docs/performance.md describes it."""
    endured = results.endurance
    return {
        "about": results.about,
        "targets": [
            {
                "name": target.name,
                "wanted": {"at_least" if target.least else "at_most": target.limit, "unit": target.unit},
                "measured": target.reached._asdict() if target.reached else None,
                "reached": target.is_reached,
                "note": target.note,
            }
            for target in targets(results)
        ],
        "measurements": [
            {**each.cell._asdict(), "round": each.round, "slot": each.slot, **each.figures._asdict()}
            for each in results.measurements
        ],
        "footprints": [each._asdict() for each in results.footprints],
        "endurance": endured and {**endured._asdict(), "growth": endured.growth},
    }
