"""``facet keys``: who may ask."""

from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError

from cli.opened import CONFIG, Config, console, opened, show, within
from serving.identity.keys import RECOGNITION, SCOPES, BadKey, KeyRequest, made
from store import NotFound, Transaction, collections, keys

keys_app = typer.Typer(no_args_is_help=True, help="API keys: make, show and revoke them.")


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(help="What the key is for; for CompreFace the name of the service.")],
    scope: Annotated[list[str], typer.Option(help=f"What it opens, may be repeated: {', '.join(SCOPES)}.")],
    application: Annotated[str | None, typer.Option(help="The application that a CompreFace service is of.")] = None,
    collection: Annotated[
        str | None,
        typer.Option(help="The face collection of the scope recognition; a new one by default."),
    ] = None,
    config: Config = CONFIG,
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
def keys_list(config: Config = CONFIG) -> None:
    """Show the keys that are not revoked, without the keys themselves."""

    async def rows(transaction: Transaction) -> list[tuple[str, ...]]:
        named = {each.number: each.key for each in await collections.find_collections(transaction, RECOGNITION)}
        return [
            (
                str(each.id),
                each.name,
                ", ".join(each.scopes),
                each.owner or "",
                named.get(each.collection or 0, ""),
                f"{each.created_at:%Y-%m-%d %H:%M}",
            )
            for each in await keys.list_keys(transaction)
        ]

    with opened(config) as store:
        found = within(store, rows)
    show(["id", "name", "scopes", "application", "collection", "made"], found)


@keys_app.command("revoke")
def keys_revoke(
    identity: Annotated[UUID, typer.Argument(help="The id of the key, as 'facet keys list' shows it.")],
    config: Config = CONFIG,
) -> None:
    """Make a key useless; running servers refuse it within five seconds."""
    with opened(config) as store:
        try:
            gone = within(store, lambda transaction: keys.revoke_key(transaction, identity))
        except NotFound as error:
            raise typer.BadParameter(str(error)) from None
    console.print(f"Revoked {gone.name}")
