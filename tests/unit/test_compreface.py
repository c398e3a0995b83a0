"""CompreFace's interface: what it reads from queries, and what it tells of faces and errors, without a server."""

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.datastructures import QueryParams

from compat.compreface import plugins
from compat.compreface.answers import AGE_MARGIN, AGE_PROBABILITY, Style, face, page, similarity
from compat.compreface.errors import Code, Refusal, told
from compat.compreface.names import checked, key_of
from compat.compreface.query import Paged, Wanted, paged, wanted
from estimators.age import AgeEstimator
from eval.split import held_out, key
from models import MissingModel, Model
from schemas import Attributes, BadDocument, BadImage, Frame, TooLarge
from schemas.attributes import (
    AGE,
    ANGLES,
    BOX,
    CONFIDENCE,
    GENDER,
    GENDER_CONFIDENCE,
    KEYPOINTS,
    MASK,
    TEMPLATE,
    Angles,
    Box,
    Gender,
    Point,
    Scored,
    Verification,
)
from schemas.template import BadTemplate, Template, TemplateMismatch, encode
from serving.http.errors import Overloaded, SlowClient, Unauthorised
from store import ModelMismatch, Page, StoreUnavailable

ALL = frozenset(plugins.OUTPUTS)
FACE = Attributes(
    {
        BOX: Box(-0.1, 0.25, 0.5, 1.2),
        CONFIDENCE: 0.987654321,
        AGE: 3.4,
        GENDER: Gender.MALE,
        GENDER_CONFIDENCE: 0.75,
        MASK: Scored(False, 0.2),
        ANGLES: Angles(yaw=1.0, roll=2.0, pitch=3.0),
        KEYPOINTS: tuple(Point(index / 100, index / 50) for index in range(21)),
        TEMPLATE: encode(Template("foamliu", 1, np.eye(128, dtype=np.float32)[0])),
    }
)
FRAME = Frame(200, 100)


def test_a_face_in_the_types_of_version_1() -> None:
    assert face(FACE, FRAME, ALL, Style.NEW) == {
        "age": {"probability": AGE_PROBABILITY, "high": 8, "low": 0},
        "gender": {"probability": 0.75, "value": "male"},
        "mask": {"probability": 0.8, "value": "without_mask"},
        "pose": {"pitch": 3.0, "roll": -2.0, "yaw": 1.0},
        "embedding": [1.0] + 127 * [0.0],
        "box": {"probability": 0.98765, "x_max": 100, "y_max": 100, "x_min": 0, "y_min": 25},
        "landmarks": [[14, 14], [20, 20], [28, 28], [34, 34], [38, 38]],
    }


def test_a_face_in_the_types_of_version_0() -> None:
    answer = face(FACE, FRAME, ALL, Style.OLD)
    assert (answer["age"], answer["gender"]) == ([0, 8], "male")
    same = ALL - {"age", "gender"}
    assert face(FACE, FRAME, same, Style.OLD) == face(FACE, FRAME, same, Style.NEW)


@given(chosen=st.sets(st.sampled_from(sorted(ALL))), style=st.sampled_from(Style))
def test_a_face_says_what_was_asked_and_its_box(chosen: set[str], style: Style) -> None:
    members = {"embedding" if slug == "calculator" else slug for slug in chosen} | {"box"}
    assert set(face(FACE, FRAME, chosen, style)) == members


def test_similarity_has_five_digits() -> None:
    assert similarity(Verification(1, 0.0, 0.0, 0.123456789)) == 0.12346


def test_pages_are_counted() -> None:
    found = page(Page([], 41), Paged(7, 20))
    assert found == {"faces": [], "page_number": 7, "page_size": 20, "total_pages": 3, "total_elements": 41}


def test_each_face_is_told_its_share_of_the_time() -> None:
    spent = {"face-detector-face-fitter": 40.0, "age-estimator": 6.0, "decode": 3.0}
    assert plugins.times(spent, {"age", "mask", "pose"}, 4) == {"age": 1.5, "detector": 10.0}


