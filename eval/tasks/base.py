"""What tasks are built of: picking a face, decoding its template, and figures for both halves."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

import numpy as np

from eval.bootstrap import Figure
from eval.client import Json, RequestFailed
from eval.figures import Reliability
from eval.plots import Curves, Line
from eval.split import held_out
from schemas.template import BadTemplate, Template, decode

WHOLE: Json = {"id": 0, "class": "face", "bbox": [0.0, 0.0, 1.0, 1.0]}


class Halved(Protocol):
    """Something seen, which knows its half."""

    @property
    def half(self) -> bool: ...  # whether nothing was fitted to it


One = TypeVar("One", bound=Halved)


def area(face: Json) -> float:
    """The area of a face's box, as a share of the image."""
    left, top, right, bottom = face["bbox"]
    return float((right - left) * (bottom - top))


def largest(faces: Sequence[Json]) -> Json | None:
    """The face with the largest box."""
    return max(faces, key=area, default=None)


def central(faces: Sequence[Json]) -> Json | None:
    """The face whose centre is nearest to that of a square image."""

    def distance(face: Json) -> float:
        left, top, right, bottom = face["bbox"]
        return float(np.hypot((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5))

    return min(faces, key=distance, default=None)


def template(face: Json) -> Template:
    """A face's template."""
    try:
        (blob,) = (template["blob"] for template in face["template"].values())
        return decode(blob)
    except (KeyError, AttributeError, TypeError, ValueError, BadTemplate) as error:
        raise RequestFailed(f"the template cannot be read: {error}") from error


def by_file(path: str) -> bool:
    """Whether an image is of the half that nothing was fitted to, where labels do not say who it shows."""
    return held_out(PurePosixPath(path).name)


def in_halves(seen: Sequence[One], figures: Callable[[Sequence[One]], Sequence[Figure]]) -> list[Figure]:
    """The figures of all that was seen, and those of the half that nothing was fitted to.

    Yardsticks are of all images. A half of which too little was seen has no figures.
    """
    kept = [one for one in seen if one.half]
    try:
        halves = [figure._replace(half=True, yardstick=None) for figure in figures(kept)]
    except ValueError:
        halves = []
    return [*figures(seen), *halves]


def missed(faces: Sequence[object], yardstick: float | None = None) -> Figure:
    """How many images have no face that was found."""
    return Figure("images without a face found", sum(face is None for face in faces), len(faces), None, yardstick)


def reliability_diagram(title: str, found: Reliability) -> Curves:
    """How often answers are right, by what they claim."""
    line = Line("held-out half, ten groups of equal size", found.confidence, found.share, marked=True)
    return Curves("reliability", title, "confidence", "share that is so", [line], diagonal=True)
