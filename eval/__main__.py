"""``python -m eval --data FOLDER --url URL``: prints how accurate a running server is, beside the yardsticks."""

import argparse
import json
import sys
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from eval.bench import Bench, Figure
from eval.boxes import TASKS
from eval.client import Client
from eval.report import page


def _table(figures: list[Figure]) -> Table:
    table = Table("task", "figure")
    for column in ("value", "n", "yardstick"):
        table.add_column(column, justify="right")
    for figure in figures:
        mark = "" if figure.yardstick is None else f"{figure.yardstick:g}"
        table.add_row(figure.task, figure.name, f"{figure.value:.4g}", str(figure.size), mark)
    return table


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with one folder a task: labels.csv, images/")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server (default: %(default)s)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="which, with commas between (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="a file to write the figures to as well")
    parser.add_argument("--markdown", type=Path, help="a page to write for people to read")
    parser.add_argument("--workers", type=int, default=4, help="requests under way at once (default: %(default)s)")
    parser.add_argument("--msgpack", action="store_true", help="speak msgpack instead of JSON")
    arguments = parser.parse_args(words)
    arguments.tasks = arguments.tasks.split(",")
    unknown = [task for task in arguments.tasks if task not in TASKS]
    if unknown:
        parser.error(f"no such task: {', '.join(unknown)}; there are {', '.join(TASKS)}")
    return arguments


def main(words: list[str] | None = None) -> int:
    """Measures and prints; returns 1 if any request failed or a task had no images."""
    arguments, console = _arguments(words), Console()
    figures: list[Figure] = []
    with Client(arguments.url, packed=arguments.msgpack) as client:
        bench = Bench(arguments.data, client, arguments.workers, Console(stderr=True))
        for task in arguments.tasks:
            figures += bench.measured(task, TASKS[task])
    console.print(_table(figures))
    for failure, times in bench.failures.most_common(20):
        console.print(f"{times} x {failure}", style="red", markup=False, highlight=False)
    if arguments.json:
        arguments.json.write_text(json.dumps([figure._asdict() for figure in figures], indent=2) + "\n")
    if arguments.markdown:
        models = httpx.get(f"{arguments.url}/version", timeout=30).raise_for_status().json()["models"]
        arguments.markdown.write_text(page(figures, models), encoding="utf-8")
    return 1 if bench.failures else 0


if __name__ == "__main__":
    sys.exit(main())