def test_a_query_with_nothing_in_it_has_the_defaults() -> None:
    empty = QueryParams("&limit=&det_prob_threshold=&prediction_count=&face_plugins=&status=&detect_faces=")
    assert wanted(empty) == wanted(empty, recognition=True) == wanted(QueryParams("")) == Wanted()
    assert paged(QueryParams("")) == Paged(0, 20)


def test_what_is_said_for_recognition_says_nothing_elsewhere() -> None:
    query = QueryParams("prediction_count=x&detect_faces=false")
    assert wanted(query) == Wanted()
    assert not wanted(QueryParams("detect_faces=false"), recognition=True).detect


def test_a_query_as_it_is_written_by_clients() -> None:
    query = "&limit=+2&det_prob_threshold=0.8&prediction_count=1&face_plugins=age%2C%20gender,,age&status=True"
    expected = Wanted(limit=2, threshold=0.8, plugins=frozenset({"age", "gender"}), status=True)
    assert wanted(QueryParams(query)) == expected


@given(st.dictionaries(st.sampled_from(["limit", "prediction_count", "det_prob_threshold", "status"]), st.text()))
def test_any_query_is_read_or_refused(query: dict[str, str]) -> None:
    with suppress(Refusal):
        found = wanted(QueryParams(query), recognition=True)
        assert found.limit >= 0
        assert found.predictions >= 1
        assert found.threshold is None or 0 <= found.threshold <= 1
    part = paged(QueryParams({"page": query.get("limit", ""), "size": query.get("prediction_count", "")}))
    assert part.page >= 0
    assert 1 <= part.size <= 2000


@given(st.text(max_size=255, alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_may_be_a_name(name: str) -> None:
    assert checked(name) == name
    assert key_of(name) == key_of(key_of(name))


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal("x", Code.KNOWN_SUBJECT), 400, 43),
        (Refusal("x", Code.UNKNOWN_SUBJECT), 404, 42),
        (Refusal("x", Code.UNDEFINED, 415), 415, 0),
        (BadImage("x"), 400, 28),
        (BadDocument("x"), 400, 0),
        (BadTemplate("x"), 400, 0),
        (TooLarge("x"), 400, 0),
        (TemplateMismatch("x"), 500, 41),
        (ModelMismatch("x"), 500, 41),
        (Unauthorised("x"), 400, 20),
        (StoreUnavailable("x"), 503, 41),
        (Overloaded("x"), 503, 41),
        (MissingModel("x"), 503, 41),
        (TimeoutError(), 504, 41),
        (SlowClient(), 408, 0),
        (RuntimeError("secret"), 500, 0),
    ],
)
def test_every_error_has_a_status_and_a_code(error: Exception, status: int, code: int) -> None:
    found = told(error)
    assert (found.status, found.body["code"]) == (status, code)
    assert found.body["message"]
    assert "secret" not in found.body["message"]
    assert ("Retry-After" in found.headers) == isinstance(error, StoreUnavailable | Overloaded)


def test_the_share_of_ages_within_the_range_is_what_was_measured(
    models_for: Callable[..., dict[str, tuple[Model, ...]]], data: Callable[[str], Path]
) -> None:
    """On every third portrait of the held-out half; ``training/compreface_report.py`` measures them all."""
    folder, node = data("age_gender"), AgeEstimator(models_for("age-gender"))
    with (folder / "labels.csv").open() as labels:
        rows = [row for row in csv.DictReader(labels) if held_out(key("age_gender", row["path"]))][::3]
    usual = Attributes({BOX: Box(0.18, 0.28, 0.70, 0.90)})  # where these portraits have their face, on the average
    views = [node.view(np.asarray(Image.open(folder / row["path"]).convert("RGB")), usual) for row in rows]
    years = np.rint([each[AGE] for each in node.estimate(views)])
    inside = np.abs(years - [int(row["age"]) for row in rows]) <= AGE_MARGIN
    assert inside.mean() == pytest.approx(AGE_PROBABILITY, abs=0.1)
