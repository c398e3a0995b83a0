"""``facet store``: the database of people."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.opened import CONFIG, Config, console, opened, settings_of, show, using, within
from models import MissingModel
from serving.identity.keys import KINDS
from serving.identity.reembedding import Embedder
from store import Duplicate, StoreError, Transaction, collections, faces, reembed, transfer

store_app = typer.Typer(no_args_is_help=True, help="The database of people: look at it, copy it, bring it up to date.")


@store_app.command("migrate")
def store_migrate(config: Config = CONFIG) -> None:
    """Make the tables, or bring those of an older version up to this one."""
    with opened(config):
        console.print("The tables are those of this version.")


@store_app.command("collections")
def store_collections(config: Config = CONFIG) -> None:
    """Show the face collections and watchlists, and how many faces each holds."""

    async def rows(transaction: Transaction) -> list[tuple[str, ...]]:
        return [
            (kind, each.key, each.name, str(await faces.count_faces(transaction, each.number)))
            for kind in KINDS
            for each in await collections.find_collections(transaction, kind)
        ]

    with opened(config) as store:
        found = within(store, rows)
    show(["kind", "key", "name", "faces"], found)


@store_app.command("export")
def store_export(
    file: Annotated[Path, typer.Argument(help="The file to write; it holds templates and images of people.")],
    collection: Annotated[
        list[str] | None, typer.Option(help="KIND/KEY, may be repeated; by default everything.", metavar="KIND/KEY")
    ] = None,
    config: Config = CONFIG,
) -> None:
    """Write collections with their members, faces, templates and images to a file (msgpack), as of one moment."""
    wanted = None if not collection else [_named(each) for each in collection]
    with opened(config) as store, _written(file) as output, _counting("exported") as progress:
        try:
            counts = using(store, transfer.export_members(store, output, wanted, progress))
        except StoreError as error:
            raise typer.BadParameter(str(error)) from None
    console.print(f"{file}: {_told(counts)}")


@store_app.command("import")
def store_import(
    file: Annotated[Path, typer.Argument(help="A file that 'facet store export' wrote.", exists=True, dir_okay=False)],
    skip: Annotated[bool, typer.Option("--skip", help="Leave members that are there already as they are.")] = False,
    config: Config = CONFIG,
) -> None:
    """Add what such a file holds: all of it or, where anything is wrong with it, nothing."""
    with opened(config) as store, file.open("rb") as source, _counting("imported") as progress:
        try:
            counts = using(store, transfer.import_members(store, source, skip=skip, progress=progress))
        except StoreError as error:
            hint = "; --skip leaves those that are there as they are" if isinstance(error, Duplicate) else ""
            console.print(f"Nothing was imported: {error}{hint}", style="red", markup=False)
            raise typer.Exit(1) from None
    console.print(f"New: {_told(counts)}")


@store_app.command("re-embed")
def store_reembed(config: Config = CONFIG) -> None:
    """Compute all templates of other models again, from the images that were kept, with the model in use now.

    May be stopped and started again: what is done stays done. Until all is, what is mixed is not searched.
    """
    with opened(config) as store:
        try:
            embedder = Embedder(settings_of(config))
        except MissingModel as error:
            raise typer.BadParameter(str(error)) from None
        with _bar() as bar:
            task = bar.add_task("templates", total=None)

            def progress(found: reembed.Progress) -> None:
                left = len(found.without_image) + len(found.without_face)
                bar.update(task, completed=found.done + left, total=found.total)

            name, version, _ = embedder.identity
            found = using(store, reembed.re_embed(store, name, version, embedder.template, progress))
    console.print(f"{found.done} of {found.total} faces have templates of {name} version {version} now.")
    for reason, left in (("no image was kept", found.without_image), ("no face was found", found.without_face)):
        for identity in left:
            console.print(f"{identity}: {reason}", style="yellow")
    if found.without_image or found.without_face:
        raise typer.Exit(1)


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """A file that only this user can read, there under its name when all of it is written."""
    part = file.with_name(f"{file.name}.part")
    if not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _counting(done: str) -> Iterator[transfer.Progress]:
    """Shows how many members there were so far; their number is known at the end alone."""
    with console.status("") as status:
        yield lambda kind, count: status.update(f"{done}: {count} {kind}s")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _told(counts: dict[str, int]) -> str:
    shown = {kind: count for kind, count in counts.items() if kind not in {"header", "end"}}
    return ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in shown.items())


def _named(raw: str) -> tuple[str, str]:
    kind, slash, key = raw.partition("/")
    if not slash or kind not in KINDS:
        raise typer.BadParameter(f"{raw!r} is not KIND/KEY with a kind of {', '.join(KINDS)}")
    return kind, key
