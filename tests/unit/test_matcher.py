"""Comparing templates, and the tables that say what a distance means."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from estimators.calibration import (
    TABLES,
)
from estimators.matcher import VerifyMatcher
from schemas.attributes import TEMPLATE, Attributes, Verification
from schemas.template import BadTemplate, Template, TemplateMismatch, encode

MATCHER = VerifyMatcher({})
DIMENSIONS = {"foamliu": 128, "faceres": 256, "mobileface": 256}


def blob(vector: NDArray[np.floating], model: str = "foamliu", version: int = 1) -> Attributes:
    return Attributes({TEMPLATE: encode(Template(model, version, np.asarray(vector, np.float32)))})


def verification(first: Attributes, second: Attributes) -> Verification:
    (answer,) = MATCHER.match([(first, second)])
    return answer


def turned(angles: Sequence[float]) -> list[Attributes]:
    """Templates at angles, in radians, from the first axis."""
    return [blob(np.array([np.cos(angle), np.sin(angle), *[0] * 126])) for angle in angles]


@settings(deadline=None)
@given(st.sampled_from(TABLES), st.integers(0, 2**32 - 1))
def test_a_template_has_no_distance_from_itself(model: str, seed: int) -> None:
    template = blob(np.random.default_rng(seed).normal(size=DIMENSIONS[model]), model)
    distance, false_accept, false_reject, score = verification(template, template)
    assert (distance, false_accept, score) == (0, 0, 1)
    assert false_reject > 0.99


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_two_templates_does_not_matter(seed: int) -> None:
    first, second = (blob(vector) for vector in np.random.default_rng(seed).normal(size=(2, 128)))
    assert verification(first, second) == verification(second, first)


@pytest.mark.parametrize(("angle", "distance"), [(0, 0), (60, 2500), (90, 5000), (120, 7500), (180, 10_000)])
def test_the_distance_follows_from_the_angle(angle: float, distance: int) -> None:
    first, second = turned([0, np.radians(angle)])
    assert verification(first, second).distance == pytest.approx(distance, abs=2)


def test_further_apart_is_less_alike_in_every_respect() -> None:
    first, *others = turned(np.linspace(0, np.pi, 60).tolist())
    answers = MATCHER.match([(first, other) for other in others])
    for nearer, farther in pairwise(answers):
        assert nearer.distance < farther.distance
        assert nearer.score > farther.score
        assert nearer.false_accept <= farther.false_accept
        assert nearer.false_reject >= farther.false_reject


def test_answers_keep_the_order_of_the_pairs() -> None:
    first, second, third = turned([0, 0.5, 1])
    pairs = [(first, third), (first, first), (second, third)]
    assert MATCHER.match(pairs) == [verification(*pair) for pair in pairs]
    assert MATCHER.match([]) == []


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.sampled_from(TABLES))
def test_the_best_pair_is_the_first_of_the_closest(seed: int, rows: int, columns: int, model: str) -> None:
    random = np.random.default_rng(seed)
    some = [blob(vector, model) for vector in random.normal(size=(6, DIMENSIONS[model]))]  # so few that many pairs tie
    first, second = ([some[index] for index in random.integers(0, 6, count)] for count in (rows, columns))
    pairs = [(one, other) for one in range(rows) for other in range(columns)]
    found = MATCHER.match([(first[one], second[other]) for one, other in pairs])
    best = min(range(len(pairs)), key=lambda index: found[index].distance)
    assert MATCHER.best(first, second) == (*pairs[best], found[best])


GOOD, OTHER, BAD = blob(np.ones(128)), blob(np.ones(256), "faceres"), Attributes({TEMPLATE: b"abc"})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([BAD], [GOOD]),
        ([GOOD], [BAD]),
        ([BAD], [BAD]),
        ([GOOD, BAD], [GOOD, OTHER]),
        ([GOOD, BAD], [GOOD, GOOD]),
        ([GOOD, OTHER], [GOOD, GOOD]),
        ([GOOD, OTHER], [GOOD, OTHER]),
        ([GOOD, OTHER], [GOOD, BAD]),
        ([blob(np.ones(128), version=2)], [blob(np.ones(128), version=2)]),
    ],
)
def test_the_best_pair_fails_as_all_pairs_would(first: list[Attributes], second: list[Attributes]) -> None:
    with pytest.raises(BadTemplate) as expected:
        MATCHER.match([(one, other) for one in first for other in second])
    with pytest.raises(BadTemplate) as caught:
        MATCHER.best(first, second)
    assert (type(caught.value), caught.value.args) == (type(expected.value), expected.value.args)


def test_there_is_no_best_pair_of_nothing() -> None:
    for first, second in (([], [GOOD]), ([GOOD], [])):
        with pytest.raises(ValueError, match="no templates"):
            MATCHER.best(first, second)


def test_a_call_may_mix_pairs_of_several_models() -> None:
    pairs = [(GOOD, GOOD), (OTHER, OTHER), (turned([1])[0], GOOD)]
    assert MATCHER.match(pairs) == [verification(*pair) for pair in pairs]


class Watched(bytes):
    """Bytes that count how often they are measured, which is the first thing that decoding does."""

    measured = 0

    def __len__(self) -> int:
        self.measured += 1
        return super().__len__()


def test_a_template_is_decoded_once_however_many_pairs_it_is_in() -> None:
    watched = Watched(GOOD[TEMPLATE])
    MATCHER.match([(Attributes({TEMPLATE: watched}), other) for other in turned([0, 0.5, 1])])
    assert watched.measured == 1


def test_templates_of_different_models_are_refused_by_name() -> None:
    vector = np.ones(256)
    with pytest.raises(TemplateMismatch) as caught:
        verification(blob(vector, "faceres"), blob(vector, "mobileface"))
    assert caught.value.message == "templates of faceres version 1 and mobileface version 1 cannot be compared"


def test_templates_of_different_versions_are_refused() -> None:
    with pytest.raises(TemplateMismatch, match="foamliu version 1 and foamliu version 2"):
        verification(blob(np.ones(128)), blob(np.ones(128), version=2))


def test_templates_without_a_table_are_refused() -> None:
    with pytest.raises(BadTemplate, match="foamliu version 2 cannot be compared here: there is no calibration"):
        verification(blob(np.ones(128), version=2), blob(np.ones(128), version=2))


def test_it_is_said_which_of_two_templates_is_bad() -> None:
    good, bad = blob(np.ones(128)), Attributes({TEMPLATE: b"abc"})
    with pytest.raises(BadTemplate, match="the first template: wrong size"):
        verification(bad, good)
    with pytest.raises(BadTemplate, match="the second template: wrong size"):
        verification(good, bad)
