"""Two servers of one machine keep out of each other's way."""

import socket
from pathlib import Path

import pytest

from serving.launch import ingress

pytestmark = pytest.mark.skipif(ingress.haproxy_binary() is None, reason="there is no HAProxy for this platform")


def ports(environment: dict[str, str]) -> set[int]:
    """All ports that it names, each of the gateways among them."""
    gateways = range(
        int(environment["RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT"]),
        int(environment["RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT"]) + 1,
    )
    return {*gateways, *(int(value) for name, value in environment.items() if name.endswith("_PORT"))}


def test_servers_that_run_share_no_port(tmp_path: Path) -> None:
    first = ports(ingress.environment(tmp_path, 15))
    assert len(first) == 104
    with socket.create_server(("127.0.0.1", min(port for port in first if port >= 30000))):
        others = [ports(ingress.environment(tmp_path, 15)) for _ in range(30)]
    assert all(not {port for port in other if port >= 30000} & first for other in others)
    assert all(len(other) == 104 for other in others)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", ""])
def test_a_port_is_free_if_it_is_at_every_address(address: str) -> None:
    port = ingress.free_port()
    with socket.create_server((address, port)):
        assert not ingress.is_free(port)
    assert ingress.is_free(port)


def test_ports_that_are_taken_are_not_handed_out() -> None:
    found = ingress.free_ports(3)
    assert len(set(found)) == 3
    with socket.create_server(("127.0.0.1", found[0])):
        assert found[0] not in ingress.free_ports(9_000)
