"""What is compared does the same work: otherwise its speed would mean nothing."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bench.bare import REFERENCE, Worker
from bench.formats import object_count
from bench.photos import default_photos
from bench.pipeline import FITTER, graph_answer, nodes, ordered, settings, single_answer
from bench.plain import application, encoded
from bench.reference import Reference, lacking
from estimators import Node
from models import MissingModel
from schemas import Attributes, Document
from schemas.attributes import AGE, BOX, EMOTIONS, GENDER, LIVENESS, MASK, QUALITY, TEMPLATE, Gender
from schemas.v2 import V2
from schemas.wire import JSON, decode_body
from serving.engine.loading import Loader

PHOTOS = default_photos()
PORTRAIT = PHOTOS["one"].data
EVERYTHING = {AGE, GENDER, EMOTIONS, MASK, LIVENESS, QUALITY, TEMPLATE}


@pytest.fixture(scope="module")
def steps() -> Mapping[str, Node]:
    """The services of the graph."""
    chosen = settings()
    try:
        return nodes(ordered(chosen), Loader(chosen))
    except MissingModel as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def reference() -> Reference:
    """The reference pipeline."""
    mirror = os.environ.get("FACET_MODEL_MIRROR")
    if mirror is None or lacking(Path(mirror)):
        pytest.skip("FACET_MODEL_MIRROR names no folder with the reference models")
    return Reference(Path(mirror))


def test_the_bare_loop_says_everything_of_every_face(steps: Mapping[str, Node]) -> None:
    for photo in PHOTOS.values():
        faces = graph_answer(photo.data, steps)
        assert len(faces) == photo.faces
        assert all(face.keys() >= EVERYTHING for face in faces)


def test_a_single_service_says_the_same_as_in_the_graph(steps: Mapping[str, Node]) -> None:
    [whole] = graph_answer(PORTRAIT, steps)
    found = graph_answer(PORTRAIT, {FITTER: steps[FITTER]})
    [said] = single_answer(steps["age-estimator"], PORTRAIT, found)
    assert said[AGE] == pytest.approx(whole[AGE])


async def test_the_plain_server_answers_what_the_bare_loop_says(steps: Mapping[str, Node]) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://plain") as client:
        answer = await client.post("/graph/v2/process/image", files={"image": PORTRAIT})
    assert answer.status_code == httpx.codes.OK
    assert _objects(answer.content) == _objects(encoded(graph_answer(PORTRAIT, steps)))


def test_an_answer_can_be_read_again(steps: Mapping[str, Node]) -> None:
    [face] = graph_answer(PORTRAIT, steps)
    body = encoded([face])
    assert object_count(body, JSON) == 1
    document = Document.of(decode_body(body, JSON), V2)
    assert document.read(0, {AGE})[AGE] == pytest.approx(face[AGE], abs=0.5)  # whole years on the wire


def test_the_reference_pipeline_sees_what_facet_sees(reference: Reference, steps: Mapping[str, Node]) -> None:
    """The networks are the same or do the same, so that the portrait gives about the same answers."""
    [face], [plain] = graph_answer(PORTRAIT, steps), reference.answer(PORTRAIT)
    assert _overlap(face, plain["box"]) > 0.8
    assert plain["age"] == pytest.approx(face[AGE], abs=6)
    assert (plain["male"] > 0.5) == (face[GENDER] is Gender.MALE)
    assert int(np.argmax(plain["emotions"])) == 1  # happy
    assert face[EMOTIONS]["happy"] > 0.5
    assert plain["mask"] < 0.5
    assert not face[MASK].value
    assert plain["liveness"] > 0.5
    assert face[LIVENESS].value
    assert all(plain["openness"] > 0.27)
    assert 0 < plain["quality"] < 0.7
    assert np.linalg.norm(plain["template"]) == pytest.approx(1)


def test_the_reference_pipeline_finds_every_face(reference: Reference) -> None:
    assert {name: len(reference.answer(photo.data)) for name, photo in PHOTOS.items()} == {
        name: photo.faces for name, photo in PHOTOS.items()
    }


def test_a_worker_does_whatever_it_is_asked_to(steps: Mapping[str, Node]) -> None:
    worker = Worker(PHOTOS, None)
    for work in ("graph", *steps):
        assert len(worker.answers(work, "four")()) == 4
    with pytest.raises(ValueError, match="mirror"):
        worker.answers(REFERENCE, "one")


def _objects(body: bytes) -> Sequence[Any]:
    objects: Sequence[Any] = decode_body(body, JSON)["objects"]
    return objects


def _overlap(face: Attributes, other: Any) -> float:
    """Intersection over union of a box in fractions of the portrait with one in its 512 x 512 pixels."""
    one = np.array(face[BOX]) * 512
    sides = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    areas = [float(np.prod(box[2:] - box[:2])) for box in (one, other)]
    return float(sides.prod()) / (sum(areas) - float(sides.prod()))
