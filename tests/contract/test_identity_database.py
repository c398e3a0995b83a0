"""The database itself: its tables, its absence, and requests that end in the middle."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from store import NewFace, Store, StoreUnavailable, members
from store.database import address, check_address
from store.migrate import head_revision, migrate
from tests.contract.identities import add_collection, enrol, templates

_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"


@pytest.fixture
def other_url(database_url: str) -> Iterator[str]:
    """An empty database."""
    name = f"other_{uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield address(database_url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def other(other_url: str) -> AsyncIterator[Store]:
    found = Store(other_url, connections=2)
    yield found
    await found.close()


async def test_tables_are_made_once(other_url: str, other: Store) -> None:
    with pytest.raises(StoreUnavailable, match="facet store migrate"):
        await add_collection(other)
    assert await asyncio.to_thread(migrate, other_url) == head_revision()
    made = await add_collection(other)
    assert await asyncio.to_thread(migrate, other_url) == head_revision()
    assert made.number > 0


def test_several_that_migrate_at_once_do_not_meet(other_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(migrate, [other_url] * 4)) == {head_revision()}


async def test_a_database_that_is_not_there_is_told(database_url: str) -> None:
    url = address(database_url).set(drivername="postgresql")
    for missing in (
        url.set(database="nowhere"),
        url.set(host="127.0.0.1", port=1, query={}),
        url.update_query_dict({"host": "/nowhere"}),
    ):
        said = missing.render_as_string(hide_password=False)
        store = Store(said, connections=1)
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await add_collection(store)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await asyncio.to_thread(migrate, said)


@pytest.mark.parametrize("url", ["", "no url", "mysql://user:secret@host/name", "http://host", "postgresql"])
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=re.compile("postgresql://")) as caught:
        check_address(url)
    assert "secret" not in str(caught.value)


async def test_a_connection_that_the_server_ends_is_replaced(identity: Store, database_url: str) -> None:
    await add_collection(identity)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_END_ALL)
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 0


async def test_a_connection_that_ends_in_a_transaction_is_told(identity: Store, database_url: str) -> None:
    async def run() -> None:
        async with identity.begin() as transaction:
            await members.create_member(transaction, "c", "p", "P")
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(_END_ALL)
            await members.create_member(transaction, "c", "q", "Q")

    with pytest.raises(StoreUnavailable):
        await run()
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 0


async def test_requests_that_are_cancelled_leave_nothing_open(identity: Store, database_url: str) -> None:
    where = (await add_collection(identity)).number
    known = templates(200)
    for index in range(30):
        await enrol(identity, f"p{index}", [NewFace(known[index])], [where])
    chances = np.random.default_rng(1).random(200)

    async def request(index: int) -> None:
        async with asyncio.timeout(chances[index] * 0.03):
            if index % 2:
                await enrol(identity, f"q{index}", [NewFace(known[index])], [where])
            else:
                await identity.search(known[index], [where], 3, exact=bool(index % 4))

    outcomes = await asyncio.gather(*(request(index) for index in range(200)), return_exceptions=True)
    assert sum(isinstance(each, TimeoutError) for each in outcomes) >= 100
    assert {type(each) for each in outcomes} <= {TimeoutError, type(None), StoreUnavailable}
    # Every connection is free again, no transaction is open, and what was enrolled was enrolled whole.
    async with asyncio.timeout(20):
        await asyncio.gather(*(identity.search(known[0], [where], 1) for _ in range(20)))
    with psycopg.connect(database_url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"
        assert connection.execute(query).fetchone() == (0,)
        alone = "SELECT count(*) FROM member WHERE NOT EXISTS (SELECT FROM face WHERE member = number)"
        assert connection.execute(alone).fetchone() == (0,)


async def test_a_search_that_is_cancelled_while_a_collection_is_read_does_not_stop_the_reading(identity: Store) -> None:
    where = (await add_collection(identity)).number
    [known] = templates(1)
    await enrol(identity, "p", [NewFace(known)], [where])
    searches = [asyncio.create_task(identity.search(known, [where], 1, exact=False)) for _ in range(4)]
    await asyncio.sleep(0)
    searches[0].cancel()
    for search in searches[1:]:
        assert [match.member.key for match in await search] == ["p"]


async def test_a_database_that_is_there_but_says_nothing_is_given_up(database_url: str) -> None:
    """As a machine that hangs; requests must not hang with it."""
    store = Store(database_url, connections=1)
    async with store.begin() as transaction:
        backend = (await transaction.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            async with store.begin():
                pass
    finally:
        os.kill(backend, signal.SIGCONT)
    async with store.begin() as transaction:
        assert (await transaction.execute(text("SELECT 1"))).scalar_one() == 1
    await store.close()
