"""``kill -9`` of the database and of the whole server amid enrolments: what was acknowledged is there, whole."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import text

from bench.server import ROOT, Server, running
from store import Store
from tests.pictures import encoded

pytestmark = pytest.mark.server
ENROLMENTS, CLIENTS = 1000, 8
FACES = "/api/v1/recognition/faces"
_BACK = 30  # seconds for the database to be there again
# What an enrolment consists of, and what would be half of one.
HALVES = {
    "a face without the photo or the crop": "SELECT count(*) FROM face WHERE photo IS NULL OR crop IS NULL",
    "an image without a face": "SELECT count(*) FROM image WHERE NOT EXISTS "
    "(SELECT FROM face WHERE image.id IN (face.photo, face.crop))",
    "a subject without a face": "SELECT count(*) FROM member WHERE NOT EXISTS "
    "(SELECT FROM face WHERE face.member = member.number)",
    "a subject in no collection": "SELECT count(*) FROM member WHERE NOT EXISTS "
    "(SELECT FROM membership WHERE membership.member = member.number)",
    "more faces of a subject than were sent": "SELECT count(*) FROM face AS one JOIN face AS other "
    "ON one.member = other.member AND one.id < other.id",
}


class Enrolments:
    """What clients asked for and what they were told, subject by subject."""

    def __init__(self, secret: str, photo: bytes) -> None:
        self.secret, self.photo = secret, photo
        self.done: dict[str, str] = {}  # the image's identity by subject
        self.refused: Counter[int] = Counter()  # by status; 0 where there was no answer
        self._subjects = iter(range(ENROLMENTS))
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def client(self, url: str) -> None:
        """One client, which enrols one subject after the other until there is none left, or it is stopped."""
        with httpx.Client(base_url=url, headers={"x-api-key": self.secret}, timeout=30) as client:
            while not self.stopped.is_set():
                with self._lock:
                    subject = next(self._subjects, None)
                if subject is None:
                    return
                self._enrol(client, f"subject {subject}")

    def _enrol(self, client: httpx.Client, subject: str) -> None:
        try:
            answer = client.post(FACES, params={"subject": subject}, files={"file": ("a.jpg", self.photo)})
        except httpx.HTTPError:
            self.refused[0] += 1
            time.sleep(0.05)
            return
        if answer.status_code == 201:
            self.done[subject] = answer.json()["image_id"]
        else:
            assert {"message", "code"} <= answer.json().keys(), answer.text
            self.refused[answer.status_code] += 1
            time.sleep(0.05)

    def reached(self, count: int) -> None:
        """Waits until so many enrolments were acknowledged."""
        while len(self.done) < count:
            time.sleep(0.02)


@pytest.fixture
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp(prefix="facet-"))  # a short path: the socket of the database is in it
    yield found
    shutil.rmtree(found, ignore_errors=True)


@contextmanager
def _enrolling(enrolments: Enrolments, url: str) -> Iterator[None]:
    """Clients at work while the block lasts, and until they have nothing left to do."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        work = [pool.submit(enrolments.client, url) for _ in range(CLIENTS)]
        yield
    for each in work:
        each.result()


def _kill_database(folder: Path) -> None:
    note = folder / "data" / "postgresql" / "postmaster.pid"
    os.kill(int(note.read_text().split("\n", 1)[0]), signal.SIGKILL)


def _kill_all(server: Server) -> int:
    """Kills every process of the server, the database's among them; how many there were."""
    killed = 0
    for process in list(server.processes()):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)
            killed += 1
    return killed


def _new_key(variables: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "cli.main", "keys", "create", "crash", "--scope", "recognition"]
    made = subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env=os.environ | dict(variables), check=True, capture_output=True, text=True
    )
    return made.stdout.strip().splitlines()[-1]


async def _halves(folder: Path) -> dict[str, int]:
    """How many of each kind of half enrolments there are in the database."""
    store = Store(f"postgresql://postgres@/postgres?host={folder / 'data' / 'postgresql'}", connections=1)
    try:
        async with store.begin() as transaction:
            return {name: (await transaction.execute(text(query))).scalar_one() for name, query in HALVES.items()}
    finally:
        await store.close()


def _listed(client: httpx.Client) -> dict[str, str]:
    """All faces that the server knows: the image's identity by subject."""
    found: dict[str, str] = {}
    for page in range(1000):
        answer = client.get(FACES, params={"page": page, "size": 500}).json()
        found |= {face["subject"]: face["image_id"] for face in answer["faces"]}
        if page + 1 >= answer["total_pages"]:
            break
    return found


async def test_killed_amid_a_thousand_enrolments_nothing_is_lost_and_nothing_is_half_there(
    model_files: dict[str, str], folder: Path, photo: bytes
) -> None:
    variables = {**model_files, "FACET_DATA_FOLDER": str(folder / "data"), "FACET_STORE_IMAGES": "true"}
    with running(folder / "first.txt", variables) as server:
        enrolments = Enrolments(_new_key(variables), photo)
        with _enrolling(enrolments, server.url):
            enrolments.reached(ENROLMENTS // 5)
            _kill_database(folder)
            killed, before = time.monotonic(), len(enrolments.done)
            enrolments.reached(before + CLIENTS + 1)  # more than were under way: it is back, without a restart
            assert time.monotonic() - killed < _BACK
            enrolments.reached(ENROLMENTS // 2)
            assert _kill_all(server) > 5
            enrolments.stopped.set()
    assert enrolments.refused.keys() <= {0, 503}, enrolments.refused
    acknowledged = dict(enrolments.done)
    assert len(acknowledged) >= ENROLMENTS // 2
    with running(folder / "second.txt", variables) as server:
        with httpx.Client(base_url=server.url, headers={"x-api-key": enrolments.secret}, timeout=60) as client:
            listed = _listed(client)
            assert acknowledged.items() <= listed.items()
            assert len(listed) <= len(acknowledged) + sum(enrolments.refused.values())
            assert await _halves(folder) == dict.fromkeys(HALVES, 0)
        enrolments.stopped.clear()
        with _enrolling(enrolments, server.url):  # the rest
            pass
        with httpx.Client(base_url=server.url, headers={"x-api-key": enrolments.secret}, timeout=60) as client:
            found = client.post("/api/v1/recognition/recognize", files={"file": ("a.jpg", photo)}).json()
            assert found["result"][0]["subjects"][0]["similarity"] == 1
            assert enrolments.done.items() <= _listed(client).items()


@pytest.fixture
def photo() -> bytes:
    """A photo of one face, small, so that a thousand of them take little time."""
    with Image.open(ROOT / "serving" / "static" / "astronaut.jpg") as image:
        return encoded(image.resize((256, 256)), "JPEG", quality=90)
