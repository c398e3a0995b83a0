"""Puts the measures of one face together."""

import math
from typing import NamedTuple

from estimators.quality.background import background_gradient
from estimators.quality.exposure import dynamic_range, glare, illumination_uniformity
from estimators.quality.focus import noise, sharpness
from estimators.quality.framing import eyes_distance, eyes_to_chin, largest_rotation, margins
from estimators.quality.mask import bare_face_odds
from estimators.quality.thresholds import THRESHOLDS, Thresholds
from estimators.quality.total import total_score
from estimators.quality.view import FaceView
from estimators.quality.watermark import watermark_odds
from schemas.attributes import QUALITY_NAMES

_WHOLE = frozenset({"max_rotation_deviation", "eyes_distance", "margin_outer_deviation", "margin_inner_deviation"})
_DECIMALS = 2  # of scores: whole points in v1
_LEAST_ODDS = 1e-6  # a network that is entirely sure still has finite odds


class Answers(NamedTuple):
    """What the networks say of a face."""

    left_openness: float  # height over width of the image-left eye
    right_openness: float
    neutral: float  # likelihood of the neutral expression, 0..1
    masked: float | None  # likelihood of a mask, 0..1; None without a mask network
    usefulness: float | None  # LightQNet's answer; None without a face-quality network


class Natives(NamedTuple):
    """What the measures say of a face, in their own units; see their modules."""

    sharpness: float
    illumination: float
    glare: float
    noise: float
    dynamic_range: float
    background: float
    watermark: float
    bare: float | None  # None where it was not asked for


def natives(view: FaceView, *, colours: bool = True) -> Natives:
    """Takes every measure that needs no network; that of ``colours`` is of no use where a mask network answered."""
    return Natives(
        sharpness=sharpness(view),
        illumination=illumination_uniformity(view),
        glare=glare(view),
        noise=noise(view),
        dynamic_range=dynamic_range(view),
        background=background_gradient(view),
        watermark=watermark_odds(view),
        bare=bare_face_odds(view) if colours else None,
    )


def assessment(view: FaceView, answers: Answers, limits: Thresholds = THRESHOLDS) -> dict[str, float | bool]:
    """The 29 values, in the order of QUALITY_NAMES.

    Scores are rounded to two decimals, pixels and degrees to whole numbers. Verdicts and the total are formed of what
    was measured, not of what is rounded.
    """
    native = natives(view, colours=answers.masked is None)
    values = {**_picture(native, answers, limits), **_placement(view, limits)}
    values["total_score"] = total_score(total_parts(view, native, answers, limits))
    return {name: _rounded(name, values[name]) for name in QUALITY_NAMES}


def _rounded(name: str, value: float | bool) -> float | bool:
    if isinstance(value, bool):
        return value
    return float(round(value)) if name in _WHOLE else float(round(value, _DECIMALS))


def _picture(native: Natives, answers: Answers, limits: Thresholds) -> dict[str, float | bool]:
    """The values that come from pixels."""
    left, right = limits.openness.score(answers.left_openness), limits.openness.score(answers.right_openness)
    sharp, even = limits.sharpness.score(native.sharpness), limits.illumination.score(native.illumination)
    quiet, uniform = limits.noise.score(native.noise), limits.background.score(native.background)
    bare = _bareness(native, answers, limits)
    marked = limits.watermark.score(native.watermark)
    return {
        "is_sharp": limits.sharpness.accepts(sharp),
        "sharpness_score": sharp,
        "is_evenly_illuminated": limits.illumination.accepts(even),
        "illumination_score": even,
        "no_flare": limits.flare.accepts(limits.flare.score(native.glare)),
        "is_left_eye_opened": limits.openness.accepts(left),
        "left_eye_openness_score": left,
        "is_right_eye_opened": limits.openness.accepts(right),
        "right_eye_openness_score": right,
        "not_masked": limits.not_masked.accepts(bare),
        "not_masked_score": bare,
        "is_neutral_emotion": answers.neutral >= limits.neutral,
        "neutral_emotion_score": answers.neutral,
        "is_not_noisy": limits.noise.accepts(quiet),
        "noise_score": quiet,
        "watermark_score": marked,
        "has_watermark": limits.watermark.accepts(marked),
        "dynamic_range_score": native.dynamic_range / 100,
        "is_dynamic_range_acceptable": native.dynamic_range > limits.dynamic_range,
        "background_uniformity_score": uniform,
        "is_background_uniform": limits.background.accepts(uniform),
    }


def _placement(view: FaceView, limits: Thresholds) -> dict[str, float | bool]:
    """The values that come from where the head is and how it is turned."""
    rotation = largest_rotation(view.angles, limits.pitch_offset)
    apart, missing = eyes_distance(view.points), margins(view.points, view.size)
    tolerated = limits.inner_margin * eyes_to_chin(view.points)
    return {
        "is_rotation_acceptable": abs(rotation) <= limits.rotation,
        "max_rotation_deviation": rotation,
        "is_eyes_distance_acceptable": apart >= limits.eyes_distance,
        "eyes_distance": apart,
        "is_margins_acceptable": missing.outer <= limits.outer_margin and missing.inner <= tolerated,
        "margin_outer_deviation": missing.outer,
        "margin_inner_deviation": missing.inner,
    }


def total_parts(view: FaceView, native: Natives, answers: Answers, limits: Thresholds = THRESHOLDS) -> dict[str, float]:
    """What the total score is made of, in native units, see ``estimators/quality/total.py``."""
    parts = {
        "yaw": abs(view.angles.yaw),
        "pitch": abs(view.angles.pitch - limits.pitch_offset),
        "sharpness": native.sharpness,
        "illumination": native.illumination,
        "flare": native.glare,
        "noise": native.noise,
        "dynamic_range": native.dynamic_range,
        "watermark": native.watermark,
        "openness": min(answers.left_openness, answers.right_openness),
        "not_masked": _bareness(native, answers, limits),
        "eyes_distance": eyes_distance(view.points),
        "cut_off": margins(view.points, view.size).outer / max(eyes_to_chin(view.points), 1.0),
    }
    return parts if answers.usefulness is None else {**parts, "network": answers.usefulness}


def _bareness(native: Natives, answers: Answers, limits: Thresholds) -> float:
    """How surely mouth and nose are bare, as a score: by the network where there is one, else by colours."""
    if answers.masked is not None:
        return limits.not_masked.score(bare_odds(answers.masked))
    if native.bare is None:
        raise ValueError("whether a face is bare is told neither by a network nor by colours")
    return limits.bare_colours.score(native.bare)


def bare_odds(masked: float) -> float:
    """The logarithm of the odds that there is no mask, of the likelihood that there is one."""
    likelihood = min(max(masked, _LEAST_ODDS), 1 - _LEAST_ODDS)
    return math.log((1 - likelihood) / likelihood)
