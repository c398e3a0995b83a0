"""What an operator of the running server sees: Prometheus, log files, and spans across processes."""

import base64
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import msgpack
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.server import running
from estimators import CATALOGUE
from serving.launch.ingress import free_port
from tests.unit.test_dashboard import metric_names

pytestmark = pytest.mark.server
T = TypeVar("T")
TRACE = "0af7651916cd43dd8448eb211c80319c"
REMOTE = "age-estimator"
GRAPH = "/graph/v2/process/image?graph=face-analytics&echo=false"
MARK = b"only-in-this-image-"
_PATIENCE = 60  # seconds; numbers take up to 5 s to Ray, and another 10 s to its endpoint


class Observed(NamedTuple):
    """A server whose operator watches."""

    client: httpx.Client
    metrics: str  # address of Ray's endpoint
    folder: Path  # of Ray's own files, the logs among them
    traces: Path


@pytest.fixture(scope="module")
def observed(model_files: dict[str, str], url: str) -> Iterator[Observed]:
    """A server beside another one on the same machine, which answers at ``url`` and must not answer for it."""
    assert httpx.get(f"{url}/health", timeout=10).status_code == 200
    folder = Path(tempfile.mkdtemp(prefix="facet-"))  # a short path: Ray's sockets are in it
    port = free_port()
    variables = {
        **model_files,
        "RAY_TMPDIR": str(folder),
        "FACET_METRICS_PORT": str(port),
        "FACET_LOG_REQUESTS": "true",
        "FACET_TRACES": str(folder / "traces"),
        "FACET_PLACEMENT": json.dumps({"default": "local", REMOTE: "remote"}),
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    try:
        with running(folder / "log.txt", variables) as server, httpx.Client(base_url=server.url, timeout=60) as client:
            yield Observed(client, f"http://127.0.0.1:{port}/metrics", folder, folder / "traces")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _soon(attempt: Callable[[], T | None]) -> T:
    """What ``attempt`` gives, as soon as it gives something instead of failing."""
    latest = time.monotonic() + _PATIENCE
    while True:
        try:
            found = attempt()
            assert found
        except (AssertionError, KeyError):
            if time.monotonic() > latest:
                raise
            time.sleep(0.5)
        else:
            return found


def _sums(text: str) -> dict[tuple[str, ...], float]:
    """The numbers of our metrics over all processes, by name and the values of our tags, these sorted by name."""
    sums: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            ours = {"service", "operation", "status", "kind", "node", "placement", "le"} & set(sample.labels)
            key = (sample.name, *(sample.labels[tag] for tag in sorted(ours)))
            sums[key] = sums.get(key, 0.0) + sample.value
    return sums


def test_prometheus_finds_what_requests_were_counted(observed: Observed, jpeg: bytes) -> None:
    ask = 3
    for _ in range(ask):
        assert observed.client.post(GRAPH, files={"image": jpeg}).status_code == 200
    assert observed.client.post("/my-face/v2/process/image", files={"image": jpeg}).status_code == 404

    def scraped() -> dict[tuple[str, ...], float]:
        found = _sums(httpx.get(observed.metrics, timeout=10).text)
        assert found["ray_facet_requests_total", "image", "unknown", "404"] == 1
        assert found["ray_facet_requests_total", "image", "graph", "200"] == ask
        assert found["ray_facet_request_duration_seconds_bucket", "+Inf", "image", "graph"] == ask
        assert found["ray_facet_request_duration_seconds_count", "image", "graph"] == ask
        assert 0 < found["ray_facet_request_duration_seconds_sum", "image", "graph"] < 60
        assert found["ray_facet_errors_total", "UnknownService", "unknown"] == 1
        assert found["ray_facet_objects_per_image_sum", "face-detector-face-fitter"] == ask
        assert found["ray_facet_batch_size_count", REMOTE] == ask
        for node in ("decode", "face-detector-face-fitter", REMOTE, "emotion-estimator"):
            assert found["ray_facet_node_duration_seconds_count", node] == ask
        for service in (REMOTE, "emotion-estimator"):
            models = found["ray_facet_model_duration_seconds_sum", service]
            assert 0 < models < found["ray_facet_node_duration_seconds_sum", service]
        assert found["ray_facet_node_placement", REMOTE, "remote"] >= 1
        assert found["ray_facet_node_placement", "emotion-estimator", "local"] >= 1
        return found

    found = _soon(scraped)
    assert not any("my-face" in part for key in found for part in key)


def test_the_dashboard_asks_for_metrics_of_ray_that_there_are(observed: Observed, jpeg: bytes) -> None:
    asked = {name for name in metric_names() if not name.startswith("ray_facet_")}
    assert asked
    observed.client.post(GRAPH, files={"image": jpeg})

    def missing() -> set[str]:
        there = set(re.findall(r"^(ray_\w+)[{ ]", httpx.get(observed.metrics, timeout=10).text, re.MULTILINE))
        return asked - there

    _soon(lambda: not missing())


def test_a_trace_goes_on_in_the_process_of_a_remote_service(observed: Observed, jpeg: bytes) -> None:
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    assert observed.client.post(GRAPH, files={"image": jpeg}, headers=headers).status_code == 200

    def spans() -> list[dict[str, Any]] | None:
        files = {path: path.read_text().splitlines() for path in observed.traces.glob("*.jsonl")}
        found = [json.loads(line) | {"file": path} for path, lines in files.items() for line in lines]
        ours = [span for span in found if span["context"]["trace_id"] == f"0x{TRACE}"]
        return ours if {"graph image", f"{REMOTE} models"} <= {span["name"] for span in ours} else None

    by_name = {span["name"]: span for span in _soon(spans)}
    root, node, models = by_name["graph image"], by_name[REMOTE], by_name[f"{REMOTE} models"]
    assert root["parent_id"] == "0xb7ad6b7169203331"
    assert node["parent_id"] == root["context"]["span_id"]
    assert models["parent_id"] == node["context"]["span_id"]
    assert models["file"] != node["file"]
    assert by_name["emotion-estimator models"]["file"] == node["file"]


def test_each_request_is_a_line_of_json(observed: Observed, jpeg: bytes) -> None:
    observed.client.post(GRAPH, files={"image": jpeg}, headers={"X-Request-ID": "my-id.7"})

    def line() -> dict[str, Any] | None:
        for path in observed.folder.glob("ray/session_2*/logs/serve/replica_*gateway*.log"):
            for each in path.read_text().splitlines():
                if '"my-id.7"' in each and '"node_milliseconds"' in each:
                    found: dict[str, Any] = json.loads(each)
                    return found
        return None

    found = _soon(line)
    assert {key: found[key] for key in ("id", "request_id", "service", "operation", "status", "objects", "error")} == {
        "id": "my-id.7",
        "request_id": "my-id.7",
        "service": "graph",
        "operation": "image",
        "status": 200,
        "objects": 1,
        "error": None,
    }
    assert {"decode", REMOTE, "encode"} <= set(found["node_milliseconds"])


def test_no_file_of_the_server_holds_anything_of_an_image_or_a_template(observed: Observed, jpeg: bytes) -> None:
    """Whole and damaged images and templates with a mark in them, in every encoding, then a search of all files."""
    sound = jpeg[:-2] + MARK * 8 + jpeg[-2:]
    face = {"id": 0, "class": "face", "bbox": [0.3, 0.1, 0.6, 0.4], "template": {"name": MARK.decode() * 8}}
    post, statuses = observed.client.post, set()
    for image in (sound, jpeg[:500] + MARK * 8, MARK * 8):
        encoded = base64.b64encode(image).decode()
        whole = {"_image": {"blob": encoded}, "objects": [face]}
        binary = msgpack.packb({"_image": {"blob": image}, "objects": [face]})
        statuses.add(post(GRAPH, files={"image": image}).status_code)
        statuses.add(post(GRAPH, content=MARK + image).status_code)
        for service in ("graph", *CATALOGUE):
            route = f"/{service}/v2/process/sample"
            statuses.add(post(route, json=whole).status_code)
            statuses.add(post(route, json={**whole, "_image": {"blob": MARK.decode() + encoded}}).status_code)
            statuses.add(post(route, content=binary, headers={"Content-Type": "application/msgpack"}).status_code)
    assert {200, 400, 422} <= statuses <= {200, 400, 413, 415, 422}
    marker = {"X-Request-ID": "the-last-one"}
    post(GRAPH, files={"image": jpeg}, headers=marker)
    files = [path for path in observed.folder.rglob("*") if path.is_file()]
    _soon(lambda: any(b"the-last-one" in path.read_bytes() for path in files))
    shifted = {base64.b64encode(b"x" * shift + MARK * 2)[4:24] for shift in range(3)}
    searched = [MARK, *shifted, *(repr(MARK)[2:-1].encode(),)]
    for path in files:
        content = path.read_bytes()
        assert not [part for part in searched if part in content], path
