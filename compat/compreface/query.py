"""The query of a request, read as strictly as CompreFace reads it: nothing is guessed from what is malformed."""

import math
import re
from typing import NamedTuple

from starlette.datastructures import QueryParams

from compat.compreface.errors import Code, Refusal, constraints, missing_parameter
from compat.compreface.names import SUBJECT, checked

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MOST = 2**31 - 1  # of its integers
_TRUE, _FALSE = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}
_LARGEST_PAGE = 2000

LIMIT = "Limit should be equal or greater than 0"
PREDICTIONS = "prediction_count should be equal or greater than 1"
THRESHOLD = "Detection threshold incorrect (0 <= det_prob_threshold <= 1)"


class Wanted(NamedTuple):
    """What a client wants to know of the faces in an image."""

    limit: int = 0  # faces, the biggest; 0 for all
    threshold: float | None = None  # least confidence of a face, 0..1
    predictions: int = 1  # subjects of a face, at most
    plugins: frozenset[str] = frozenset()  # slugs; those that there are not say nothing
    status: bool = False  # whether times and versions are told
    detect: bool = True  # whether faces are looked for, or the image is one
    compare: bool = False  # whether templates are needed, be they shown or not


class Paged(NamedTuple):
    """Which part of a list."""

    page: int  # from 0
    size: int


def wanted(query: QueryParams, *, recognition: bool = False) -> Wanted:
    """What the query says, where it says more for ``recognition``; raises ``Refusal``."""
    found = Wanted(
        limit=_integer(query, "limit", 0),
        threshold=threshold(query),
        predictions=_integer(query, "prediction_count", 1) if recognition else 1,
        plugins=frozenset(re.split(r"[,\s]+", _first(query, "face_plugins") or "")) - {""},
        status=_boolean(query, "status", default=False),
        detect=_boolean(query, "detect_faces", default=True) if recognition else True,
    )
    broken = [*([LIMIT] if found.limit < 0 else []), *([PREDICTIONS] if found.predictions < 1 else [])]
    if broken:
        raise constraints(*broken)
    return found


def threshold(query: QueryParams) -> float | None:
    """The least confidence of a face, 0..1, None where it is not said; raises ``Refusal``."""
    return _fraction(query, "det_prob_threshold")


def predictions(query: QueryParams) -> int:
    """How many subjects are wanted, at least 1; raises ``Refusal``."""
    found = _integer(query, "prediction_count", 1)
    if found < 1:
        raise constraints(PREDICTIONS)
    return found


def subject_wanted(query: QueryParams) -> str:
    """The subject that must be named; raises ``Refusal``."""
    found = _first(query, "subject")
    if found is None:
        raise missing_parameter("subject")
    if not found.strip():
        raise constraints(SUBJECT)
    return checked(found)


def subject_given(query: QueryParams) -> str | None:
    """The subject, None where none is named; an empty name is refused, as all would be meant by mistake."""
    return None if _first(query, "subject") is None else subject_wanted(query)


def paged(query: QueryParams) -> Paged:
    """The part of a list that is asked for; here, and here alone, CompreFace takes its defaults for what is wrong."""
    page, size = _lenient(query, "page"), _lenient(query, "size")
    return Paged(max(page or 0, 0), min(size, _LARGEST_PAGE) if size is not None and size >= 1 else 20)


def _first(query: QueryParams, name: str) -> str | None:
    return next(iter(query.getlist(name)), None)


def _lenient(query: QueryParams, name: str) -> int | None:
    raw = (_first(query, name) or "").strip()
    return int(raw) if _INTEGER.fullmatch(raw) and len(raw) < 11 and abs(int(raw)) <= _MOST else None


def _integer(query: QueryParams, name: str, default: int) -> int:
    raw = (_first(query, name) or "").strip()
    if not raw:
        return default
    if not _INTEGER.fullmatch(raw) or len(raw) > 11 or abs(int(raw)) > _MOST:
        raise _mismatch(name, raw, "an integer")
    return int(raw)


def _fraction(query: QueryParams, name: str) -> float | None:
    raw = (_first(query, name) or "").strip()
    if not raw:
        return None
    if not _DECIMAL.fullmatch(raw) or not math.isfinite(float(raw)):
        raise _mismatch(name, raw, "a number")
    if not 0 <= float(raw) <= 1:  # told, like all that its core refuses, with the code for no face
        raise Refusal(THRESHOLD, Code.NO_FACE)
    return float(raw)


def _boolean(query: QueryParams, name: str, *, default: bool) -> bool:
    raw = (_first(query, name) or "").strip().lower()
    if not raw:
        return default
    if raw not in _TRUE | _FALSE:
        raise _mismatch(name, raw, "true or false")
    return raw in _TRUE


def _mismatch(name: str, raw: str, form: str) -> Refusal:
    return constraints(f"{name} should be {form}, not '{raw[:80]}'")
