"""A real server: ``facet serve`` as a user starts it, with its own Ray cluster and the real models."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models import ModelStore

ROOT = Path(__file__).parents[2]
MARK = "FACET_UNDER_TEST"  # in the environment of all processes of the server
START = 180  # seconds; two slow cores need about 30


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def url(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server, whose log is shown where it does not come up."""
    if not store.available("face-detection"):
        pytest.skip("no models are installed")
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log.txt"
    environment = os.environ | {"FACET_CACHE": str(store.cache), "RAY_USAGE_STATS_ENABLED": "0", MARK: str(port)}
    if store.mirror is not None:
        environment["FACET_MODEL_MIRROR"] = str(store.mirror)
    command = [sys.executable, "-m", "serving.cli", "serve", "--no-pull", "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_up(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns when every deployment has a replica; a model that is not there does not keep the server from running."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            states = httpx.get(f"{address}/ready", timeout=10).json()["services"].values()
        except (httpx.HTTPError, ValueError, KeyError):
            time.sleep(1)
            continue
        if all(state["ready"] or "not installed" in str(state["detail"]) for state in states):
            return
        time.sleep(1)
    pytest.fail(f"the server did not come up:\n{log.read_text()[-5000:]}")


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def jpeg(astronaut: NDArray[np.uint8]) -> bytes:
    """The photograph as a file, (512, 512)."""
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
