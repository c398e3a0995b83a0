"""PostgreSQL of our own: it survives being killed, and is shared by who uses the same folder."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from store import Store, StoreUnavailable, members
from store.embedded_database import EmbeddedError, run_embedded_database
from store.migrate import migrate

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import sys
from pathlib import Path
from store.embedded_database import run_embedded_database
with run_embedded_database(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that does not exist yet."""
    parent = Path(tempfile.mkdtemp(prefix="facet-"))
    yield parent / "pg"
    shutil.rmtree(parent, ignore_errors=True)


def pid(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().split("\n", 1)[0])


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def eventually(holds: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something becomes true in time."""
    latest = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > latest:
            return False
        time.sleep(0.05)
    return True


def test_it_begins_and_ends_with_the_block_and_keeps_what_was_written(folder: Path) -> None:
    with run_embedded_database(folder) as url:
        migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO member (space, key, name) VALUES ('s', 'k', 'n')")
    assert not answers(url)
    with run_embedded_database(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT name FROM member").fetchall() == [("n",)]
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        folder_mode = folder.stat().st_mode
    assert folder_mode & 0o077 == 0  # nobody else gets to its socket


async def test_one_that_is_killed_is_there_again_and_the_store_with_it(folder: Path) -> None:
    with run_embedded_database(folder) as url:
        await asyncio.to_thread(migrate, url)
        store = Store(url, connections=2)
        async with store.begin() as transaction:
            await members.create_member(transaction, "s", "k", "n")
        killed = pid(folder)
        os.kill(killed, signal.SIGKILL)

        async def names() -> list[str] | None:
            try:
                async with store.begin() as transaction:
                    return [each.name for each in (await members.list_members(transaction, "s")).items]
            except StoreUnavailable:
                return None

        seen: list[list[str] | None] = []
        async with asyncio.timeout(40):
            while not (seen and seen[-1]):
                seen.append(await names())
                await asyncio.sleep(0.02)
        assert seen[-1] == ["n"]
        assert pid(folder) != killed
        await store.close()


@pytest.mark.parametrize(
    "note", ["{own}\n", "999999999\n", "", "nonsense", "{own}\n/elsewhere\n1\n5432\n/x\n\n1 2\nready\n"]
)
def test_the_note_of_one_that_is_gone_does_not_keep_it_from_starting(folder: Path, note: str) -> None:
    with run_embedded_database(folder):
        pass
    (folder / "postmaster.pid").write_text(note.format(own=os.getpid()))
    with run_embedded_database(folder) as url:
        assert answers(url)


def test_a_path_that_is_too_long_for_its_socket_is_refused(folder: Path) -> None:
    long = folder / ("x" * 90)
    with pytest.raises(EmbeddedError, match="longer than 90 bytes"), run_embedded_database(long):
        pass
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(EmbeddedError, match="cannot be started"), run_embedded_database(folder):
        pass
    with pytest.raises(EmbeddedError, match="cannot be started"), run_embedded_database(folder / "in" / "it"):
        pass


def test_a_folder_with_something_else_in_it_is_left_as_it_is(folder: Path) -> None:
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(EmbeddedError), run_embedded_database(folder):
        pass
    assert (folder / "letter.txt").read_text() == "dear"


def test_two_in_one_process_share_it(folder: Path) -> None:
    with run_embedded_database(folder) as one:
        with run_embedded_database(folder) as two:
            assert one == two
            number = pid(folder)
        assert answers(one)
        assert pid(folder) == number
    assert not answers(one)


def test_two_that_start_at_once_share_it(folder: Path) -> None:
    started, end, seen = threading.Barrier(3, timeout=60), threading.Event(), []

    def run() -> None:
        with run_embedded_database(folder) as url:
            seen.append((url, pid(folder)))
            started.wait()
            end.wait(60)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    started.wait()
    assert len(set(seen)) == 1
    end.set()
    for thread in threads:
        thread.join()
    assert not answers(seen[0][0])


def process(folder: Path) -> subprocess.Popen[str]:
    """Another process that uses the folder until its input ends."""
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _PROGRAM, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(other: subprocess.Popen[str]) -> str:
    assert other.stdout is not None
    return other.stdout.readline().strip()


@pytest.mark.parametrize("killed", [False, True])
def test_the_end_of_one_process_does_not_end_the_other(folder: Path, *, killed: bool) -> None:
    with process(folder) as first, process(folder) as second:
        url = said(first)
        assert said(second) == url
        number = pid(folder)
        if killed:
            first.kill()
        else:
            first.communicate("", timeout=30)
        first.wait()
        assert answers(url)
        assert pid(folder) == number
        os.kill(number, signal.SIGKILL)  # the other one watches it, too
        assert eventually(lambda: answers(url) and pid(folder) != number)
        second.communicate("", timeout=30)
    assert not answers(url)


def test_who_was_killed_leaves_a_database_that_the_next_one_takes_over(folder: Path) -> None:
    with process(folder) as first:
        url = said(first)
        first.kill()
    assert answers(url)
    with run_embedded_database(folder) as again:
        assert again == url
        assert answers(url)
    assert not answers(url)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_it_runs_for_a_user_without_privileges(folder: Path) -> None:
    import pwd  # noqa: PLC0415 - there is none on every system

    nobody = pwd.getpwnam("nobody")
    folder.parent.chmod(0o777)
    prefix = Path(sys.executable).resolve().parent
    readable = all(each.stat().st_mode & 0o005 == 0o005 for each in (prefix, *prefix.parents))
    if not readable:
        pytest.skip("this Python can only be read by root")
    program = "import sys\nsys.dont_write_bytecode = True\n" + _PROGRAM
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as other:
        url = said(other)
        assert url, other.communicate()[1]
        assert folder.stat().st_uid == nobody.pw_uid
        other.communicate("", timeout=30)
    assert not answers(url)
