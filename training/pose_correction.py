"""Chooses by how much ``estimators/face/pose.py`` enlarges the yaw and the pitch that a mesh shows.

    python -m training.pose_correction --data FOLDER --model-folder FOLDER

Only the persons of Pointing'04 who are not held out are looked at, and only faces whose mesh is believed. Each angle
has one number, tried in steps of one half: the one with the least mean error within a yaw of 60 degrees, as beyond it
a mesh is half guessed. The persons, told to look at the same marks, hold their heads almost 20 degrees of pitch apart:
to choose by how much pitch grows, each one's zero is taken to be his own, else the one who looks down most would
decide. For each person in turn it is also told what the numbers chosen without him do for him.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from estimators.face import finder, mesh
from estimators.face.fitter import LEAST_FLAG
from estimators.face.pose import corrected, measured_angles
from models import ModelStore
from schemas.attributes import Angles
from training import inputs
from training.faces import open_store, photograph
from training.heads import Head, heads

_THRESHOLD = 0.3
_STEPS = np.arange(0, 30.5, 0.5)
_MODERATE = 60.0  # degrees of yaw


class Measured(NamedTuple):
    """A head, and its pose as the mesh shows it."""

    head: Head
    angles: Angles

    @property
    def person(self) -> str:
        return self.head.person

    @property
    def is_moderate(self) -> bool:
        return abs(self.head.yaw) <= _MODERATE


def measure(store: ModelStore, labelled: Iterable[Head]) -> list[Measured]:
    """The heads whose widest face has a mesh that is believed."""
    detector, landmarks = store.open("face-detection")[0], store.open("face-landmarks")[0]
    found = []
    for head in labelled:
        image = photograph(head.path)
        faces = finder.faces(detector, image, _THRESHOLD)
        if len(faces.scores):
            widest = int(np.argmax(faces.boxes[:, 2] - faces.boxes[:, 0]))
            square = mesh.square_of_box(faces.boxes[widest], faces.points[widest])
            (fitted,) = mesh.fit_meshes(landmarks, [image], [square])
            if fitted.flag >= LEAST_FLAG:
                found.append(Measured(head, measured_angles(fitted.points)))
    return found


def yaw_error(rows: Iterable[Measured], gain: float) -> float:
    return float(np.mean([abs(corrected(row.angles, yaw_gain=gain).yaw - row.head.yaw) for row in rows]))


def pitch_error(rows: Iterable[Measured], gain: float) -> float:
    return float(np.mean([abs(corrected(row.angles, pitch_gain=gain).pitch - row.head.pitch) for row in rows]))


def yaw_gain(rows: list[Measured]) -> float:
    moderate = [row for row in rows if row.is_moderate]
    return _best(lambda gain: yaw_error(moderate, gain))


def pitch_gain(rows: list[Measured]) -> float:
    moderate = [row for row in rows if row.is_moderate]
    return _best(lambda gain: own_zero_error(moderate, gain))


def own_zero_error(rows: Iterable[Measured], gain: float) -> float:
    """The mean error of pitch where each person's zero is his own: the median of his errors is taken from them."""
    errors: dict[str, list[float]] = {}
    for row in rows:
        pitch = corrected(row.angles, pitch_gain=gain).pitch
        errors.setdefault(row.person, []).append(pitch - row.head.pitch)
    return float(np.mean([abs(error - float(np.median(own))) for own in errors.values() for error in own]))


def _best(cost: Callable[[float], float]) -> float:
    return float(_STEPS[int(np.argmin([cost(float(gain)) for gain in _STEPS]))])


def main() -> None:
    parser = inputs.parser("Chooses the numbers that correct yaw and pitch.", "folder with head_pose/")
    arguments = parser.parse_args()
    labelled = [head for head in heads(arguments.data) if not head.is_held_out]
    rows = measure(open_store(arguments.model_folder), labelled)
    _print("all", yaw_gain(rows), pitch_gain(rows), rows, f"{len(rows)} of {len(labelled)} photographs")
    for person in sorted({row.person for row in rows}):
        rest, own = [row for row in rows if row.person != person], [row for row in rows if row.person == person]
        _print(f"without person {person}", yaw_gain(rest), pitch_gain(rest), own, "what that does for him")


def _print(name: str, yaw: float, pitch: float, rows: list[Measured], of: str) -> None:
    moderate = [row for row in rows if row.is_moderate]
    print(
        f"{name}: yaw gain {yaw:.1f}, pitch gain {pitch:.1f}; {of}: within a yaw of 60, "
        f"yaw {yaw_error(moderate, 0):.2f} -> {yaw_error(moderate, yaw):.2f}, "
        f"pitch {pitch_error(moderate, 0):.2f} -> {pitch_error(moderate, pitch):.2f}; all, "
        f"yaw {yaw_error(rows, 0):.2f} -> {yaw_error(rows, yaw):.2f}, "
        f"pitch {pitch_error(rows, 0):.2f} -> {pitch_error(rows, pitch):.2f}"
    )


if __name__ == "__main__":
    main()
