"""The laws of the lenses, for every attribute of every dialect."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Attributes, Dialect, Frame
from schemas.attributes import (
    AGE,
    ANGLES,
    BOX,
    CONFIDENCE,
    EMOTION_NAMES,
    EMOTIONS,
    GENDER,
    KEYPOINTS,
    KIND,
    LIVENESS,
    MASK,
    QUALITY,
    QUALITY_NAMES,
    TEMPLATE,
    Angles,
    Attribute,
    Box,
    Gender,
    Point,
    Scored,
)
from schemas.common import is_flag
from schemas.template import Template, encode
from schemas.v1 import V1
from schemas.v2 import V2

unit = st.floats(0, 1)
narrow = st.floats(-1, 2, width=32)
frames = st.builds(Frame, st.integers(1, 12000), st.integers(1, 12000))
scored = st.builds(Scored, st.booleans(), unit)
boxes = st.tuples(st.floats(-0.5, 0.4), st.floats(-0.5, 0.4), st.floats(0.5, 1.5), st.floats(0.5, 1.5))
vectors = st.lists(st.floats(-1, 1, width=16), min_size=128, max_size=128).filter(lambda each: sum(map(abs, each)) > 1)

VALUES: dict[Attribute[Any], st.SearchStrategy[Any]] = {
    KIND: st.text(max_size=8),
    BOX: boxes.map(lambda four: Box(*four)),
    CONFIDENCE: unit,
    KEYPOINTS: st.lists(st.builds(Point, narrow, narrow), min_size=21, max_size=21).map(tuple),
    ANGLES: st.builds(Angles, st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180)),
    GENDER: st.sampled_from(Gender),
    AGE: st.integers(0, 120).map(float),  # whole years on the wire
    EMOTIONS: st.fixed_dictionaries(dict.fromkeys(EMOTION_NAMES, unit)),
    LIVENESS: scored,
    MASK: scored,
    QUALITY: st.fixed_dictionaries(
        {
            name: st.booleans() if is_flag(name) else st.integers(0, 255).map(lambda points: points / 100)
            for name in QUALITY_NAMES
        }
    ),
    TEMPLATE: vectors.map(lambda vector: encode(Template("example", 1, np.asarray(vector, np.float32)))),
}
lenses = pytest.mark.parametrize(
    ("dialect", "attribute"),
    [(dialect, attribute) for dialect in (V1, V2) for attribute in dialect.lenses],
    ids=lambda each: getattr(each, "name", None),
)


@pytest.mark.parametrize("dialect", [V1, V2], ids=lambda each: each.name)
def test_both_dialects_know_all_attributes(dialect: Dialect) -> None:
    assert set(dialect.lenses) == set(VALUES)


@lenses
@given(frame=frames, choices=st.data())
def test_what_was_put_is_what_is_got(
    dialect: Dialect, attribute: Attribute[Any], frame: Frame, choices: st.DataObject
) -> None:
    value = choices.draw(VALUES[attribute])
    raw = dialect.write({}, Attributes({attribute: value}), frame)
    assert dialect.carried(raw) == {attribute}
    got = dialect.read(raw, [attribute], frame)[attribute]
    if attribute is QUALITY and dialect is V1:
        assert got == pytest.approx(value)
    else:
        assert got == value


@lenses
@given(frame=frames, choices=st.data())
def test_putting_touches_nothing_else(
    dialect: Dialect, attribute: Attribute[Any], frame: Frame, choices: st.DataObject
) -> None:
    others = choices.draw(st.dictionaries(st.text(max_size=4).map(lambda key: f"x-{key}"), st.integers(), max_size=5))
    value = choices.draw(VALUES[attribute])
    written = dialect.write(others, Attributes({attribute: value}), frame)
    assert list(written.items())[: len(others)] == list(others.items())
    assert dialect.write(written, Attributes({attribute: value}), frame) == written  # putting twice is putting once
