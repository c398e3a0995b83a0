"""The comparison with InsightFace-REST: what is asked, and what is read from either's answer."""

import base64
from pathlib import Path

import msgpack
import msgspec
import numpy as np
import pytest

from bench.peer import FACET, PEER, CannotCompare, model_files, peer, requests, vectors
from models import ModelStore
from schemas.template import Template, encode

PHOTO = b"\xff\xd8 a photo"
DIRECTION = np.array([3.0, 4.0] + [0.0] * 254)


def body(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("name", [PEER, FACET])
def test_both_are_sent_the_same_photo(name: str) -> None:
    asked = requests(name, "http://127.0.0.1:1", PHOTO)
    plain, packed = msgspec.json.decode(body(asked["json"])), msgpack.unpackb(body(asked["msgpack"]))
    if name == PEER:
        assert base64.b64decode(plain["images"]["data"][0]) == packed["images"]["data"][0] == PHOTO
        assert plain["threshold"] == packed["threshold"] == 0.4
    else:
        assert base64.b64decode(plain["_image"]["blob"]) == packed["_image"]["blob"] == PHOTO
        assert all(b"min_confidence=0.4" in raw.partition(b"\r\n")[0] for raw in asked.values())


def test_templates_of_the_peer_are_read_as_directions() -> None:
    answer = {"data": [{"faces": [{"vec": DIRECTION.tolist()}, {"vec": (-DIRECTION).tolist()}]}]}
    for packed, content in ((False, msgspec.json.encode(answer)), (True, msgpack.packb(answer))):
        found = vectors(PEER, content, packed)
        assert found[:, :3] == pytest.approx(np.array([[0.6, 0.8, 0], [-0.6, -0.8, 0]]))


@pytest.mark.parametrize("packed", [False, True])
def test_templates_of_facet_are_read_as_directions(packed: bool) -> None:
    blob = encode(Template("mobileface", 1, DIRECTION.astype(np.float32)))
    shown = blob if packed else base64.b64encode(blob).decode()
    answer = {"objects": [{"template": {"_face_template_extractor_mobileface_1": {"blob": shown}}}]}
    content = msgpack.packb(answer) if packed else msgspec.json.encode(answer)
    assert vectors(FACET, content, packed)[0, :3] == pytest.approx([0.6, 0.8, 0], abs=0.02)  # stored in bytes


@pytest.mark.parametrize("name", [PEER, FACET])
def test_an_answer_without_faces_has_no_templates(name: str) -> None:
    content = msgspec.json.encode({"data": [{"faces": []}], "objects": []})
    assert len(vectors(name, content, packed=False)) == 0


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCompare, match=r"no if_rest/api/main\.py"), peer(tmp_path, "python", tmp_path / "log"):
        pass


def test_models_that_are_not_here_are_named(tmp_path: Path) -> None:
    with pytest.raises(CannotCompare, match=r"centerface_dyn\.onnx, mobileface_V2\.onnx are not here"):
        model_files(ModelStore(cache=tmp_path))
