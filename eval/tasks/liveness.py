"""How often live people are told from attacks, in the measures of ISO/IEC 30107-3."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.figures import equal_error_rate, expected_calibration_error, reliability
from eval.plots import Curves, Line
from eval.split import held_out
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "liveness"


class Label(msgspec.Struct, frozen=True):
    path: str
    label: Literal["live", "spoof"]
    subject: str


class Answer(NamedTuple):
    real: bool
    confidence: float  # that it is live


class Seen(NamedTuple):
    live: bool
    subject: str
    answer: Answer | None  # none where no face is found

    @property
    def half(self) -> bool:
        return held_out(self.subject)


class Judged(NamedTuple):
    live: bool
    real: bool
    confidence: float
    subject: str


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        image = bench.image(_FOLDER, label.path)
        face = base.largest(bench.client.objects("face-detector-liveness-estimator", image))
        told = face["liveness"] if face else None
        answer = Answer(told["value"] == "real", float(told["confidence"])) if told else None
        return Seen(label.label == "live", label.subject, answer)

    return bench.answers("liveness", bench.labels(_FOLDER, Label), seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def figures(some: Sequence[Seen]) -> list[Figure]:
        judged = _judged(some)
        lives, confidences = [one.live for one in judged], [one.confidence for one in judged]
        rates = [
            bootstrap.share(name, [one.real != one.live for one in part], [one.subject for one in part], mark)
            for name, part, mark in (
                ("attacks accepted (APCER)", [one for one in judged if not one.live], 0.0),
                ("live people refused (BPCER)", [one for one in judged if one.live], 0.005),
            )
            if part
        ]
        if len(rates) < 2:
            return rates
        subjects = [one.subject for one in judged]
        reals = [one.real for one in judged]
        return [
            *rates,
            bootstrap.figure("mean of both (ACER)", _mean_error, lives, reals, clusters=subjects),
            bootstrap.figure(
                "equal error rate", equal_error_rate, lives, confidences, clusters=subjects, yardstick=0.0036
            ),
            bootstrap.figure(
                "expected calibration error", expected_calibration_error, lives, confidences, clusters=subjects
            ),
        ]

    kept = _judged([one for one in seen if one.half]) or _judged(seen)
    lives, confidences = [one.live for one in kept], [one.confidence for one in kept]
    plots: list[Curves] = [base.reliability_diagram("Confidence that a face is live", reliability(lives, confidences))]
    if len(set(lives)) == 2:
        accepted, found, _ = roc_curve(lives, confidences, drop_intermediate=False)
        least = 1 / len(lives)  # what is less cannot be seen
        line = Line("held-out subjects", np.maximum(accepted, least), np.maximum(1 - found, least))
        title = "Liveness: both errors, over thresholds"
        plots.append(Curves("det", title, "attacks accepted", "live people refused", [line], "xy"))
    return Measured([*base.in_halves(seen, figures), base.missed([one.answer for one in seen])], plots)


def _judged(some: Sequence[Seen]) -> list[Judged]:
    return [Judged(one.live, *one.answer, one.subject) for one in some if one.answer is not None]


def _mean_error(live: NDArray[np.bool_], real: NDArray[np.bool_]) -> float:
    if live.all() or not live.any():
        raise ValueError("both kinds are needed")
    return float(np.mean(real[~live]) + np.mean(~real[live])) / 2


TASK = Task(
    name="liveness",
    title="Liveness",
    folder=_FOLDER,
    services=("face-detector-liveness-estimator", "liveness-estimator"),
    models=("liveness", "face-detection"),
    ask=_ask,
    measure=_measure,
    about="""\
Live people and photographs of them, printed and held before the same webcam (NUAA); halves are of different people, and
intervals come from drawing people again, of whom there are few. Nothing else is measured: no screen, no video, no mask,
no other camera, no outdoor light. A figure of 0 here is no promise against somebody who tries.""",
)
