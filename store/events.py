"""The history: what was enrolled, merged and removed, and when; nothing of an image or a template."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from store.tables import event


async def record_event(
    transaction: Transaction, kind: str, space: str | None, object_key: str | None, **details: Any
) -> None:
    """Adds an event to the history, in the transaction that makes it true."""
    await transaction.execute(event.insert().values(kind=kind, space=space, object_key=object_key, details=details))


async def latest_events(transaction: Transaction, most: int = 100) -> list[dict[str, Any]]:
    """The latest events, the newest first."""
    rows = await transaction.execute(select(event).order_by(event.c.number.desc()).limit(most))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name begins with an underscore
