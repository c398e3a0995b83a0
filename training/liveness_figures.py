"""How often liveness answers are wrong, in the words of ISO/IEC 30107-3: APCER, the share of attacks taken for live
people, and BPCER, the share of live people taken for attacks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from training.attacks import KINDS
from training.liveness_examples import LIVE, PRINT, RECORDED

THRESHOLD = 0.5


class Answer(NamedTuple):
    """What was said of a face."""

    source: str
    kind: str
    name: str
    live: float  # P(live)


def report(answers: Sequence[Answer]) -> str:
    """Errors on recordings, on live people of each set, and on simulated attacks of each kind, a line each."""
    lines = [f"{RECORDED}, recorded: {errors(_of(answers, RECORDED, LIVE), _of(answers, RECORDED, PRINT))}"]
    sources = sorted({each.source for each in answers})
    lines += [f"{source}, live: {_share('BPCER', _of(answers, source, LIVE) <= THRESHOLD)}" for source in sources]
    for kind in KINDS:
        each = ", ".join(
            f"{source} {_share('', _of(answers, source, kind) > THRESHOLD)}"
            for source in sources
            if len(_of(answers, source, kind))
        )
        lines.append(f"simulated {kind}: {_share('APCER', _of(answers, None, kind) > THRESHOLD)}; {each}")
    return "\n".join(lines)


def errors(live: NDArray[np.float64], attacks: NDArray[np.float64]) -> str:
    """The error rates at .5 and over all thresholds, from P(live) of live faces and of attacks, in words."""
    missed, refused = float((attacks > THRESHOLD).mean()), float((live <= THRESHOLD).mean())
    area, equal = separation(live, attacks)
    return (
        f"APCER {missed:.4f} (n = {len(attacks)}), BPCER {refused:.4f} (n = {len(live)}), "
        f"ACER {(missed + refused) / 2:.4f}, EER {equal:.4f}, AUC {area:.4f}"
    )


def separation(live: NDArray[np.float64], attacks: NDArray[np.float64]) -> tuple[float, float]:
    """The area under the curve, and the error rate at the threshold where both errors are as equal as they get."""
    truth = np.concatenate([np.ones(len(live)), np.zeros(len(attacks))])
    scores = np.concatenate([live, attacks])
    false, true, _ = roc_curve(truth, scores)
    at = int(np.argmin(np.abs(false - (1 - true))))
    return float(roc_auc_score(truth, scores)), float((false[at] + 1 - true[at]) / 2)


def _of(answers: Sequence[Answer], source: str | None, kind: str) -> NDArray[np.float64]:
    return np.array([each.live for each in answers if source in (None, each.source) and each.kind == kind])


def _share(name: str, wrong: NDArray[np.bool_]) -> str:
    return f"{name} {wrong.mean():.3f} (n = {len(wrong)})".strip()
