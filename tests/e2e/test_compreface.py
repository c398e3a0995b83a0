"""CompreFace's own clients, and what others send, against a running server."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.server import Server, running
from tests import pictures
from tests.e2e.compreface import clients
from tests.e2e.compreface.checks import EMPTY, KNOWN, NO_FACE, SEVERAL, alike, check_full, faces_of, part, wire

pytestmark = pytest.mark.server
# The Python client puts names into the address as they are: what follows a & is something else to a server. The other
# one, where an example is added with options, writes a second question mark: to CompreFace it is part of the name.
BY_PYTHON = ["Jon Petit", "Zoë Ångström", "A B "]
BY_NODE = ["Jon Petit", "Jon Petit", "A+B & C/D", "Jon Petit?det_prob_threshold=0.7"]


@pytest.fixture(scope="module")
def compreface(model_files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that requires keys and keeps images."""
    chosen = {"FACET_API_KEYS": json.dumps([clients.ADMIN]), "FACET_STORE_IMAGES": "true"}
    with running(tmp_path_factory.mktemp("compreface") / "log.txt", model_files | chosen) as started:
        yield started


@pytest.fixture
def keys(compreface: Server) -> dict[str, str]:
    return clients.new_keys(compreface)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8], jpeg: bytes) -> Path:
    """A folder with face.jpg, crowd.jpg and nobody.png."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "face.jpg").write_bytes(jpeg)
    (folder / "crowd.jpg").write_bytes(pictures.encoded(pictures.crowd(astronaut), "JPEG", quality=95))
    (folder / "nobody.png").write_bytes(pictures.encoded(pictures.nobody(astronaut)))
    return folder


@pytest.fixture(scope="module")
def by_python(compreface: Server, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each call of the Python client was answered."""
    return clients.answers(clients.python(tmp_path_factory.mktemp("python")), compreface, photos)


