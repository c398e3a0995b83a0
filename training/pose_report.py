"""Prints how far the pose of the face fitter is off, on heads turned by known angles: the figures of docs/keypoints.md.

    python -m training.pose_report --data FOLDER --model-folder FOLDER

``head_pose`` in the data folder has ``images/`` of Pointing'04, one face each, and ``labels.csv`` with ``path, pitch,
yaw`` in degrees: positive yaw turns the nose towards the image's left edge, positive pitch looks up. The correction of
the pose was chosen on the half of the persons that is not held out.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from schemas.attributes import ANGLES
from training import inputs
from training.faces import largest_faces, open_fitter, open_store
from training.heads import heads

Array = NDArray[np.float64]  # (n, 5): labelled yaw and pitch, measured yaw and pitch, in degrees; 1 where held out

_RANGES: dict[str, Callable[[Array], NDArray[np.bool_]]] = {
    "yaw within 15": lambda rows: np.abs(rows[:, 0]) <= 15,
    "yaw within 30": lambda rows: np.abs(rows[:, 0]) <= 30,
    "yaw within 60": lambda rows: np.abs(rows[:, 0]) <= 60,
    "yaw beyond 60": lambda rows: np.abs(rows[:, 0]) > 60,
    "all": lambda rows: np.abs(rows[:, 0]) <= 90,
}


def main() -> None:
    parser = inputs.parser("Measures the pose of heads.", "folder with head_pose/")
    arguments = parser.parse_args()
    labelled = {head.path: head for head in heads(arguments.data)}
    fitter = open_fitter(open_store(arguments.model_folder))
    found = [(labelled[path], face.attributes[ANGLES]) for path, face in largest_faces(fitter, labelled)]
    rows = np.array([(head.yaw, head.pitch, told.yaw, told.pitch, head.is_held_out) for head, told in found])
    print(f"a face in {len(rows)} of {len(labelled)} photographs")
    for name, chosen in _RANGES.items():
        within = rows[chosen(rows)]
        _print_errors(f"{name}, persons fitted to", within[within[:, 4] == 0])
        _print_errors(f"{name}, persons held out", within[within[:, 4] == 1])
        _print_errors(f"{name}, all persons", within)
    _print_means("yaw, of heads with pitch within 15", rows[np.abs(rows[:, 1]) <= 15], 0)
    _print_means("pitch, of heads with yaw within 30", rows[np.abs(rows[:, 0]) <= 30], 1)
    _print_means("pitch, of heads with yaw within 60", rows[np.abs(rows[:, 0]) <= 60], 1)


def _print_errors(name: str, rows: Array) -> None:
    yaw, pitch = np.abs(rows[:, 2:4] - rows[:, :2]).mean(0)
    print(f"{name}: mean absolute error of yaw {yaw:.2f}, of pitch {pitch:.2f}, {len(rows)} photographs")


def _print_means(name: str, rows: Array, axis: int) -> None:
    """What is measured for each labelled angle, and the slope of the line through all of them."""
    slope = np.polyfit(rows[:, axis], rows[:, 2 + axis], 1)[0]
    print(f"{name}: slope {slope:.2f}")
    for angle in np.unique(rows[:, axis]):
        measured = rows[rows[:, axis] == angle, 2 + axis]
        print(
            f"  {angle:4.0f} is measured as {measured.mean():6.1f}, standard deviation {measured.std():4.1f}, "
            f"mean absolute error {np.abs(measured - angle).mean():4.1f}"
        )


if __name__ == "__main__":
    main()
