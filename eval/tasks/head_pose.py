"""How far the angles of heads are off."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.client import Json
from eval.figures import mean_absolute_error, overlap
from eval.plots import Bars
from eval.split import held_out, key
from eval.task import Measured, Task
from eval.tasks import base

_FOLDER = "head_pose"
_THRESHOLD = 0.3  # of the detector, which is less sure of profiles
_OVERLAP = 0.2  # with the labelled box, of the face that is meant
_STEEPEST = 60.0  # degrees of pitch: beyond, only the crown is seen


class Label(msgspec.Struct, frozen=True):
    path: str
    pitch: float
    yaw: float
    xmin: float
    ymin: float
    xmax: float
    ymax: float


class Seen(NamedTuple):
    person: str
    yaw: float
    pitch: float
    pose: Json | None  # none where no face is found

    @property
    def half(self) -> bool:
        return held_out(self.person)


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Label) -> Seen:
        width, height = bench.size(_FOLDER, label.path)
        box = (label.xmin / width, label.ymin / height, label.xmax / width, label.ymax / height)
        faces = bench.faces(_FOLDER, label.path, _THRESHOLD)
        best = max(faces, key=lambda face: overlap(box, face["bbox"]), default=None)
        pose = best["pose"] if best and overlap(box, best["bbox"]) > _OVERLAP else None
        return Seen(key(_FOLDER, label.path), label.yaw, label.pitch, pose)

    labels = [label for label in bench.labels(_FOLDER, Label) if abs(label.pitch) <= _STEEPEST]
    return bench.answers("head pose", labels, seen, lambda label: label.path)


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    def errors(some: Sequence[Seen]) -> list[Figure]:
        figures = []
        for name, limit, marks in (("|yaw| <= 60", 60, (6.8, 11.8)), ("all", 90, (14.6, 13.3))):
            part = [one for one in some if one.pose is not None and abs(one.yaw) <= limit]
            people = [one.person for one in part]
            for angle, mark in zip(("yaw", "pitch"), marks, strict=True):
                columns = [getattr(one, angle) for one in part], [one.pose[angle] for one in part if one.pose]
                title = f"mean absolute error of {angle}, degrees, {name}"
                figures.append(bootstrap.figure(title, mean_absolute_error, *columns, clusters=people, yardstick=mark))
        return figures

    kept = [one for one in seen if one.half and one.pose is not None] or [one for one in seen if one.pose is not None]
    plots = [
        _by_angle("yaw", kept, lambda one: one.yaw),
        _by_angle("pitch", [one for one in kept if abs(one.yaw) <= 60], lambda one: one.pitch),
    ]
    return Measured([*base.in_halves(seen, errors), base.missed([one.pose for one in seen])], plots)


def _by_angle(angle: str, seen: Sequence[Seen], label: Callable[[Seen], float]) -> Bars:
    steps = sorted({label(one) for one in seen})
    off = [
        np.array([one.pose[angle] - step for one in seen if one.pose is not None and label(one) == step])
        for step in steps
    ]
    series = {
        "mean absolute error": [float(np.abs(part).mean()) for part in off],
        "bias": [float(part.mean()) for part in off],
    }
    title = f"Error by labelled {angle}, held-out people"
    return Bars(angle, title, "degrees", [f"{step:g}" for step in steps], series)


TASK = Task(
    name="head_pose",
    title="Head pose",
    folder=_FOLDER,
    services=("face-detector-face-fitter",),
    models=("face-landmarks", "face-detection"),
    ask=_ask,
    measure=_measure,
    about="""\
Fifteen people who turned their heads to marks on a wall (Pointing'04), in steps of 15 degrees; the labels are where
they were told to look, and people do so to within some degrees only. Halves are of different people. Beyond 60 degrees
of yaw half the face is hidden, and its pose is little more than a guess.""",
)