@pytest.fixture(scope="module")
def by_node(compreface: Server, photos: Path) -> dict[str, Any]:
    """What each call of the JavaScript client was answered."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js and npm are not installed")
    return clients.answers(clients.node(photos, (node, npm)), compreface, photos)


def test_python_adds_subjects(by_python: dict[str, Any]) -> None:
    said = by_python
    assert said["functions"] == [[], [], []]
    subjects, examples, recognised = said["empty"]
    assert [subjects, examples] == EMPTY
    assert [face["subjects"] for face in recognised["result"]] == [[]]

    assert said["add subject"] == {"subject": "Jon Petit"}
    assert said["add subject again"] == KNOWN
    assert said["list subjects"] == {"subjects": ["Jon Petit"]}


def test_python_adds_examples(by_python: dict[str, Any]) -> None:
    said = by_python
    added = [said[name] for name in ("add path", "add bytes", "add link")]
    assert [each["subject"] for each in added] == BY_PYTHON
    assert said["add nobody"] == NO_FACE
    assert said["add crowd"] == SEVERAL
    assert said["list examples"]["faces"] == added


def test_python_recognises(by_python: dict[str, Any]) -> None:
    said = by_python
    [face] = faces_of(said, "recognize path")
    check_full(face, "subjects")
    assert alike(face) == {"Jon Petit": 1.0, "Zoë Ångström": 1.0}  # as many as were asked for
    assert set(alike(said["recognize bytes"]["result"][0])) == set(BY_PYTHON)
    assert alike(said["recognize link"]["result"][0]) == {"A B ": 1.0}
    assert len(said["recognize crowd"]["result"]) == 2
    assert all(each > 0.9 for face in said["recognize crowd"]["result"] for each in alike(face).values())
    assert said["recognize nobody"] == NO_FACE


def test_python_compares_with_an_example(by_python: dict[str, Any]) -> None:
    said = by_python
    [face] = faces_of(said, "verify example")
    check_full(face, "similarity", "subject")
    assert (face["subject"], face["similarity"]) == ("Jon Petit", 1.0)
    [face] = said["verify example plainly"]["result"]
    assert set(face) == {"box", "similarity", "subject"}


def test_python_renames_and_merges_subjects(by_python: dict[str, Any]) -> None:
    said = by_python
    assert said["rename"] == {"updated": True}
    assert said["rename to the same"] == {"updated": False}
    assert said["rename nobody"] == {"message": "Subject Nobody not found", "code": 42}
    assert said["merge"] == {"updated": True}
    subjects, examples = said["list merged"]
    assert subjects == {"subjects": ["Jon Petit", "A B "]}
    assert [each["subject"] for each in examples["faces"]] == ["Jon Petit", "Jon Petit", "A B "]


def test_python_removes_examples_and_subjects(by_python: dict[str, Any]) -> None:
    said = by_python
    gone = said["add path"]["image_id"]
    assert said["delete example"] == said["add path"]
    assert said["delete example again"] == {"message": f"Image {gone} not found", "code": 44}
    assert said["delete examples of a subject"] == {"deleted": 1}
    assert said["list after"][0] == {"subjects": ["A B "]}
    assert said["list after"][1]["faces"] == [said["add link"]]
    assert said["delete subject again"] == {"message": "Subject Jon Petit not found", "code": 42}
    assert said["add more"] == [{"subject": "One"}, {"subject": "Two"}]
    assert said["delete subject"] == {"subject": "One"}
    assert said["delete all subjects"] == {"deleted": 2}
    assert said["list at last"] == {"subjects": []}


def test_python_detects(by_python: dict[str, Any]) -> None:
    said = by_python
    faces = faces_of(said, "detect path")
    assert len(faces) == 4
    for face in faces:
        check_full(face)
    assert len(said["detect by the client's options"]["result"]) == 1
    assert [len(said[f"detect {how}"]["result"]) for how in ("bytes", "link")] == [1, 1]


def test_python_verifies(by_python: dict[str, Any]) -> None:
    said = by_python
    [verified] = said["verify"]["result"]
    assert set(verified) == {"source_image_face", "face_matches", "plugins_versions"}
    check_full(verified["source_image_face"])
    assert len(verified["face_matches"]) == 4
    for face in verified["face_matches"]:
        check_full(face, "similarity")
        assert face["similarity"] > 0.9
    assert said["verify bytes"]["result"][0]["face_matches"][0]["similarity"] == 1.0
    assert said["verify link"]["result"][0]["face_matches"][0]["similarity"] > 0.9
    assert said["verify many"] == SEVERAL


def test_python_is_told_of_wrong_keys(by_python: dict[str, Any]) -> None:
    said = by_python
    assert said["wrong key"]["code"] == 10
    assert said["no key"] == {"message": "Service API key should be UUID", "code": 26}
    assert "pose" in said["refused by the client"]


def test_javascript_adds_subjects(by_node: dict[str, Any]) -> None:
    said = by_node
    subjects, examples, recognised = said["empty"]
    assert [subjects, examples] == EMPTY
    assert [face["subjects"] for face in recognised["result"]] == [[]]

    assert said["add subject"] == {"subject": "Jon Petit"}
    assert said["add subject again"] == {"status": 400, "data": KNOWN}
    assert said["list subjects"] == {"subjects": ["Jon Petit"]}


def test_javascript_adds_examples(by_node: dict[str, Any]) -> None:
    said = by_node
    added = [said[name] for name in ("add path", "add base64", "add link", "add with options")]
    assert [each["subject"] for each in added] == BY_NODE
    assert said["add nobody"] == {"status": 400, "data": NO_FACE}
    assert said["add crowd"] == {"status": 400, "data": SEVERAL}
    assert said["list examples"]["faces"] == added


def test_javascript_recognises(by_node: dict[str, Any]) -> None:
    said = by_node
    [face] = faces_of(said, "recognize path")
    check_full(face, "subjects", "pose")
    assert len(face["subjects"]) == 2
    assert set(alike(said["recognize base64"]["result"][0])) == set(BY_NODE)
    assert alike(said["recognize link"]["result"][0]) == {"A+B & C/D": 1}
    assert said["recognize nobody"] == {"status": 400, "data": NO_FACE}
    # Under Node.js it sends such data without telling where the parts end, which no server can read.
    assert [said[name]["status"] for name in ("recognize blob", "verify blobs")] == [400, 400]
    assert all("boundary" in said[name]["data"]["message"] for name in ("recognize blob", "verify blobs"))


def test_javascript_compares_with_an_example(by_node: dict[str, Any]) -> None:
    said = by_node
    [face] = faces_of(said, "verify example")
    check_full(face, "similarity", "subject", "pose")
    assert said["verify example base64"]["result"][0]["similarity"] == 1


def test_javascript_renames_and_merges_subjects(by_node: dict[str, Any]) -> None:
    said = by_node
    assert said["rename"] == said["merge"] == {"updated": True}
    assert said["rename nobody"]["data"]["code"] == 42
    assert said["list merged"][0] == {"subjects": ["Jon Petit", BY_NODE[3]]}
    assert [each["subject"] for each in said["list merged"][1]["faces"]] == ["Jon Petit"] * 3 + [BY_NODE[3]]


def test_javascript_removes_examples_and_subjects(by_node: dict[str, Any]) -> None:
    said = by_node
    first, second, third = (said[name] for name in ("add path", "add base64", "add link"))
    assert said["delete example"] == first
    assert said["delete example again"]["data"]["code"] == 44
    assert [each["image_id"] for each in said["delete several"]] == [second["image_id"], third["image_id"]]
    assert said["delete examples of a subject"] == {"deleted": 1}
    assert said["list after"] == [{"subjects": ["Jon Petit"]}, EMPTY[1]]  # whose faces went one by one stays
    assert said["add another"]["subject"] == "One"
    assert said["delete all examples"] == {"deleted": 1}
    assert sorted(each["subject"] for each in said["add more"]) == ["One", "Two"]
    assert said["delete subject"] == {"subject": "One"}
    assert said["delete all subjects"] == {"deleted": 1}
    assert said["list at last"] == {"subjects": []}


def test_javascript_detects(by_node: dict[str, Any]) -> None:
    said = by_node
    faces = faces_of(said, "detect path")
    assert len(faces) == 4
    for face in faces:
        check_full(face, "pose")
    assert [len(said[f"detect {how}"]["result"]) for how in ("base64", "link")] == [1, 1]
    # The client's second question mark makes this no number.
    assert said["detect without a limit"]["status"] == 400
    assert "0.8?face_plugins=age,gender" in said["detect without a limit"]["data"]["message"]


def test_javascript_verifies(by_node: dict[str, Any]) -> None:
    said = by_node
    assert len(said["verify paths"]["result"][0]["face_matches"]) == 4
    for how in ("base64", "links", "a link and a path", "a path and a link"):
        [face] = said[f"verify {how}"]["result"][0]["face_matches"]
        assert face["similarity"] > 0.9, how
    assert said["verify many"] == {"status": 400, "data": SEVERAL}


def test_javascript_is_told_of_wrong_keys(by_node: dict[str, Any]) -> None:
    said = by_node
    assert (said["wrong key"]["status"], said["wrong key"]["data"]["code"]) == (404, 10)
    assert (said["no key"]["status"], said["no key"]["data"]["code"]) == (400, 26)


def test_a_home_automation_sends_chunks_and_plus_signs(compreface: Server, keys: dict[str, str], photos: Path) -> None:
    """As Double Take does: no length, a plus for a space, and from errors it reads the code alone."""
    chunked = {"x-api-key": keys["recognition"], "Content-Type": "multipart/form-data; boundary=limit"}
    chunked |= {"Transfer-Encoding": "chunked"}
    face, nobody = (part((photos / name).read_bytes(), name) for name in ("face.jpg", "nobody.png"))
    path = "/api/v1/recognition/faces?subject=Jon+Petit"
    status, added = wire(compreface, "POST", path, face, chunked)
    assert (status, added["subject"]) == (201, "Jon Petit")
    asked = "/api/v1/recognition/recognize?det_prob_threshold=0.8&face_plugins=gender,age,mask"
    status, found = wire(compreface, "POST", asked, face, chunked)
    [known] = found["result"]
    assert status == 200
    assert known["subjects"] == [{"subject": "Jon Petit", "similarity": 1.0}]
    assert {name: set(known[name]) for name in ("age", "gender", "mask")} == {
        "age": {"probability", "low", "high"},
        "gender": {"probability", "value"},
        "mask": {"probability", "value"},
    }
    assert wire(compreface, "POST", asked, nobody, chunked) == (400, NO_FACE)
    large = part(bytes(11 * 2**20), "large.jpg")
    status, told = wire(compreface, "POST", asked, large, chunked)
    assert (status, set(told)) == (413, {"message", "code"})


def test_addresses_as_clients_write_them(compreface: Server, keys: dict[str, str], photos: Path) -> None:
    key = {"x-api-key": keys["recognition"]}
    upload = key | {"Content-Type": "multipart/form-data; boundary=limit", "Transfer-Encoding": "chunked"}
    face = part((photos / "face.jpg").read_bytes(), "face.jpg")
    listed = "/api/v1/recognition/faces/"
    status, added = wire(compreface, "POST", f"{listed}?&subject=a%2Fb%20c%3F&det_prob_threshold=0.5", face, upload)
    assert (status, added["subject"]) == (201, "a/b c?")
    json_type = key | {"Content-Type": "application/json"}
    assert wire(compreface, "GET", "/api/v1/recognition/subjects/", None, json_type) == (200, {"subjects": ["a/b c?"]})
    image = added["image_id"]
    status, data = wire(compreface, "GET", f"/api/v1/recognition/faces/{image}/img", None, key)
    assert (status, data) == (200, (photos / "face.jpg").read_bytes())
    assert wire(compreface, "GET", f"/api/v1/static/{key['x-api-key']}/images/{image}", None, {}) == (200, data)
    gone = wire(compreface, "DELETE", "/api/v1/recognition/subjects/a%2Fb%20c%3F/", None, json_type)
    assert gone == (200, {"subject": "a/b c?"})
    assert wire(compreface, "GET", f"/api/v1/static/{key['x-api-key']}/images/{image}", None, {}) == (200, b"")
    status, told = wire(compreface, "GET", "/api/v1/recognition/recognize", None, key)
    assert (status, told["code"]) == (404, 0)
    assert wire(compreface, "OPTIONS", "/api/v1/recognition/recognize", None, {}) == (204, b"")
