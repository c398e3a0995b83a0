"""``facet keys`` and ``facet store``: who may ask, and what is remembered of whom."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from serving.database import NoDatabase, database
from serving.keys import SCOPES, BadKey, KeyRequest, made
from serving.settings import Settings
from store import NotFound, Store, StoreUnavailable, Transaction, collections, faces, keys

keys_app = typer.Typer(no_args_is_help=True, help="API keys: make, show and revoke them.")
store_app = typer.Typer(no_args_is_help=True, help="The database of people: look at it, copy it, bring it up to date.")
console = Console()
T = TypeVar("T")

Config = Annotated[Path, typer.Option(help="The Serve configuration.", exists=True, dir_okay=False)]
_CONFIG = Path("serve_config.yaml")


@contextmanager
def opened(config: Path) -> Iterator[Store]:
    """The store that a configuration names; its own database runs meanwhile, or is that of a running server."""
    arguments = yaml.safe_load(config.read_text(encoding="utf-8"))["applications"][0].get("args") or {}
    try:
        with database(Settings(**arguments)) as url:
            yield Store(url, connections=2)
    except (NoDatabase, StoreUnavailable) as error:
        console.print(str(error), style="red")
        raise typer.Exit(1) from None


def within(store: Store, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """The result of some work in one transaction."""

    async def run() -> T:
        try:
            async with store.begin() as transaction:
                return await work(transaction)
        finally:
            await store.close()

    return asyncio.run(run())


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="What the key is for; for CompreFace the name of the service.")],
    scope: Annotated[list[str], typer.Option(help=f"What it opens, may be repeated: {', '.join(SCOPES)}.")],
    application: Annotated[str | None, typer.Option(help="The application that a CompreFace service is of.")] = None,
    collection: Annotated[
        str | None,
        typer.Option(help="The face collection of the scope recognition; a new one by default."),
    ] = None,
    config: Config = _CONFIG,
) -> None:
    """Make a key and show it, this once: only its digest is kept."""
    try:
        wanted = KeyRequest(name=name, scopes=tuple(scope), application=application, collection=collection)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(each["msg"] for each in error.errors())) from None
    with opened(config) as store:
        try:
            secret, _ = within(store, lambda transaction: made(transaction, wanted))
        except BadKey as error:
            raise typer.BadParameter(str(error)) from None
    print(secret)  # noqa: T201 - alone on the standard output, for scripts


@keys_app.command("list")
def keys_list(config: Config = _CONFIG) -> None:
    """Show the keys that are not revoked, without the keys themselves."""

    async def rows(transaction: Transaction) -> list[tuple[str, ...]]:
        named = {each.number: each.key for each in await collections.several(transaction, "recognition")}
        return [
            (
                str(each.id),
                each.name,
                ", ".join(each.scopes),
                each.application or "",
                named.get(each.collection or 0, ""),
                f"{each.created_at:%Y-%m-%d %H:%M}",
            )
            for each in await keys.listed(transaction)
        ]

    with opened(config) as store:
        found = within(store, rows)
    _show(["id", "name", "scopes", "application", "collection", "made"], found)


@keys_app.command("revoke")
def keys_revoke(
    identity: Annotated[UUID, typer.Argument(help="The id of the key, as 'facet keys list' shows it.")],
    config: Config = _CONFIG,
) -> None:
    """Make a key useless; running servers refuse it within five seconds."""
    with opened(config) as store:
        try:
            gone = within(store, lambda transaction: keys.revoke(transaction, identity))
        except NotFound as error:
            raise typer.BadParameter(str(error)) from None
    console.print(f"Revoked {gone.name}")


@store_app.command("migrate")
def store_migrate(config: Config = _CONFIG) -> None:
    """Make the tables, or bring those of an older version up to this one."""
    with opened(config):
        console.print("The tables are those of this version.")


@store_app.command("collections")
def store_collections(config: Config = _CONFIG) -> None:
    """Show the face collections and watchlists, and how many faces each holds."""

    async def rows(transaction: Transaction) -> list[tuple[str, ...]]:
        return [
            (kind, each.key, each.name, str(await faces.count(transaction, each.number)))
            for kind in ("recognition", "watchlist")
            for each in await collections.several(transaction, kind)
        ]

    with opened(config) as store:
        found = within(store, rows)
    _show(["kind", "key", "name", "faces"], found)


def _show(headings: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for row in rows:
        table.add_row(*row)
    console.print(table)
