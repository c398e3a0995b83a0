"""Examples for the OpenAPI document: a real small photo, and documents about it that the dialects themselves write.

The photo is part of NASA's portrait of Eileen Collins, in the public domain.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from estimators import Detector, Matcher, Node
from estimators.matcher import VerifyMatcher
from schemas import Attribute, Attributes, Dialect, Document, Frame
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
    Box,
    Gender,
    Point,
    Scored,
)
from schemas.fields import Json
from schemas.template import Template, encode
from schemas.wire import JSON, encode_body

FRAME = Frame(112, 112)
_PHOTO = Path(__file__).parent.parent / "static" / "face.jpg"

# What the services say of the photo, rounded; the points are in its pixels, in the order of KEYPOINT_NAMES.
_PIXELS = (
    (40.2, 39.4), (44.7, 37.3), (52.4, 38.5), (61.3, 38.9), (69.2, 38.6), (73.7, 41.3), (43.1, 43.9), (47.1, 44.2),
    (51.3, 45.0), (61.7, 45.7), (66.0, 45.3), (70.1, 45.4), (36.8, 56.6), (49.3, 54.7), (55.5, 56.6), (62.4, 55.5),
    (75.1, 58.8), (46.5, 60.8), (55.4, 63.4), (64.9, 61.9), (54.4, 77.0),
)  # fmt: skip
_EMOTIONS = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
_QUALITY = (
    0.41, True, 0.91, True, 0.93, True, True, 0.99, True, 1.0, True, -10.0, True, 0.95, False, 0.0, False, 18.9,
    True, 0.0, 0.5, True, 0.99, 0.05, False, 1.87, True, 0.83, True,
)  # fmt: skip
FACE = Attributes(
    {
        KIND: "face",
        CONFIDENCE: 0.9313,
        BOX: Box(0.3302, 0.256, 0.6794, 0.6797),
        KEYPOINTS: tuple(Point(x / FRAME.width, y / FRAME.height) for x, y in _PIXELS),
        ANGLES: Angles(yaw=0.7, roll=3.5, pitch=-10.0),
        GENDER: Gender.FEMALE,
        AGE: 32.0,
        EMOTIONS: dict(zip(EMOTION_NAMES, _EMOTIONS, strict=True)),
        LIVENESS: Scored(value=True, confidence=0.6972),
        MASK: Scored(value=False, confidence=0.0457),
        QUALITY: dict(zip(QUALITY_NAMES, _QUALITY, strict=True)),
    }
)
BODY = Attributes({KIND: "body", CONFIDENCE: 0.8734, BOX: Box(0.0, 0.0599, 0.9961, 0.9988)})


def _templates() -> tuple[Attributes, Attributes]:
    """Two templates of the right form that belong to nobody, but are as alike as those of one person."""
    waves = (np.cos(np.arange(128, dtype=np.float32) + shift) for shift in (0.0, 0.8))
    first, second = (Attributes({TEMPLATE: encode(Template("foamliu", 1, wave))}) for wave in waves)
    return first, second


def image(dialect: Dialect) -> Json:
    """The members of a document that carry the photo."""
    return _plain(_photo(dialect))


def request(kind: type[Node], dialect: Dialect) -> Json:
    """What a client sends to a service."""
    if issubclass(kind, Matcher):
        return _plain(_compared(dialect).payload)
    if issubclass(kind, Detector):
        return image(dialect)
    return _plain(_asked(kind, dialect).payload)


def answer(kind: type[Node], dialect: Dialect) -> Json:
    """What the service answers, with ``echo=false``."""
    if issubclass(kind, Matcher):
        return _plain(_compared(dialect).answer(verification=_verification(dialect)))
    if issubclass(kind, Detector):
        sample = BODY if kind.subject == "body" else FACE | _templates()[0]
        found = Document(_photo(dialect), dialect, FRAME).detected(kind.subject, [_part(sample, kind.provides)])
        return _plain(found.answer(echo=False))
    return _plain(_asked(kind, dialect).enriched({0: _part(FACE | _templates()[0], kind.provides)}).answer(echo=False))


def graph_answer(dialect: Dialect) -> Json:
    """The answer to ``outputs=age,emotions,template`` with ``echo=false`` and ``timings=true``, of one face."""
    found = Document(_photo(dialect), dialect, FRAME)
    wanted = frozenset[Attribute[Any]]({KIND, CONFIDENCE, BOX, KEYPOINTS, ANGLES, AGE, EMOTIONS, TEMPLATE})
    spent = {"decode": 1.2, "face-detector-face-fitter": 18.6, "age-estimator": 4.1, "emotion-estimator": 3.9,
             "template-extractor": 9.8}  # fmt: skip
    return _plain(found.detected("face", [_part(FACE | _templates()[0], wanted)]).answer(echo=False, timings=spent))


def pair_answer(dialect: Dialect) -> Json:
    """The answer to the graph ``verify`` with ``echo=false``."""
    face = _part(FACE, frozenset[Attribute[Any]]({KIND, CONFIDENCE, BOX, KEYPOINTS, ANGLES}))
    samples = [Document({}, dialect, FRAME).detected("face", [face | template]).answer() for template in _templates()]
    return _plain({"samples": samples, "verification": _verification(dialect), "pair": [0, 0]})


def _photo(dialect: Dialect) -> Json:
    return {dialect.image.key: dialect.image.dump(_PHOTO.read_bytes())}


def _asked(kind: type[Node], dialect: Dialect) -> Document:
    sent = _part(FACE, kind.requires | {KIND, BOX, CONFIDENCE})
    return Document(_photo(dialect), dialect, FRAME).detected(kind.subject, [sent])


def _compared(dialect: Dialect) -> Document:
    faces = [Attributes({KIND: "face"}) | template for template in _templates()]
    return Document({}, dialect, FRAME).detected("face", faces)


def _verification(dialect: Dialect) -> Json:
    [found] = VerifyMatcher({}).match([_templates()])
    return dialect.verification(found)


def _part(attributes: Attributes, wanted: frozenset[Attribute[Any]]) -> Attributes:
    return Attributes({name: value for name, value in attributes.items() if name in wanted})


def _plain(document: Json) -> Json:
    """The document as JSON shows it: bytes as base64."""
    plain: Json = json.loads(encode_body(document, JSON))
    return plain
