"""How long ``facet serve`` takes to be ready, how much memory it then has, and how fast it answers: for the README.

``python -m bench.footprint`` starts a server of its own, asks it for a bounded number of photos and ends it. Memory is
the proportional set size of all its processes, Ray's among them (Linux). Run it on an idle machine.
"""

import tempfile
from pathlib import Path

from bench.formats import FORMATS
from bench.load import Plan, driven
from bench.photos import PORTRAIT
from bench.processes import memory
from bench.server import end_on_signal, running

REQUESTS, WARM = 40, 10


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "log.txt") as server:
        print(f"ready after {server.seconds:.1f} s")
        processes, size = memory(server.processes())
        print(f"memory {size / 1e9:.2f} GB in {processes} processes")
        requests = [FORMATS["multipart"](server.url, PORTRAIT.read_bytes())]
        driven(server.url, requests, Plan(1, 600, most=WARM))
        outcome = driven(server.url, requests, Plan(1, 600, most=REQUESTS))
        middle, slowest = outcome.percentile(0.5) * 1000, outcome.percentile(1) * 1000
        failed = f", failures {dict(outcome.failures)}" if outcome.failures else ""
        print(f"face-analytics, one face: median {middle:.0f} ms, slowest {slowest:.0f} ms{failed}")


if __name__ == "__main__":
    end_on_signal()
    main()
