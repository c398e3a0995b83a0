"""SmartFace's interface on a real server: what the LivenessTest script of its maker does, and a little schemathesis.

The script (innovatrics/smartface-integrations) looks for its watchlist page by page, makes it where it is not there,
and searches each image of an archive with a spoof check. This is our own client that sends the same.
"""

import base64
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

from bench.server import running
from tests.contract.smartface import OPENAPI, hold
from tests.pictures import encoded

_WATCHLIST = "CheckLivenessTest"
_PER_KIND = 12  # images of live people, and of prints


@pytest.fixture(scope="module")
def smartface(model_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with a database of its own."""
    log = tmp_path_factory.mktemp("smartface") / "log.txt"
    with tempfile.TemporaryDirectory(prefix="facet-") as folder:
        Path(folder).chmod(0o755)  # run by root, the database is another user's
        with running(log, model_files | {"FACET_DATA_FOLDER": folder}) as server:
            yield server.url


class Line(NamedTuple):
    """What the script writes of an image."""

    name: str
    code: int
    status: str
    score: float | None


@pytest.mark.server
def test_the_liveness_script_of_its_maker(
    smartface: str, data: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = data("liveness") / "images"
    with httpx.Client(base_url=smartface, timeout=60) as client:
        for _ in range(12):  # so that it must turn a page
            client.post("/api/v1/Watchlists", json={"displayName": "other", "fullName": "other"})
        assert found_watchlist(client) is None
        key = made_watchlist(client)
        assert found_watchlist(client) == key
        names = [path for kind in ("live", "spoof") for path in sorted(folder.glob(f"{kind}*"))[:_PER_KIND]]
        archive = zipped({path.name: path.read_bytes() for path in names} | {"nobody.png": _blank(), "text.jpg": b"x"})
        lines = list(checked(client, archive, key))
    with capfd.disabled():
        sys.stdout.writelines(f"\n{line.name:<40}{line.code:<5}{line.status:<18}{line.score}" for line in lines)
    verdicts = {line.name: line.status for line in lines}
    assert verdicts.pop("nobody.png") == verdicts.pop("text.jpg") == "No face detected"
    wrong = [name for name, status in verdicts.items() if status != ("Live" if name.startswith("live") else "Spoof")]
    assert len(verdicts) == 2 * _PER_KIND
    assert len(wrong) <= 1  # in a hundred live people one is refused, see docs/confidence.md


@pytest.mark.server
def test_ids_and_paths_arrive_as_they_are_sent(smartface: str) -> None:
    with httpx.Client(base_url=smartface, timeout=60) as client:
        names = {"displayName": "x", "fullName": "x"}
        for key, path in (("doors/1", "doors%2F1"), ("Tür 7?", "T%C3%BCr%207%3F")):
            assert client.put("/api/v1/Watchlists", json=names | {"id": key}).status_code == 200
            assert client.get(f"/API/V1/watchlists/{path}/").json()["id"] == key
            assert client.delete(f"/api/v1/Watchlists/{path}").status_code == 204


@pytest.mark.server
@pytest.mark.skipif(OPENAPI is None, reason="FACET_SMARTFACE_OPENAPI names no copy of the maker's document")
def test_a_short_run_of_schemathesis(smartface: str, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", str(OPENAPI), "--url", smartface]
    command += ["--include-path-regex", "^/api/v1/(Watchlists|WatchlistMembers|Version)(/{id})?$"]
    command += ["--checks", "not_a_server_error,status_code_conformance,response_schema_conformance"]
    command += ["--max-examples", "3", "--seed", "1", "--phases", "fuzzing,stateful", "--warnings", "off"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stdout + done.stderr


def found_watchlist(client: httpx.Client) -> str | None:
    """The id of the watchlist, looked for page by page."""
    number = 1
    while True:
        page = client.get(f"/api/v1/Watchlists/?PageNumber={number}&PageSize=10")
        assert page.status_code == 200
        _hold(page)
        for item in page.json()["items"]:
            if item["fullName"] == _WATCHLIST:
                return str(item["id"])
        if page.json()["nextPage"] is None:
            return None
        number += 1


def made_watchlist(client: httpx.Client) -> str:
    names = {"displayName": _WATCHLIST, "fullName": _WATCHLIST}
    made = client.post("/api/v1/Watchlists", json=names | {"threshold": 100, "previewColor": "#4adf62"})
    assert made.status_code == 201
    _hold(made)
    return str(made.json()["id"])


def checked(client: httpx.Client, archive: bytes, watchlist: str) -> Iterator[Line]:
    """What is said of each image in an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as images:
        for name in images.namelist():
            answer = client.post("/api/v1/Watchlists/Search", json=_search(images.read(name), watchlist))
            _hold(answer)
            if answer.status_code != 200:
                status = {400: "No face detected", 408: "Request Time Out"}.get(answer.status_code, "Critical Error")
                yield Line(name, answer.status_code, status, None)
                continue
            face = answer.json()[0]
            assert face["matchResults"] == []
            assert face["quality"] > 0
            assert face["faceSize"] >= 30
            check = face["spoofCheckResult"]["distantLivenessSpoofCheck"]
            assert check["performed"] is True
            yield Line(name, 200, "Live" if check["passed"] else "Spoof", check["score"])


def _search(image: bytes, watchlist: str) -> dict[str, Any]:
    """A search as the script words it, booleans as text among it."""
    off = dict.fromkeys(("age", "gender", "noseTip", "yawAngle", "pitchAngle", "rollAngle"), "false")
    return {
        "image": {"data": base64.b64encode(image).decode("utf-8")},
        "watchlistIds": [watchlist],
        "threshold": 40,
        "maxResultCount": 1,
        "faceDetectorConfig": {"minFaceSize": 30, "maxFaceSize": 600, "maxFaces": 20, "confidenceThreshold": 450},
        "faceDetectorResourceId": "cpu",
        "templateGeneratorResourceId": "cpu",
        "faceMaskConfidenceRequest": {"faceMaskThreshold": 3000},
        "faceFeaturesConfig": off | {"faceMask": "true"},
        "spoofDetectorResourceIds": ["liveness_distant_cpu_remote"],
        "spoofCheckConfig": {"distantLivenessScoreThreshold": 90, "distantLivenessConditions": "default"},
    }


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _blank() -> bytes:
    return encoded(Image.new("RGB", (320, 240), (90, 120, 150)))


def _hold(response: httpx.Response) -> None:
    if OPENAPI is not None:
        hold(response.request.method, response.request.url.path, response)
