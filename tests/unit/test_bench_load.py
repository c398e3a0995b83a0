"""The driver of the benchmark against small servers that answer, refuse, break off and stay silent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bench.load import OK, Answer, Outcome, Plan, load, request_bytes

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server that reads whole requests and lets ``handler`` answer each."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await handler(await reader.readexactly(length), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/path?x=1"
    finally:
        server.close()


async def outcome(handler: Handler, plan: Plan, bodies: tuple[bytes, ...] = (b"body",)) -> Outcome:
    async with serving(handler) as url:
        return await load(url, [request_bytes(url, body, {}) for body in bodies], plan)


async def good(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)


async def test_every_answer_is_counted() -> None:
    found = await outcome(good, Plan(4, 60, most=100))
    assert (found.ok, found.failures) == (100, {})
    assert len(found.latencies) == 100
    assert found.latencies == sorted(found.latencies)
    assert found.percentile(0.5) > 0
    assert abs(found.rate * found.seconds - 100) < 1e-6


async def test_no_more_requests_are_under_way_than_there_are_connections() -> None:
    inside = most = 0

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        writer.write(GOOD)

    await outcome(handler, Plan(3, 60, most=60))
    assert most == 3


async def test_the_requests_are_sent_in_turn() -> None:
    seen: list[bytes] = []

    async def handler(body: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(body)
        writer.write(GOOD)

    await outcome(handler, Plan(1, 60, most=5), (b"one", b"two", b"three"))
    assert seen[:6] == [b"one", b"two", b"three", b"one", b"two", b"three"]


async def test_a_refusal_is_counted_by_its_status() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(BUSY)
        writer.close()

    found = await outcome(handler, Plan(2, 60, most=10))
    assert (found.ok, found.failures) == (0, {"status 503": 10})


async def test_an_answer_that_breaks_off_is_counted_as_closed() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD[:-2])
        writer.close()

    found = await outcome(handler, Plan(1, 60, most=5))
    assert found.failures == {"closed": 5}


async def test_what_is_no_answer_is_counted_as_malformed() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example\r\n")

    found = await outcome(handler, Plan(1, 60, most=5))
    assert found.failures == {"malformed": 5}


async def test_a_request_that_nobody_answers_is_given_up() -> None:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        pass

    found = await outcome(handler, Plan(2, 0, timeout=0.05))
    assert set(found.failures) == {"timeout"}


async def test_a_server_that_is_not_there_refuses() -> None:
    async with serving(good) as url:
        pass
    found = await load(url, [request_bytes(url, b"", {})], Plan(2, 60, most=4))
    assert found.failures == {"refused": 4}


async def test_answers_that_are_not_right_are_counted_as_wrong() -> None:
    found = await outcome(good, Plan(1, 60, most=20, check=lambda body: body != b"good", every=4))
    assert found.failures == {"wrong": 5}


async def test_the_meter_is_read_as_the_measurement_starts_and_as_it_ends() -> None:
    readings = iter((10.0, 12.5))
    found = await outcome(good, Plan(1, 60, most=3, meter=lambda: next(readings)))
    assert found.server == 2.5


def test_the_answers_of_an_outcome_are_told_apart_by_kind() -> None:
    answers = [Answer(0.1, 0.3, OK), Answer(0.2, 9.0, "reset"), Answer(0.3, 0.1, OK), Answer(0.4, 9.0, "reset")]
    found = Outcome(2.0, answers, driver=0.1)
    assert found.latencies == [0.1, 0.3]
    assert found.rate == 1.0
    assert found.failures == {"reset": 2}


def test_a_request_goes_over_the_wire_as_http_has_it() -> None:
    raw = request_bytes("http://127.0.0.1:80/a/b?c=d", b"\x00\r\n", {"Content-Type": "image/jpeg"})
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /a/b?c=d HTTP/1.1",
        b"Host: 127.0.0.1:80",
        b"Content-Length: 3",
        b"Content-Type: image/jpeg",
    ]
    assert body == b"\x00\r\n"
