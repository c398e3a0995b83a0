"""``facet serve``, after the environment is set: starts Ray on this machine, or joins one, and runs Serve on it.

    python -m serving.launch CONFIG APP_DIR

A process of its own, as Ray and Serve read their environment when they are imported.
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.serve.scripts import cli

from store.embedded import EmbeddedError, embedded
from store.migrate import migrate

_OBJECTS = 128 * 2**20  # bytes of Ray's object store, which nothing here needs: calls carry their arguments


def main() -> None:
    configuration, folder = sys.argv[1:]
    # Ends as with Ctrl-C, in order; Ray's own handler aborts.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _database():
            _serve(configuration, folder)
    except EmbeddedError as error:
        sys.exit(f"Facet cannot start: {error}. A database of your own can be named by FACET_DATABASE_URL.")
    finally:
        shutil.rmtree(Path(configuration).parent, ignore_errors=True)  # it may hold API keys


@contextmanager
def _database() -> Iterator[None]:
    """The database of our own while the block lasts, where FACET_EMBEDDED names its folder."""
    folder = os.environ.get("FACET_EMBEDDED")
    if folder is None:
        yield
        return
    with embedded(Path(folder)) as url:
        migrate(url)
        os.environ["FACET_DATABASE_URL"] = url
        yield


def _serve(configuration: str, folder: str) -> None:
    address = os.environ.pop("RAY_ADDRESS", "local")
    dashboard = os.environ.get("FACET_DASHBOARD") == "1"
    if address == "local":
        ray.init(
            "local",
            namespace="serve",
            include_dashboard=dashboard,
            object_store_memory=_OBJECTS,
            _metrics_export_port=int(os.environ.get("FACET_METRICS_PORT", "0")) or None,  # None for any
        )
    else:
        ray.init(address, namespace="serve")
    # Ray has set its own handler.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cli(["run", configuration, "--app-dir", folder])


if __name__ == "__main__":
    main()
