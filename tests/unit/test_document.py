"""Documents: what is read, what is overlaid, and what is left alone."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Attributes, BadDocument, BadEncoding, Document, Frame, TooLarge
from schemas.attributes import AGE, BOX, CONFIDENCE, KIND, Box
from schemas.versions import DIALECTS

V1, V2 = DIALECTS["v1"], DIALECTS["v2"]
FACE = {"id": 0, "class": "face", "bbox": [0.1, 0.2, 0.3, 0.4]}
names = st.text(max_size=5)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(
    before=st.dictionaries(names, anything, max_size=4),
    after=st.dictionaries(names, anything, max_size=4),
    inside=st.dictionaries(names, anything, max_size=4),
)
def test_what_is_unknown_survives_in_order(before: Any, after: Any, inside: Any) -> None:
    face = {**inside, **FACE}
    payload = {**before, "objects": [{"class": "cat"}, face], **after}
    if not isinstance(payload["objects"], list) or len(payload["objects"]) != 2 or payload["objects"][1] is not face:
        return  # the generator chose the name "objects" itself
    document = Document.of(payload, V2)
    answer = document.enriched({1: Attributes({AGE: 30.0})}).answer()
    expected = {**payload, "objects": [{"class": "cat"}, {**face, "age": "30"}]}
    if "image" not in payload:
        assert json.dumps(answer) == json.dumps(expected)


def test_objects_of_another_class_are_left_alone() -> None:
    document = Document.of({"objects": [{"class": "body"}, FACE, {}, {"bbox": [0, 0, 1, 1]}]}, V1)
    assert document.indices("face") == [1, 3]  # one without a class is a face
    assert document.indices("body") == [0]


def test_a_detector_replaces_objects_of_its_own_class() -> None:
    body = {"id": 7, "class": "body", "mine": 1}
    document = Document.of({"objects": [FACE, body, {"bbox": [0, 0, 1, 1]}]}, V1)
    found = Attributes({KIND: "face", BOX: Box(0, 0, 1, 1), CONFIDENCE: 0.5})
    objects = document.detected("face", [found, found]).objects
    assert objects[0] is body
    assert [each["id"] for each in objects] == [7, 8, 9]


def test_empty_objects_alone_are_none_but_keep_their_place_among_others() -> None:
    found = [Attributes({KIND: "face", BOX: Box(0, 0, 1, 1)})]
    assert len(Document.of({"objects": [{}, {}]}, V1).detected("face", found).objects) == 1
    among = Document.of({"objects": [{}, {"class": "cat", "id": True}]}, V1).detected("face", found)
    assert among.objects[:2] == [{}, {"class": "cat", "id": True}]
    assert among.objects[2]["id"] == 0


def test_ids_of_what_is_found_in_an_image_alone_count_from_zero() -> None:
    found = Attributes({KIND: "face", BOX: Box(0, 0, 1, 1)})
    assert [each["id"] for each in Document.of({}, V2).detected("face", [found] * 3).objects] == [0, 1, 2]


def test_what_only_some_objects_carry_is_not_given() -> None:
    document = Document.of({"objects": [{**FACE, "age": "30"}, FACE]}, V1)
    assert document.given("face") == {KIND, BOX}
    assert document.given("body") == frozenset()


def test_the_image_alias_is_read_and_never_written() -> None:
    document = Document.of({"x": 1, "image": {"blob": "QUJD", "format": "IMAGE"}, "objects": [{}]}, V2)
    assert document.picture().data == b"ABC"
    assert list(document.answer()) == ["x", "_image", "objects"]
    assert list(document.answer(echo=False)) == ["x", "objects"]


def test_an_image_under_its_own_key_leaves_the_alias_alone() -> None:
    payload = {"_image": {"blob": "QUJD"}, "image": "mine"}
    assert Document.of(payload, V2).answer() == payload
    assert Document.of({"_image": None, "image": {"blob": "QUJD"}}, V2).answer() == {"_image": {"blob": "QUJD"}}


def test_bare_pixels_need_their_shape() -> None:
    pixels = {"format": "NDARRAY", "dtype": "uint8_t", "shape": [1, 2, 3], "blob": bytes(6)}
    assert Document.of({"_image": pixels}, V2).picture().shape == (1, 2, 3)
    for shape in ([1, 2, 4], [2, 2, 3], [1, 2], [1.5, 2, 3], "1x2", None, [-1, -2, 3], [10**400, 2, 3]):
        with pytest.raises(BadDocument) as caught:
            Document.of({"_image": {**pixels, "shape": shape}}, V2).picture()
        assert caught.value.where[:2] == ("_image", "shape")


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ([], ()),
        (None, ()),
        ({"objects": {}}, ("objects",)),
        ({"objects": "face"}, ("objects",)),
        ({"objects": [FACE, 3]}, ("objects", 1)),
    ],
)
def test_the_form_of_a_document_is_checked(payload: Any, where: Any) -> None:
    with pytest.raises(BadDocument) as caught:
        Document.of(payload, V1)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("bbox", "where"),
    [
        (None, ("bbox",)),
        ("0 0 1 1", ("bbox",)),
        ([0, 0, 1], ("bbox",)),
        ([0, 0, 1, "1"], ("bbox", 3)),
        ([0, 0, 1, True], ("bbox", 3)),
        ([0, 0, 1, float("nan")], ("bbox", 3)),
        ([0, 0, 1, float("inf")], ("bbox", 3)),
        ([0, 0, 10**400, 1], ("bbox", 2)),
        ([0, 0, 137, 391], ("bbox", 2)),  # pixels where fractions are meant
        ([0.5, 0, 0.4, 1], ("bbox",)),
        ([0.5, 0.5, 0.5, 1], ("bbox",)),
        ([2, 2, 3, 3], ("bbox",)),
    ],
)
def test_a_bad_box_is_refused_and_placed(bbox: Any, where: tuple[Any, ...]) -> None:
    document = Document(Document.of({"objects": [{"class": "face", "bbox": bbox}]}, V2).payload, V2, Frame(10, 10))
    with pytest.raises(BadDocument) as caught:
        document.read(0, {BOX})
    assert caught.value.where == ("objects", 0, *where)


def test_too_many_objects_are_refused() -> None:
    with pytest.raises(TooLarge, match="3 objects, 2 are allowed"):
        Document.of({"objects": [{}, {}, {}]}, V1, most_objects=2)


@pytest.mark.parametrize("text", ["?", "QUJ", "Ü", "QUJDé"])
def test_what_is_not_base64_is_told_as_documented(text: str) -> None:
    with pytest.raises(BadEncoding, match=r"^Failed to decode base64 string$"):
        Document.of({"$image": text}, V1).picture()


def test_base64_may_be_broken_into_lines() -> None:
    assert Document.of({"$image": "QU\r\nJD\n"}, V1).picture().data == b"ABC"


@pytest.mark.parametrize("payload", [{}, {"$image": None}, {"_image": {"blob": "QUJD"}}])
def test_a_missing_image_is_named(payload: Any) -> None:
    with pytest.raises(BadDocument) as caught:
        Document.of(payload, V1).picture()
    assert (caught.value.where, caught.value.kind) == (("$image",), "missing")
