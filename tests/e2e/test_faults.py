"""What clients notice when a process of the server dies under load, or when all are replaced by a new deployment."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from bench.server import ROOT, Server, running
from models import ModelStore
from serving.launch import ingress
from tests.e2e import cluster
from tests.e2e.cluster import Photo, Report, replica

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are told apart by /proc"),
]
GATEWAYS = 2
REMOTE = "age-estimator"  # the service that runs in a deployment of its own; all others are in the gateways
PATH = f"/graph/v2/process/image?services={REMOTE}&echo=false"
ALLOWED = 0.005  # of the requests may fail
WINDOW = 12.0  # seconds of load around the death of a replica
ROLLING = 40.0  # seconds of load around a rolling deployment
REQUESTS = 2000  # at least, around the death of the proxy: those in flight are lost, and must be few among those sent
PROXY = "/haproxy -db"

Noticed = Callable[[float, Callable[[], float]], Report]


@pytest.fixture(scope="module")
def server(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two gateways that ask a replica of another deployment."""
    if not all(map(store.can_serve, ("face-detection", "age-gender"))):
        pytest.skip("no models are installed")
    environment = {
        "FACET_CACHE": str(store.cache),
        "FACET_GATEWAYS": str(GATEWAYS),
        "FACET_PLACEMENT": json.dumps({"default": "local", REMOTE: "remote"}),
    }
    if store.mirror is not None:
        environment["FACET_MODEL_MIRROR"] = str(store.mirror)
    with running(tmp_path_factory.mktemp("server") / "log.txt", environment) as started:
        cluster.wait_until(lambda: len(cluster.pids(started, replica("gateway"))) == GATEWAYS)
        yield started


@pytest.fixture(scope="module")
def photo(server: Server, jpeg: bytes) -> Photo:
    """A photo and what the server, all of it alive, says of it."""
    request = httpx.Request("POST", server.url + PATH, files={"image": jpeg})
    body, headers = request.read(), {"Content-Type": request.headers["Content-Type"]}
    answer = httpx.post(server.url + PATH, content=body, headers=headers, timeout=60).raise_for_status()
    assert answer.json()["objects"][0]["age"]
    return Photo(server.url + PATH, body, headers, answer.content)


@pytest.fixture
def noticed(server: Server, photo: Photo, record_property: Callable[[str, object], None]) -> Iterator[Noticed]:
    """Does damage under load, tells what clients noticed of it, and sees to it that the answers are the same again."""

    def clients(seconds: float, fault: Callable[[], float]) -> Report:
        seen = cluster.under_load(photo, seconds, fault)
        record_property("noticed", str(seen))
        sys.stdout.write(f"{seen}\n")
        return seen

    yield clients
    again = httpx.post(server.url + PATH, content=photo.body, headers=photo.headers, timeout=60)
    assert again.content == photo.answer


def test_a_dead_estimator_costs_no_answer(server: Server, noticed: Noticed) -> None:
    seen = noticed(WINDOW, lambda: cluster.killed(server, replica(REMOTE)))
    assert seen.share < ALLOWED


def test_a_dead_gateway_costs_no_answer(server: Server, noticed: Noticed) -> None:
    seen = noticed(WINDOW, lambda: cluster.killed(server, replica("gateway")))
    assert seen.share < ALLOWED


@pytest.mark.skipif(ingress.haproxy_binary() is None, reason="there is no HAProxy for this platform")
def test_a_dead_proxy_costs_the_requests_in_flight(server: Server, photo: Photo, noticed: Noticed) -> None:
    """Others wait for the next proxy. The window is as long as it takes to send ``REQUESTS``, and a bit longer."""
    pace = cluster.under_load(photo, 4, lambda: 0.0)
    seen = noticed(1.5 * REQUESTS / pace.sent * pace.seconds, lambda: cluster.killed(server, PROXY))
    assert sum(seen.lost.values()) <= cluster.CONCURRENCY
    assert seen.refused == 0
    assert seen.share < ALLOWED


def test_a_rolling_deployment_costs_no_answer(server: Server, noticed: Noticed, tmp_path: Path) -> None:
    """What ``serve deploy`` does: a configuration with another setting replaces all replicas."""
    configuration = yaml.safe_load((ROOT / "serve_config.yaml").read_text(encoding="utf-8"))
    configuration["http_options"]["port"] = server.port
    configuration["applications"][0]["args"]["max_samples"] = 32
    file = tmp_path / "serve.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    old = {name: cluster.pids(server, replica(name)) for name in ("gateway", REMOTE)}

    def deployed() -> float:
        command = [sys.executable, "-m", "ray.serve.scripts", "run", str(file), "--non-blocking"]
        subprocess.run(  # noqa: S603 - our own command
            [*command, "--address", cluster.address(server)],
            cwd=ROOT,
            env=os.environ | {"RAY_AUTH_MODE": "token"},
            check=True,
            capture_output=True,
        )
        return cluster.wait_until(lambda: all(_renewed(server, name, before) for name, before in old.items()), 120)

    seen = noticed(ROLLING, deployed)
    assert seen.replaced < seen.seconds
    assert seen.share < ALLOWED


def _renewed(server: Server, deployment: str, before: list[int]) -> bool:
    """Whether all replicas of a deployment are others than before."""
    now = cluster.pids(server, replica(deployment))
    return len(now) == len(before) and not set(now) & set(before)
