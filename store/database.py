"""The connection to PostgreSQL: transactions, and its errors as the store's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from store.errors import BadValue, StoreUnavailable

Transaction = AsyncConnection  # as it is called where it is handed on

_CONNECT = 3  # seconds until a database that does not answer is given up
_WAIT = 5  # seconds for a connection while all are in use, or the database is there but says nothing
_SESSION = (
    "SET jit = off",  # takes longer than any query of ours
    "SET plan_cache_mode = force_custom_plan",  # a plan for any collection would suit neither small nor large ones
    "SET random_page_cost = 1.1",  # of solid-state disks and of memory
)


class Database:
    """Connections to one database; made in every process that uses it, and in one event loop."""

    def __init__(self, url: str, connections: int = 8) -> None:
        self.url = url
        self._engine = create_async_engine(
            address(url),
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_WAIT,
            pool_pre_ping=True,  # a database that was restarted meanwhile is not noticed by requests
            connect_args={"connect_timeout": _CONNECT},
        )
        event.listen(self._engine.sync_engine, "connect", _prepared)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end of the block, rolled back where it raises.

        Raises ``StoreUnavailable`` where the database does not answer or lacks the tables, and ``BadValue``.
        """
        try:
            async with AsyncExitStack() as stack:
                yield await self._begun(stack)
        except (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError) as error:
            raise StoreUnavailable("The database does not answer; try again shortly") from error
        except (DataError, UnicodeEncodeError) as error:
            raise BadValue("There is a character or a number that cannot be stored") from error
        except ProgrammingError as error:
            if _state(error) in {"42P01", "42703", "42704"}:  # no such table, column or type
                raise StoreUnavailable("The database lacks tables: run 'facet store migrate'") from error
            raise
        except DBAPIError as error:
            if error.connection_invalidated or _state(error).startswith(("57P", "08")):
                raise StoreUnavailable("The database does not answer; try again shortly") from error
            raise

    async def _begun(self, stack: AsyncExitStack) -> AsyncConnection:
        """A transaction that ends with the stack; gives up on a database that took the connection and says nothing."""
        try:
            async with asyncio.timeout(_WAIT):
                return await stack.enter_async_context(self._engine.begin())
        except TimeoutError:
            raise StoreUnavailable("The database does not answer; try again shortly") from None

    async def close(self) -> None:
        await self._engine.dispose()


def address(url: str) -> Any:
    """The URL for SQLAlchemy, with the driver that the store uses; raises ``ValueError`` for what is none."""
    try:
        parsed = make_url(url)
    except ArgumentError:  # whose message repeats the URL, with its password
        raise ValueError("that is no URL; write postgresql://user:password@host/name") from None
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError("the database must be PostgreSQL: postgresql://user:password@host/name")
    return parsed.set(drivername="postgresql+psycopg")


def check_address(url: str) -> None:
    """Raises ``ValueError`` where it is not the URL of a PostgreSQL database."""
    address(url)


def _prepared(connection: Any, _: object) -> None:
    """Settings of a new connection."""
    with connection.cursor() as cursor:
        cursor.execute("; ".join(_SESSION))
    connection.commit()


def _state(error: DBAPIError) -> str:
    """The SQLSTATE of an error, five characters, or nothing."""
    return getattr(error.orig, "sqlstate", None) or ""
