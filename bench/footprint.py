"""How long ``facet serve`` takes to be ready, how much memory it then has, and how fast it answers: for the README.

``python -m bench.footprint`` starts a server of its own, asks it for a bounded number of photos and ends it. Memory is
the proportional set size of all its processes, Ray's among them (Linux). Run it on an idle machine.
"""

import re
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from bench.server import ROOT, Server, running

PHOTO = ROOT / "serving" / "static" / "astronaut.jpg"
REQUESTS, WARM = 40, 10


def memory(server: Server) -> tuple[int, float]:
    """How many processes the server has, and their memory together in GB."""
    sizes = []
    for folder in server.processes():
        found = re.search(r"^Pss:\s+(\d+) kB", (folder / "smaps_rollup").read_text(), re.MULTILINE)
        sizes.append(int(found[1]) if found else 0)
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
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "log.txt") as server:
        print(f"ready after {server.seconds:.1f} s")
        processes, gigabytes = memory(server)
        print(f"memory {gigabytes:.2f} GB in {processes} processes")
        spent = latencies(server.url)
        print(f"face-analytics, one face: median {statistics.median(spent):.0f} ms, slowest {max(spent):.0f} ms")


if __name__ == "__main__":
    main()
