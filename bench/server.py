"""A server of our own for benchmarks and end-to-end tests: ``facet serve`` as a user starts it, on a free port."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from serving.launch.ingress import free_port

ROOT = Path(__file__).parents[1]
_MARK = "FACET_OWN_SERVER"  # in the environment of all processes of the server
_START = 180  # seconds until it must be up; two slow cores need about 30
_END = 60  # seconds until it must have ended
_LINGER = 15  # seconds that its other processes have to end by themselves then


class Server(NamedTuple):
    """A running server; ``seconds`` is what it took to be ready, ``data`` the folder of its database."""

    port: int
    seconds: float
    data: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def processes(self) -> Iterator[Path]:
        """The folders in /proc of all its processes, Ray's among them, and of no other on this machine (Linux)."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{_MARK}={self.port}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    yield folder
            except OSError:  # it ended, or belongs to somebody else
                continue


@contextmanager
def running(log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server for the length of the block; raises ``TimeoutError`` with its log where it does not come up."""
    port = free_port()
    command = [sys.executable, "-m", "cli.main", "serve", "--no-pull", "--port", str(port)]
    with started(command, port, log, environment or {}, _is_up) as server:
        yield server


@contextmanager
def started(
    command: Sequence[str], port: int, log: Path, environment: Mapping[str, str], is_up: Callable[[int], bool]
) -> Iterator[Server]:
    """The same for any command that listens on ``port``; it is ready once ``is_up`` says so."""
    data = tempfile.mkdtemp(prefix="facet-")  # a short path: the socket of a database is in it
    own = {"RAY_USAGE_STATS_ENABLED": "0", "FACET_DATA_FOLDER": data, _MARK: str(port)}
    variables = os.environ | own | dict(environment)
    server = Server(port, 0.0, Path(variables["FACET_DATA_FOLDER"]))
    start = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        while not is_up(port):
            if time.monotonic() - start > _START or process.poll() is not None:
                raise TimeoutError(f"the server did not come up:\n{log.read_text()[-5000:]}")
            time.sleep(0.2)
        yield server._replace(seconds=time.monotonic() - start)
    finally:
        process.terminate()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        _end_all(server)
        shutil.rmtree(data, ignore_errors=True)


def _end_all(server: Server) -> None:
    """Waits until no process of the server is left; what Ray leaves behind after a while is killed."""
    latest = time.monotonic() + _LINGER
    while left := list(server.processes()):
        if time.monotonic() > latest:
            for folder in left:
                with suppress(ProcessLookupError):
                    os.kill(int(folder.name), signal.SIGKILL)
        time.sleep(0.1)


def end_on_signal() -> None:
    """Makes a program that is asked to end (SIGTERM) end its servers first, as Ctrl-C does."""

    def ended(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, ended)


def answered(port: int, path: str) -> tuple[int, bytes] | None:
    """Status and body of what a server on this machine answers to a GET; none where it does not answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)  # lighter than a client that is made for every question
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _is_up(port: int) -> bool:
    """Whether every deployment has a replica; a model that is not there does not keep the server from running."""
    answer = answered(port, "/ready")
    try:
        states = json.loads(answer[1])["services"].values() if answer else []
    except (ValueError, KeyError, TypeError):
        return False
    return bool(states) and all(state["ready"] or "not installed" in str(state["detail"]) for state in states)
