"""Whether two faces belong to the same person, by their templates."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Matcher, Models
from estimators.calibration import Calibration, distances, load_calibrations
from schemas.attributes import TEMPLATE, Attributes, Verification
from schemas.template import BadTemplate, TemplateMismatch, decode


class VerifyMatcher(Matcher):
    """Compares templates of one model: their distance, and what was measured for that distance.

    ``distance`` is 5000 (1 - cosine), rounded: 0 for the same direction, 5000 at right angles, 10000 for opposite
    vectors. ``false_accept``, ``false_reject`` and ``score`` come from the tables in ``estimators/calibration``.
    Comparing is symmetric. Raises ``BadTemplate`` for what is no template or has no table, ``TemplateMismatch`` for
    templates of different models or versions.
    """

    name = "verify-matcher"
    requires = frozenset({TEMPLATE})

    def __init__(self, models: Models) -> None:
        super().__init__(models)
        self._calibrations = load_calibrations()

    def match(self, pairs: Sequence[tuple[Attributes, Attributes]]) -> list[Verification]:
        known: _Known = {}
        compared = [self._compared(known, *pair) for pair in pairs]
        cosines = np.array([np.dot(first.vector, second.vector) for first, second, _ in compared], np.float64)
        return [
            calibration.verification(distance)
            for (_, _, calibration), distance in zip(compared, distances(cosines).tolist(), strict=True)
        ]

    def best(self, first: Sequence[Attributes], second: Sequence[Attributes]) -> tuple[int, int, Verification]:
        if not first or not second:
            raise ValueError("there are no templates to choose from")
        # Where the first of each set can be compared with all of the other set, all pairs can be; and of all pairs in
        # their order, the first that cannot be compared is among these.
        known: _Known = {}
        row = [self._compared(known, first[0], other) for other in second]
        column = row[:1] + [self._compared(known, other, second[0]) for other in first[1:]]
        ones = np.array([one.vector for one, _, _ in column])  # (n, d)
        others = np.array([other.vector for _, other, _ in row])  # (m, d)
        found = distances(ones @ others.T)
        one, other = divmod(int(found.argmin()), len(second))
        return one, other, row[0].calibration.verification(int(found[one, other]))

    def _compared(self, known: "_Known", first: Attributes, second: Attributes) -> "_Comparison":
        one, other = _decoded(known, first[TEMPLATE], "first"), _decoded(known, second[TEMPLATE], "second")
        if one.identity != other.identity:
            raise TemplateMismatch(f"templates of {_named(one)} and {_named(other)} cannot be compared")
        calibration = self._calibrations.get(one.identity)
        if calibration is None:
            raise BadTemplate(f"templates of {_named(one)} cannot be compared here: there is no calibration for them")
        return _Comparison(one, other, calibration)


class _Decoded(NamedTuple):
    """A template's model and version, and its (d,) vector of length 1."""

    identity: tuple[str, int]
    vector: NDArray[np.float64]


class _Comparison(NamedTuple):
    """Two templates of one model, and the table for its distances."""

    first: _Decoded
    second: _Decoded
    calibration: Calibration


_Known = dict[bytes, _Decoded]  # what one call has decoded: a template is part of many pairs


def _decoded(known: _Known, blob: bytes, which: str) -> _Decoded:
    if blob not in known:
        try:
            template = decode(blob)
        except BadTemplate as error:
            raise BadTemplate(f"the {which} template: {error.message}") from error
        known[blob] = _Decoded((template.model, template.version), template.vector.astype(np.float64))
    return known[blob]


def _named(template: _Decoded) -> str:
    return "{} version {}".format(*template.identity)
