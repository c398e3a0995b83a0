"""How long ``facet serve`` takes to be ready, how much memory it then has, and how fast it answers: for the README.

``python bench/footprint.py`` starts a server of its own on a free port, asks it for a bounded number of photos and ends
it. Memory is the proportional set size of all its processes, Ray's among them (Linux). Run it on an idle machine.
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "serving" / "static" / "astronaut.jpg"
MARK = "FACET_UNDER_BENCH"  # in the environment of all processes of the server
REQUESTS, WARM = 40, 10


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def seconds_until_ready(url: str, start: float, limit: float = 180.0) -> float:
    """Polls until every deployment has a replica; services without a model do not count."""
    while time.perf_counter() - start < limit:
        try:
            states = httpx.get(f"{url}/ready", timeout=10).json()["services"].values()
            if all(state["ready"] or "not installed" in str(state["detail"]) for state in states):
                return time.perf_counter() - start
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.2)
    raise TimeoutError("the server did not become ready")


def memory(port: int) -> tuple[int, float]:
    """How many processes the server has, and their memory together in GB."""
    sizes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={port}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found = re.search(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
                sizes.append(int(found[1]) if found else 0)
        except OSError:  # it ended, or belongs to somebody else
            continue
    return len(sizes), sum(sizes) / 1e6


def latencies(url: str) -> list[float]:
    """Milliseconds of each answer about one face, one request at a time, once warm."""
    spent = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for number in range(WARM + REQUESTS):
            start = time.perf_counter()
            path = "/graph/v2/process/image?graph=face-analytics&echo=false"
            client.post(path, files={"image": PHOTO.read_bytes()}).raise_for_status()
            if number >= WARM:
                spent.append((time.perf_counter() - start) * 1000)
    return spent


def main() -> None:
    port = free_port()
    command = [sys.executable, "-m", "serving.cli", "serve", "--no-pull", "--port", str(port)]
    start = time.perf_counter()
    server = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env=os.environ | {MARK: str(port)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        print(f"ready after {seconds_until_ready(url, start):.1f} s")
        processes, gigabytes = memory(port)
        print(f"memory {gigabytes:.2f} GB in {processes} processes")
        spent = latencies(url)
        print(f"face-analytics, one face: median {statistics.median(spent):.0f} ms, slowest {max(spent):.0f} ms")
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
