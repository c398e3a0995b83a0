"""What becomes of the configuration that Ray writes for HAProxy, and the port that outlives it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.launch.haproxy import completed, listening_socket
from serving.launch.ingress import free_port
from serving.launch.listening_socket import held

WRITTEN = """\
global
    nbthread 1
defaults
    mode http
    # comments may name use_backend
    option redispatch 1
    retry-on conn-failure
frontend prometheus
    bind :9101
    mode http
frontend http_frontend
    bind *:8000
    # Health check endpoint
    acl healthcheck path -i /-/healthz
{routes}
    default_backend default_backend
backend gateway
    # Enable HTTP connection reuse
    http-reuse always
listen stats
  bind *:8404
  stats enable
"""
ROUTES = "    use_backend gateway if is_gateway"


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_own_pages_stay_inside_and_requests_come_from_outside() -> None:
    bound = [line for line in lines(completed(WRITTEN.format(routes=ROUTES), 15)) if line.startswith("bind")]
    assert bound == ["bind 127.0.0.1:9101", "bind *:8000", "bind 127.0.0.1:8404"]


def test_requests_come_by_the_socket_that_is_held() -> None:
    assert "bind fd@7" in lines(completed(WRITTEN.format(routes=ROUTES), 15, 7))


def test_each_request_gets_an_identity() -> None:
    text = lines(completed(WRITTEN.format(routes=ROUTES), 15))
    assert text[text.index("bind *:8000") + 1] == "http-request set-header X-Facet-Request %[uuid()]"


def test_a_body_must_arrive_in_time() -> None:
    text = lines(completed(WRITTEN.format(routes=ROUTES), 3))
    place = text.index("option redispatch 1")
    assert text[place + 1 : place + 3] == ["option http-buffer-request", "timeout http-request 3s"]


def test_without_a_gateway_nothing_listens() -> None:
    assert not {"bind *:8000", "bind fd@7"} & set(lines(completed(WRITTEN.format(routes=""), 15, 7)))


def test_all_else_stays() -> None:
    written = WRITTEN.format(routes=ROUTES)
    left = [line for line in written.splitlines() if "bind " not in line]
    assert [line for line in completed(written, 15).splitlines() if line in left] == left


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def holder(tmp_path: Path, port: int) -> Iterator[str]:
    with held(tmp_path / "s", "127.0.0.1", port):
        yield str(tmp_path / "s")


def refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_a_client_waits_from_one_taker_to_the_next(holder: str, port: int) -> None:
    assert refused(port)  # nobody has asked for it yet
    descriptor = listening_socket(holder)
    socket.socket(fileno=descriptor).close()  # the taker dies
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"hello")
        with socket.socket(fileno=listening_socket(holder)) as following:
            accepted, _ = following.accept()
            with accepted:
                assert accepted.recv(5) == b"hello"


def test_the_port_is_closed_when_the_holder_ends(tmp_path: Path, port: int) -> None:
    with held(tmp_path / "s", "127.0.0.1", port):
        socket.socket(fileno=listening_socket(str(tmp_path / "s"))).close()
        assert not refused(port)
    assert refused(port)
    assert listening_socket(str(tmp_path / "s")) is None


def test_the_port_can_be_let_go_before(tmp_path: Path, port: int) -> None:
    with held(tmp_path / "s", "127.0.0.1", port) as let_go:
        socket.socket(fileno=listening_socket(str(tmp_path / "s"))).close()
        let_go()
        assert refused(port)
        let_go()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_all_addresses_are_those_of_both_kinds(tmp_path: Path, port: int) -> None:
    with held(tmp_path / "s", "::", port), socket.socket(fileno=listening_socket(str(tmp_path / "s"))):
        assert not refused(port)


def test_who_asks_is_told_that_the_port_is_taken(holder: str, port: int) -> None:
    said = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match=said):
        listening_socket(holder)
    with socket.socket(fileno=listening_socket(holder)):
        assert not refused(port)  # it is asked for again, and free
