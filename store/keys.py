"""API keys: made, listed, revoked, recognised. A key is a random UUID, of 122 bits, of which only a SHA-256 is kept."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from store.errors import NotFound
from store.records import Key
from store.tables import key

_COLUMNS = [key.c[name] for name in Key._fields]


async def create_key(
    transaction: Transaction,
    name: str,
    scopes: Sequence[str],
    owner: str | None = None,
    collection: int | None = None,
) -> tuple[str, Key]:
    """A new key, told this once, and what is kept of it."""
    secret = str(uuid4())
    values = {"name": name, "scopes": list(scopes), "owner": owner, "collection": collection}
    query = key.insert().values(id=uuid4(), digest=_digest(secret), **values).returning(*_COLUMNS)
    return secret, _read((await transaction.execute(query)).one())


async def find_key(transaction: Transaction, secret: str) -> Key | None:
    """The key that is not revoked and whose secret this is, if there is one."""
    digest = _digest(secret)
    row = (await transaction.execute(select(key.c.digest, *_COLUMNS).where(key.c.digest == digest))).one_or_none()
    if row is None or not hmac.compare_digest(row[0], digest):
        return None
    found = _read(row[1:])
    return None if found.revoked_at else found


async def list_keys(transaction: Transaction, *, revoked: bool = False) -> list[Key]:
    """All keys, in the order in which they were made; those that were revoked where asked for."""
    query = select(*_COLUMNS).order_by(key.c.created_at)
    rows = await transaction.execute(query if revoked else query.where(key.c.revoked_at.is_(None)))
    return [_read(row) for row in rows]


async def update_key(transaction: Transaction, identity: UUID, **fields: object) -> Key:
    """The key with another name or owner; raises ``NotFound``."""
    query = key.update().where(key.c.id == identity, key.c.revoked_at.is_(None)).values(**fields)
    row = (await transaction.execute(query.returning(*_COLUMNS))).one_or_none()
    if row is None:
        raise NotFound(f"There is no key {identity}")
    return _read(row)


async def revoke_key(transaction: Transaction, identity: UUID) -> Key:
    """Makes a key useless; raises ``NotFound`` where there is none, or it was revoked before."""
    return await update_key(transaction, identity, revoked_at=func.clock_timestamp())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.strip().lower().encode()).digest()


def _read(row: Sequence[Any]) -> Key:
    found = Key._make(row)
    return found._replace(scopes=tuple(found.scopes))
