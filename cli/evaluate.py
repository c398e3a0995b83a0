"""``facet eval``: its options, and what to say where its packages are lacking."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    data: Annotated[Path, typer.Option(help="Folder with one folder of labelled images a task.", file_okay=False)],
    url: Annotated[str | None, typer.Option(help="A running server; by default one is run in this process.")] = None,
    key: Annotated[str | None, typer.Option(help="Its API key.", envvar="FACET_KEY")] = None,
    tasks: Annotated[str | None, typer.Option(help="Which tasks, with commas between; by default all.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most so many images of each labels file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples behind the intervals.")] = 0,
    resamples: Annotated[int, typer.Option(min=10, help="How often each set is drawn again.")] = 1000,
    workers: Annotated[int, typer.Option(min=1, help="Requests under way at once.")] = 4,
    json_file: Annotated[Path | None, typer.Option("--json", help="A file for the figures; - for the screen.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="A page to write, with plots in a folder beside it.")] = None,
    title: Annotated[str, typer.Option(help="Of the page.")] = "How accurate Facet is",
) -> None:
    """Measure how good the answers are, on labelled images (docs/evaluation.md says how to lay them out).

    Shows each figure with its 95 % interval. Ends with 1 if a task could not be measured, with 2 if no server answers.
    """
    try:
        from cli.evaluation import Wanted, evaluated  # noqa: PLC0415 - it loads packages that nothing else needs
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"no package {error.name}; pip install '.[eval]' in the project's folder brings it"
        ) from None
    raise typer.Exit(
        evaluated(Wanted(data, url, key, tasks, limit, seed, resamples, workers, json_file, markdown, title))
    )
