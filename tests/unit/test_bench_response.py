"""Where an HTTP answer ends, however it comes in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.response import Malformed, Parser

BODY = b'{"objects": []}'
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\n" + BODY[:5] + b"\r\nA;note=1\r\n" + BODY[5:]
) + b"\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
UNTIL_END = b"HTTP/1.0 500 Internal Server Error\r\n\r\n" + BODY


@given(st.sampled_from([PLAIN, CHUNKED]), st.lists(st.integers(0, len(CHUNKED)), max_size=6))
def test_an_answer_is_complete_with_its_last_byte_however_it_is_cut(answer: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(answer)) for cut in cuts), len(answer)]
    parser, complete = Parser(), False
    for start, end in pairwise(edges):
        if start < end:
            assert not complete
            complete = parser.feed(answer[start:end])
    assert complete
    assert (parser.status, bytes(parser.body), parser.closes) == (200, BODY, False)


def test_an_empty_answer_is_complete_with_its_head() -> None:
    parser = Parser()
    assert parser.feed(EMPTY)
    assert (parser.status, parser.closes) == (503, True)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    parser = Parser()
    assert not parser.feed(UNTIL_END)
    assert parser.whole_at_end()
    assert (parser.status, bytes(parser.body), parser.closes) == (500, BODY, True)


@pytest.mark.parametrize("part", [b"", PLAIN[:20], PLAIN[:-1], CHUNKED[:-1], CHUNKED[:60]])
def test_a_part_of_an_answer_is_not_whole(part: bytes) -> None:
    parser = Parser()
    assert not parser.feed(part)
    assert not parser.whole_at_end()


@pytest.mark.parametrize(
    "broken",
    [
        b"SSH-2.0-OpenSSH",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        b"HTTP/" + b"1" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(broken: bytes) -> None:
    with pytest.raises(Malformed):
        Parser().feed(broken)
