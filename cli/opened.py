"""What commands on the identity store share: the store that a configuration names, and tables on the screen."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml
from rich.console import Console
from rich.table import Table

from serving.launch.database import NoDatabase, database
from serving.settings import Settings, arguments
from store import Store, StoreUnavailable, Transaction

T = TypeVar("T")
console = Console()
Config = Annotated[Path, typer.Option(help="The Serve configuration.", exists=True, dir_okay=False)]
CONFIG = Path("serve_config.yaml")


def settings_of(config: Path) -> Settings:
    """The settings in a Serve configuration and the environment; raises ``BadParameter`` where they are wrong."""
    try:
        return Settings(**arguments(yaml.safe_load(config.read_text(encoding="utf-8"))))
    except ValueError as error:  # pydantic's ValidationError is one too
        raise typer.BadParameter(f"{config}: {error}") from None


@contextmanager
def opened(config: Path) -> Iterator[Store]:
    """The store that a configuration names; its own database runs meanwhile, or is that of a running server."""
    try:
        with database(settings_of(config)) as url:
            yield Store(url, connections=2)
    except (NoDatabase, StoreUnavailable) as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


def within(store: Store, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """The result of some work in one transaction."""

    async def run() -> T:
        async with store.begin() as transaction:
            return await work(transaction)

    return using(store, run())


def using(store: Store, work: Awaitable[T]) -> T:
    """The result of some work with a store, which is closed then."""

    async def run() -> T:
        try:
            return await work
        finally:
            await store.close()

    return asyncio.run(run())


def show(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on the screen."""
    table = Table()
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for row in rows:
        table.add_row(*row)
    console.print(table)
