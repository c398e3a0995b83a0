"""The whole HTTP interface in this process and without Ray, for measuring where no server runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from estimators import CATALOGUE
from serving.cluster.stages import Local
from serving.engine.engine import Engine
from serving.engine.loading import Loader
from serving.http.application import application
from serving.settings import Settings

_PATIENCE = 60.0  # seconds for the server to begin to listen, once all models are loaded


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Serves all services on a free port of loopback while the context lasts; yields the address."""
    loader = Loader(settings)
    engine = Engine(settings, {name: Local(name, settings, loader) for name in CATALOGUE})
    config = uvicorn.Config(application(engine), host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{_port(server, thread)}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE)


def _port(server: uvicorn.Server, thread: threading.Thread) -> int:
    """The port it listens on, once it does."""
    deadline = time.monotonic() + _PATIENCE
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server in this process did not start")
        time.sleep(0.05)
    return int(server.servers[0].sockets[0].getsockname()[1])
