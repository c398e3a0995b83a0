"""Whether two faces belong to the same person, by their templates."""

from collections.abc import Sequence

import numpy as np

from estimators.base import Matcher, Models
from estimators.calibration import distances, load_calibrations
from schemas.attributes import TEMPLATE, Attributes, Verification
from schemas.template import BadTemplate, Template, TemplateMismatch, decode


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
        return [
            self._verification(_decoded(first[TEMPLATE], "first"), _decoded(second[TEMPLATE], "second"))
            for first, second in pairs
        ]

    def _verification(self, first: Template, second: Template) -> Verification:
        if (first.model, first.version) != (second.model, second.version):
            raise TemplateMismatch(f"templates of {_named(first)} and {_named(second)} cannot be compared")
        calibration = self._calibrations.get((first.model, first.version))
        if calibration is None:
            raise BadTemplate(f"templates of {_named(first)} cannot be compared here: there is no calibration for them")
        cosine = np.dot(first.vector.astype(np.float64), second.vector.astype(np.float64))
        return calibration.verification(int(distances(cosine)))


def _decoded(blob: bytes, which: str) -> Template:
    try:
        return decode(blob)
    except BadTemplate as error:
        raise BadTemplate(f"the {which} template: {error.message}") from error


def _named(template: Template) -> str:
    return f"{template.model} version {template.version}"
