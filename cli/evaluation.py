"""What ``facet eval`` does."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import typer
from rich.console import Console

from eval.bench import Bench
from eval.bootstrap import Bootstrap
from eval.client import Client, RequestFailed
from eval.local import served
from eval.report import Heading, as_json, page, table
from eval.run import measured
from eval.task import AnyTask
from eval.tasks import TASKS
from serving.engine.checks import check
from serving.settings import Settings

progress = Console(stderr=True)
# A file or a pipe has no width of its own.
screen = Console(width=None if sys.stdout.isatty() else 160)


class Wanted(NamedTuple):
    """The options of the command, see ``cli/evaluate.py``."""

    data: Path
    url: str | None
    key: str | None
    tasks: str | None
    limit: int | None
    seed: int
    resamples: int
    workers: int
    json_file: Path | None
    markdown: Path | None
    title: str


def evaluated(wanted: Wanted) -> int:
    """Measures and reports; returns 0, 1 if a task could not be measured, or 2 if no server answers."""
    tasks, bootstrap = _tasks(wanted.tasks), Bootstrap(wanted.seed, wanted.resamples)
    _check(wanted)
    with ExitStack() as stack:
        client = stack.enter_context(_client(wanted, stack))
        try:
            models = client.models()
        except RequestFailed as error:
            progress.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
            return 2
        bench = Bench(wanted.data, client, progress, wanted.workers, wanted.limit)
        outcomes = measured(tasks, bench, bootstrap, progress)
    text = json.dumps(as_json(outcomes, bootstrap, models), indent=2) + "\n"
    if wanted.json_file == Path("-"):
        typer.echo(text, nl=False)
    else:
        screen.print(table(outcomes))
    if wanted.json_file is not None and wanted.json_file != Path("-"):
        wanted.json_file.write_text(text, encoding="utf-8")
    if wanted.markdown is not None:
        content = page(wanted.markdown, Heading(wanted.title, _command(wanted)), outcomes, bootstrap, models)
        wanted.markdown.write_text(content, encoding="utf-8")
    return 1 if any(outcome.problem for outcome in outcomes) else 0


def _check(wanted: Wanted) -> None:
    """What cannot work is told before minutes of measuring."""
    if not wanted.data.is_dir():
        raise typer.BadParameter(f"--data: {wanted.data} is not a folder")
    for option, path in (("--json", wanted.json_file), ("--markdown", wanted.markdown)):
        if path is not None and path != Path("-") and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise typer.BadParameter(f"{option}: {path} is not a file in a folder that is there")
    if wanted.markdown is not None and not wanted.markdown.suffix:
        raise typer.BadParameter(f"--markdown: {wanted.markdown} needs an ending, such as .md")


def _client(wanted: Wanted, stack: ExitStack) -> Client:
    try:
        return Client(wanted.url or _served(stack), key=wanted.key)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise typer.BadParameter(f"--url or --key: {error}") from None


def _command(wanted: Wanted) -> str:
    """The command that makes the page, as the page tells it."""
    chosen = {"--tasks": wanted.tasks, "--limit": wanted.limit}
    words = [f"{option} {value}" for option, value in chosen.items() if value is not None]
    return " ".join(["facet eval --data DATA", *words, f"--markdown {wanted.markdown}"])


def _tasks(names: str | None) -> Sequence[AnyTask]:
    if names is None:
        return list(TASKS.values())
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in chosen if name not in TASKS]
    if unknown or not chosen:
        raise typer.BadParameter(f"--tasks: there is no {', '.join(unknown) or 'task'}; there are {', '.join(TASKS)}")
    return [TASKS[name] for name in chosen]


def _served(stack: ExitStack) -> str:
    """The address of a server in this process, which ends with the stack."""
    try:
        settings = Settings(api_keys=())
        check(settings)
    except ValueError as error:  # pydantic's ValidationError is one too
        raise typer.BadParameter(f"FACET_… variables: {error}") from None
    with progress.status("loading models"):
        return stack.enter_context(served(settings))
