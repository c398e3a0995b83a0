"""The lenses that both dialects share, and the pieces of those that differ only in spelling."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from schemas.attributes import (
    AGE,
    BOX,
    CONFIDENCE,
    EMOTION_NAMES,
    EMOTIONS,
    GENDER,
    KIND,
    LIVENESS,
    Angles,
    Box,
    Gender,
    Scored,
)
from schemas.dialect import Lens, at
from schemas.errors import BadDocument
from schemas.fields import Json, boolean, choice, member, number, numbers, text, within

# Coordinates may lie somewhat outside the image, as those of a face cut by its border do.
FURTHEST = 10.0

_EXACT = 2.0**53  # from here on doubles skip integers


def load_box(raw: Any) -> Box:
    box = Box(*numbers(raw, 4, -FURTHEST, FURTHEST))
    if box.right <= box.left or box.bottom <= box.top:
        raise BadDocument("Input should be [x_min, y_min, x_max, y_max] with x_min < x_max and y_min < y_max")
    if box.right <= 0 or box.left >= 1 or box.bottom <= 0 or box.top >= 1:
        raise BadDocument("Input should overlap the image: coordinates are fractions of its width and height")
    return box


def load_angles(raw: Any) -> Angles:
    return Angles(*(within(name, number, member(raw, name), -360.0, 360.0) for name in Angles._fields))


def dump_angles(angles: Angles) -> Json:
    return angles._asdict()


def load_age(raw: Any) -> float:
    """Years from the documented string, or from the integer that some clients send."""
    if isinstance(raw, str):
        try:
            raw = float(raw)
        except ValueError:
            raise BadDocument("Input should be a number of years", (), "float_parsing") from None
    return number(raw, 0, 200)


def load_scored(raw: Any) -> Scored[bool]:
    value = within("value", boolean, member(raw, "value"))
    return Scored(value, within("confidence", number, member(raw, "confidence"), 0.0, 1.0))


def dump_scored(scored: Scored[bool]) -> Json:
    return {"confidence": scored.confidence, "value": scored.value}


def is_flag(measure: str) -> bool:
    """Whether a quality measure is a yes or no rather than a number."""
    return measure.startswith(("is_", "has_", "no_")) or measure == "not_masked"


def load_measure(values: Any, key: str, measure: str) -> float | bool:
    """The quality ``measure`` that stands under ``key``."""
    value = member(values, key)
    found: float | bool = within(key, boolean if is_flag(measure) else number, value)
    return found


def dump_measure(value: float | bool) -> float | bool:
    """A quality value as it is written: whole numbers as integers, 87 instead of 87.0."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if whole else value


def fraction(value: float) -> float:
    """``value`` at float32 precision.

    Key points are float32 throughout: fraction * size read back as size / size then gives the very same number, in
    which double precision alone is one unit in the last place off at some sizes.
    """
    return float(np.float32(value))


def spelled(spell: Callable[[str], str]) -> list[Lens[Any]]:
    """The lenses of the attributes whose labels ``spell`` writes (upper case in v1, lower case in v2)."""
    genders = {spell(gender): gender for gender in Gender}
    liveness = {spell("real"): True, spell("fake"): False}

    def load_liveness(raw: Any) -> Scored[bool]:
        value = within("value", choice, member(raw, "value"), liveness)
        return Scored(value, within("confidence", number, member(raw, "confidence"), 0.0, 1.0))

    def dump_liveness(scored: Scored[bool]) -> Json:
        return {"confidence": scored.confidence, "value": spell("real" if scored.value else "fake")}

    def load_emotions(raw: Any) -> Mapping[str, float]:
        if not isinstance(raw, list | tuple) or len(raw) != len(EMOTION_NAMES):
            raise BadDocument(f"Input should be a list of {len(EMOTION_NAMES)} emotions", (), "list_type")
        return {
            name: within(index, _emotion, each, spell(name))
            for index, (name, each) in enumerate(zip(EMOTION_NAMES, raw, strict=True))
        }

    def dump_emotions(scores: Mapping[str, float]) -> list[Json]:
        return [{"confidence": scores[name], "emotion": spell(name)} for name in EMOTION_NAMES]

    return [
        at("class", KIND, text, str),
        at("confidence", CONFIDENCE, lambda raw: number(raw, 0, 1), float),
        at("bbox", BOX, load_box, list),
        at("gender", GENDER, lambda raw: Gender(choice(raw, genders)), spell),
        at("age", AGE, load_age, lambda years: f"{years:.0f}"),
        at("emotions", EMOTIONS, load_emotions, dump_emotions),
        at("liveness", LIVENESS, load_liveness, dump_liveness),
    ]


def _emotion(raw: Any, expected: str) -> float:
    within("emotion", choice, member(raw, "emotion"), {expected: expected})
    return float(within("confidence", number, member(raw, "confidence"), 0.0, 1.0))
