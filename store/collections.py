"""Collections: made, listed, changed, removed. Each function works in the transaction that it is given."""

from typing import Any

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from store import events
from store.array_conditions import one_of
from store.errors import Duplicate, NotFound
from store.paging import Paging, fetch_page
from store.records import Collection, Page
from store.tables import collection


async def create_collection(transaction: Transaction, kind: str, key: str, name: str, **fields: Any) -> Collection:
    """A new collection; raises ``Duplicate`` where there is one with this key."""
    query = insert(collection).values(kind=kind, key=key, name=name, **fields).on_conflict_do_nothing()
    row = (await transaction.execute(query.returning(*collection.columns))).one_or_none()
    if row is None:
        raise Duplicate(f"There is a collection {key!r} already")
    return Collection._make(row)


async def upsert_collection(
    transaction: Transaction, kind: str, key: str, name: str, **fields: Any
) -> tuple[Collection, bool]:
    """The collection with these values, and whether it is new."""
    values = {"name": name, **fields}
    query = insert(collection).values(kind=kind, key=key, **values)
    query = query.on_conflict_do_update(
        index_elements=["kind", "key"], set_={**values, "updated_at": func.clock_timestamp()}
    )
    found = Collection(*(await transaction.execute(query.returning(*collection.columns))).one())
    return found, found.updated_at is None


async def get_collection(transaction: Transaction, kind: str, key: str, *, lock: bool = False) -> Collection:
    """The collection with this key; raises ``NotFound``."""
    query = select(collection).where(collection.c.kind == kind, collection.c.key == key)
    row = (await transaction.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no collection {key!r}")
    return Collection._make(row)


async def get_collection_by_number(transaction: Transaction, number: int) -> Collection:
    """The collection with this number; raises ``NotFound``."""
    row = (await transaction.execute(select(collection).where(collection.c.number == number))).one_or_none()
    if row is None:
        raise NotFound("The collection is no longer there")
    return Collection._make(row)


async def find_collections(transaction: Transaction, kind: str, keys: list[str] | None = None) -> list[Collection]:
    """The collections of a kind with these keys, by default all, in the order in which they were made."""
    query = select(collection).where(collection.c.kind == kind).order_by(collection.c.number)
    if keys is not None:
        query = query.where(one_of(collection.c.key, keys))
    return [Collection._make(row) for row in await transaction.execute(query)]


async def list_collections(transaction: Transaction, kind: str, paging: Paging) -> Page[Collection]:
    """Some of the collections of a kind, in the order in which they were made."""
    query = select(collection).where(collection.c.kind == kind)
    return await fetch_page(transaction, query, collection.c.number, paging, Collection._make)


async def update_collection(transaction: Transaction, number: int, **fields: Any) -> Collection:
    """The collection with other values; raises ``NotFound``."""
    query = collection.update().where(collection.c.number == number)
    query = query.values(**fields, updated_at=func.clock_timestamp())
    row = (await transaction.execute(query.returning(*collection.columns))).one_or_none()
    if row is None:
        raise NotFound("The collection is no longer there")
    return Collection._make(row)


async def update_collection_settings(transaction: Transaction, number: int, **settings: Any) -> Collection:
    """The collection with these settings beside those that it has; raises ``NotFound``."""
    query = collection.update().where(collection.c.number == number)
    query = query.values(settings=collection.c.settings.op("||")(cast(settings, JSONB)))
    row = (await transaction.execute(query.returning(*collection.columns))).one_or_none()
    if row is None:
        raise NotFound("The collection is no longer there")
    return Collection._make(row)


async def delete_collection(transaction: Transaction, kind: str, key: str) -> None:
    """Removes a collection and the keys that open it, but none of its members; raises ``NotFound``."""
    query = collection.delete().where(collection.c.kind == kind, collection.c.key == key)
    if not (await transaction.execute(query)).rowcount:
        raise NotFound(f"There is no collection {key!r}")
    await events.record_event(transaction, "collection removed", None, key, collection=kind)
