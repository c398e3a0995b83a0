"""What is compared: three servers beside two ways of placing Facet's estimators, each started as a user would."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from bench.server import Server, answered, running, started
from serving.launch.ingress import free_port

Start = Callable[[Path], AbstractContextManager[Server]]


class System(NamedTuple):
    """A server that answers photos at ``/graph/v2/process/image``; ``start`` takes the file for its log."""

    key: str
    name: str
    start: Start


def _answers(port: int) -> bool:
    """Whether ``/ready`` says 200."""
    answer = answered(port, "/ready")
    return answer is not None and answer[0] == 200


@contextmanager
def _plain(log: Path) -> Iterator[Server]:
    port = free_port()
    with started([sys.executable, "-m", "bench.plain", str(port)], port, log, {}, _answers) as server:
        yield server


@contextmanager
def _naive(log: Path) -> Iterator[Server]:
    port = free_port()
    application = {"name": "naive", "route_prefix": "/", "import_path": "bench.naive:app"}
    configuration = {"http_options": {"host": "127.0.0.1", "port": port}, "applications": [application]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "naive.yaml"
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        command = [sys.executable, "-m", "ray.serve.scripts", "run", str(file), "--app-dir", "."]
        with started(command, port, log, {"RAY_ADDRESS": "local"}, _answers) as server:
            yield server


def _remote(log: Path) -> AbstractContextManager[Server]:
    return running(log, {"FACET_PLACEMENT": json.dumps({"default": "remote"})})


LIMIT = "a"
SYSTEMS: Mapping[str, System] = {
    system.key: system
    for system in (
        System("b", "uvicorn + Starlette, threads", _plain),
        System("c", "naive Ray Serve", _naive),
        System("d", "Facet, all remote", _remote),
        System("e", "Facet as planned", running),
    )
}
NAMES: Mapping[str, str] = {LIMIT: "bare loop, a process a core"} | {key: each.name for key, each in SYSTEMS.items()}
