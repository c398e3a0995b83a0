"""A part of a long list."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from store.records import Page

T = TypeVar("T")


class Paging(NamedTuple):
    """Which part: ``limit`` items after the first ``offset``, and in which direction."""

    offset: int = 0
    limit: int = 20
    ascending: bool = True


async def fetch_page(
    transaction: Transaction,
    query: Select[Any],
    order: ColumnElement[Any],
    paging: Paging,
    read: Callable[[Row[Any]], T],
) -> Page[T]:
    """That part of what a query gives, and the length of all of it."""
    total = (await transaction.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    part = query.order_by(order.asc() if paging.ascending else order.desc())
    rows = await transaction.execute(part.offset(paging.offset).limit(paging.limit))
    return Page([read(row) for row in rows], total)
