"""A service that nobody asks has no replica; load brings replicas on other nodes of a cluster, and they go again."""

import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import httpx
import pytest
import yaml

from bench.load import drive
from bench.server import Server, started
from models import ModelStore
from serving.launch import ingress
from serving.launch.ingress import free_port
from tests.e2e import cluster
from tests.e2e.cluster_nodes import FRONT, OTHERS, ROOM

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are told apart by /proc"),
]
SERVICE = "face-detector-face-fitter"
PATH = f"/{SERVICE}/v2/process/image?echo=false"
LOAD = 20.0  # seconds for which 8 requests at a time are sent
_PATIENCE = 30.0  # seconds for a request to arrive
INTERVAL = 0.5  # seconds between two reports of how busy a replica is; Ray's 10 are for clusters that are not tests
SCALING = {
    "min_replicas": 0,
    "max_replicas": OTHERS,
    "target_ongoing_requests": 2,
    "metrics_interval_s": INTERVAL,
    "look_back_period_s": 2,
    "upscale_delay_s": 1,
    "downscale_delay_s": 3,
    "downscale_to_zero_delay_s": 5,
}


def configuration(store: ModelStore, port: int) -> dict[str, object]:
    """A gateway on the head of the cluster, and one service on its other nodes."""
    settings = {
        "cache": str(store.cache),
        "model_mirror": str(store.mirror) if store.mirror else None,
        "services": [SERVICE],
        "placement": {SERVICE: "remote"},
        "gateways": 1,
    }
    deployments = [
        {"name": "gateway", "ray_actor_options": {"num_cpus": 0.1, "resources": {FRONT: 0.1}}},
        {
            "name": SERVICE,
            "autoscaling_config": SCALING,
            "ray_actor_options": {"num_cpus": 0.1, "resources": {ROOM: 1}},
            "graceful_shutdown_wait_loop_s": 0.5,
        },
    ]
    application = {
        "name": "image-api",
        "route_prefix": "/",
        "import_path": "serving.cluster.app:build",
        "args": settings,
    }
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": "127.0.0.1", "port": port},
        "applications": [application | {"deployments": deployments}],
    }


@pytest.fixture(scope="module")
def server(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A cluster of three nodes."""
    if not all(map(store.can_serve, ("face-detection", "face-landmarks"))):
        pytest.skip("no models are installed")
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    file = folder / "serve.yaml"
    file.write_text(yaml.safe_dump(configuration(store, port)), encoding="utf-8")
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": str(INTERVAL),
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": str(INTERVAL),
    }
    command = [sys.executable, "-m", "tests.e2e.cluster_nodes", str(file)]
    sockets = ingress.private_folder()
    environment = ingress.environment(sockets, _PATIENCE) | variables
    with started(command, port, folder / "log.txt", environment, _is_healthy) as running:
        yield running
    shutil.rmtree(sockets)


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def nodes(server: Server) -> list[int]:
    """The raylets of the replicas of the service; the raylet of a node starts its workers."""
    found = []
    for pid in cluster.pids(server, cluster.replica(SERVICE)):
        status = Path(f"/proc/{pid}/status")
        found += [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("PPid:")]
    return found


def test_load_brings_replicas_on_other_nodes_and_they_go_again(
    server: Server, jpeg: bytes, record_property: Callable[[str, object], None]
) -> None:
    cluster.wait_until(lambda: len(cluster.pids(server, cluster.replica("gateway"))) == 1)
    [gateway] = cluster.pids(server, cluster.replica("gateway"))
    assert nodes(server) == []

    request = httpx.Request("POST", server.url + PATH, files={"image": jpeg})
    body, headers = request.read(), {"Content-Type": request.headers["Content-Type"]}
    start = time.monotonic()
    answer = httpx.post(server.url + PATH, content=body, headers=headers, timeout=60)
    times = {"until the first answer": time.monotonic() - start}
    assert len(answer.raise_for_status().json()["objects"]) == 1
    cluster.wait_until(lambda: len(nodes(server)) == 1)

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        clients = pool.submit(drive, server.url + PATH, body, headers, cluster.CONCURRENCY, LOAD)
        times["until replicas on two nodes, from the start of the load"] = cluster.wait_until(
            lambda: len(set(nodes(server))) == OTHERS
        )
        outcome = clients.result()
    assert not outcome.failures
    assert len(nodes(server)) == OTHERS

    times["until one was left, from the end of the load"] = cluster.wait_until(lambda: len(nodes(server)) <= 1)
    times["until none was left, from then on"] = cluster.wait_until(lambda: nodes(server) == [])
    assert cluster.pids(server, cluster.replica("gateway")) == [gateway]
    record_property("seconds", str(times))
    sys.stdout.write(
        f"{ ({name: round(seconds, 1) for name, seconds in times.items()}) }, {outcome.rate:.1f} images/s\n"
    )
