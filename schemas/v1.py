"""Dialect v1: ``$image``, upper-case labels, key points in pixels, ``angles``, ``mask``, quality 0..100."""

from collections.abc import Mapping
from typing import Any

from schemas.attributes import (
    ANGLES,
    KEYPOINT_NAMES,
    KEYPOINTS,
    MASK,
    QUALITY,
    QUALITY_NAMES,
    TEMPLATE,
    Point,
)
from schemas.common import (
    FURTHEST,
    dump_angles,
    dump_measure,
    dump_scored,
    fraction,
    load_angles,
    load_measure,
    load_scored,
    spelled,
)
from schemas.dialect import Dialect, Frame, ImageField, Lens, Picture, at
from schemas.errors import BadDocument
from schemas.fields import Json, blob, member, numbers, within
from schemas.template import BadTemplate

_WORD = 4  # ``template_size`` counts 32-bit words: 296 bytes are 74
_LEFT_EYE, _RIGHT_EYE = KEYPOINT_NAMES.index("left_eye"), KEYPOINT_NAMES.index("right_eye")


def _points(raw: Mapping[str, Any], frame: Frame) -> tuple[Point, ...]:
    """The 21 points from 63 numbers (x, y, 0) in pixels."""
    fitter = raw["fitter"]
    flat = within("fitter", member, fitter, "keypoints")
    far = FURTHEST * max(frame)
    flat = within("fitter", lambda each: within("keypoints", numbers, each, 63, -far, far), flat)
    return tuple(
        Point(fraction(flat[index] / frame.width), fraction(flat[index + 1] / frame.height))
        for index in range(0, 63, 3)
    )


def _fitter(points: tuple[Point, ...], frame: Frame) -> Json:
    pixels = [[point.x * frame.width, point.y * frame.height] for point in points]
    return {
        "fitter": {
            "fitter_type": "fda",
            "keypoints": [number for x, y in pixels for number in (x, y, 0)],
            "left_eye": pixels[_LEFT_EYE],
            "right_eye": pixels[_RIGHT_EYE],
        }
    }


def _template(raw: Mapping[str, Any], _: Frame) -> bytes:
    data: bytes = within("$template", blob, raw["$template"])
    size = raw.get("template_size")
    if size is not None and size != len(data) // _WORD:
        raise BadTemplate(f"template_size says {size} words of 4 bytes, $template has {len(data)} bytes")
    return data


def _put_template(data: bytes, _: Frame) -> Json:
    return {"$template": data, "template_size": len(data) // _WORD}


# v2 spelling -> v1 spelling and factor: scores are 0..100 in v1; sizes and degrees are the same in both.
_UNSCALED = {"eyes_distance", "margin_outer_deviation", "margin_inner_deviation", "max_rotation_deviation"}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_QUALITY = {name: (_camel(name), 1 if name in _UNSCALED else 100) for name in QUALITY_NAMES}


def _load_quality(raw: Any) -> Mapping[str, float | bool]:
    values = member(raw, "qaa")

    def measure(name: str, key: str, factor: int) -> float | bool:
        value = within("qaa", load_measure, values, key, name)
        return value if isinstance(value, bool) else float(value) / factor

    return {name: measure(name, key, factor) for name, (key, factor) in _QUALITY.items()}


def _dump_quality(quality: Mapping[str, float | bool]) -> Json:
    def dumped(value: float | bool, factor: int) -> float | bool:
        if isinstance(value, bool):
            return value
        return dump_measure(round(value * factor, 9))  # 0.29 * 100 is 29, not 28.999999999999996

    return {"qaa": {key: dumped(quality[name], factor) for name, (key, factor) in _QUALITY.items()}}


def _picture(raw: Any) -> Picture:
    data = blob(raw)
    if not data:
        raise BadDocument("Input should be an image in base64, not an empty string")
    return Picture(data)


V1 = Dialect(
    "v1",
    ImageField("$image", (), _picture, lambda data: data),
    [
        *spelled(str.upper),
        at("mask", MASK, load_scored, dump_scored),
        at("angles", ANGLES, load_angles, dump_angles),
        at("quality", QUALITY, _load_quality, _dump_quality),
        Lens(KEYPOINTS, ("fitter",), _points, _fitter),
        Lens(TEMPLATE, ("$template",), _template, _put_template),
    ],
)
