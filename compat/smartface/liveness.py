"""Spoof checks: one estimator answers for both of SmartFace's, distant and nearby."""

from collections.abc import Mapping, Sequence
from typing import Any

from compat.smartface import scores
from compat.smartface.errors import Invalid
from compat.smartface.requests import SpoofConfig
from schemas import Attributes
from schemas.attributes import LIVENESS

_KINDS = ("distant", "nearby")
_MACHINES = ("any", "cpu", "gpu")
DETECTORS: Mapping[str, str] = {f"liveness_{kind}_{machine}_remote": kind for kind in _KINDS for machine in _MACHINES}

Asked = Mapping[str, float]  # the least score that passes, by kind of check


def asked(detectors: Sequence[str], config: SpoofConfig) -> Asked:
    """The checks that a request wants; raises ``Invalid`` for those that nobody knows."""
    unknown = [each for each in detectors if each.lower() not in {*DETECTORS, "none"}]
    if unknown:
        raise Invalid({"spoofDetectorResourceIds": [f"must be none or of {', '.join(DETECTORS)}"]})
    kinds = {DETECTORS[each.lower()] for each in detectors if each.lower() in DETECTORS}
    thresholds = {
        "distant": config.distant_liveness_score_threshold,
        "nearby": config.nearby_liveness_score_threshold,
    }
    conditions = {"distant": config.distant_liveness_conditions, "nearby": config.nearby_liveness_conditions}
    for kind in sorted(kinds):
        if (conditions[kind] or "default").lower() not in {"default", "none"}:
            name = f"spoofCheckConfig.{kind}LivenessConditions"
            raise Invalid({name: ["must be default: conditions of one's own are not understood here"]})
    return {kind: thresholds[kind] for kind in _KINDS if kind in kinds}


def outputs(wanted: Asked) -> frozenset[str]:
    """What must be known of a face for these checks."""
    return frozenset({LIVENESS.name} if wanted else ())


def checked(face: Attributes, wanted: Asked) -> dict[str, Any]:
    """The result of the checks of a face: passed where all that were performed were passed."""
    found = {kind: _check(face, wanted.get(kind)) for kind in _KINDS}
    performed = [each for each in found.values() if each["performed"]]
    return {
        "performed": bool(performed),
        "passed": bool(performed) and all(each["passed"] for each in performed),
        "distantLivenessSpoofCheck": found["distant"],
        "nearbyLivenessSpoofCheck": found["nearby"],
    }


def _check(face: Attributes, threshold: float | None) -> dict[str, Any]:
    live = face.get(LIVENESS)
    if threshold is None:
        return _omitted("not asked for in spoofDetectorResourceIds")
    if live is None:
        return _omitted("there is no liveness-estimator on this server")
    score = scores.liveness_score(live.confidence)
    return {"performed": True, "passed": score >= threshold, "score": score, "notPerformedReasons": []}


def _omitted(reason: str) -> dict[str, Any]:
    return {"performed": False, "passed": False, "score": 0.0, "notPerformedReasons": [{"reasonMessage": reason}]}
