"""``facet serve``, after the environment is set: starts Ray on this machine, or joins one, and runs Serve on it.

    python -m serving.launch.command CONFIG APP_DIR

A process of its own, as Ray and Serve read their environment when they are imported.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import ray
import yaml
from ray.serve.scripts import cli

from serving.launch.database import NoDatabase, database
from serving.launch.listening_socket import held
from serving.settings import Settings, arguments
from store import Store, keys

_OBJECTS = 128 * 2**20  # bytes of Ray's object store, which nothing here needs: calls carry their arguments


def main() -> None:
    configuration, folder = sys.argv[1:]
    # Ends as with Ctrl-C, in order; Ray's own handler aborts.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        loaded = yaml.safe_load(Path(configuration).read_text(encoding="utf-8"))
        with _prepared(Settings(**arguments(loaded))), _port(loaded["http_options"]) as let_go:
            _serve(configuration, folder, let_go)
    except NoDatabase as error:
        sys.exit(f"Facet cannot start: {error}")
    except KeyboardInterrupt:  # asked to end before Serve listened to that itself
        sys.exit(130)
    finally:
        shutil.rmtree(Path(configuration).parent, ignore_errors=True)  # it may hold API keys


@contextmanager
def _prepared(settings: Settings) -> Iterator[None]:
    """The database while the block lasts, where façades need one, in the environment that all replicas inherit."""
    if settings.facades == () or (settings.database_url is None and "RAY_ADDRESS" in os.environ):
        _check_keys(settings, 0)
        yield
        return
    with database(settings) as url:
        os.environ["FACET_DATABASE_URL"] = url
        _check_keys(settings, asyncio.run(_keys(url)))
        yield


def _port(options: Mapping[str, Any]) -> AbstractContextManager[Callable[[], None]]:
    """Holds the port for HAProxy where one is to take it; ``options`` are those of Serve for HTTP."""
    holder = os.environ.get("FACET_LISTENER")
    return held(Path(holder), options["host"], options["port"]) if holder else nullcontext(lambda: None)


async def _keys(url: str) -> int:
    """How many keys the store knows."""
    store = Store(url, connections=1)
    try:
        async with store.begin() as transaction:
            return len(await keys.list_keys(transaction))
    finally:
        await store.close()


def _check_keys(settings: Settings, known: int) -> None:
    """Ends the program where it would be open to others and nobody could have a key."""
    if settings.require_key and not settings.api_keys and not known:
        sys.exit(
            "Without a key Facet listens on loopback alone: make one with 'facet keys create --scope admin NAME', or "
            "set FACET_API_KEYS='[\"a-long-secret\"]'"
        )


def _serve(configuration: str, folder: str, let_go: Callable[[], None]) -> None:
    """Until a signal comes; ``let_go`` closes the port, so that nobody waits there while all else ends."""

    def end(number: int, frame: FrameType | None) -> None:
        let_go()
        signal.default_int_handler(number, frame)

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
    for each in (signal.SIGINT, signal.SIGTERM):  # Ray has set its own handlers
        signal.signal(each, end)
    cli(["run", configuration, "--app-dir", folder])


if __name__ == "__main__":
    main()
