"""How far key points lie from points that people placed."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from eval.bench import Bench
from eval.bootstrap import Bootstrap
from eval.client import Json
from eval.figures import overlap
from eval.plots import Curves, Line
from eval.task import Measured, Task

_FOLDER = "face_boxes"
_OVERLAP = 0.3  # with the labelled box, of the face that is meant
_FAILURE = 0.1  # of the distance of the outer eye corners: what is commonly called a failure

# The points of the 68-point scheme (Sagonas et al. 2013, "300 Faces in-the-Wild Challenge") whose mean is meant by
# each of ours; it has none for the ears.
SAME: Mapping[str, Sequence[int]] = {
    "left_eye_brow_left": (17,),
    "left_eye_brow_up": (19,),
    "left_eye_brow_right": (21,),
    "right_eye_brow_left": (22,),
    "right_eye_brow_up": (24,),
    "right_eye_brow_right": (26,),
    "left_eye_left": (36,),
    "left_eye": range(36, 42),
    "left_eye_right": (39,),
    "right_eye_left": (42,),
    "right_eye": range(42, 48),
    "right_eye_right": (45,),
    "nose_left": (31,),
    "nose": (30,),
    "nose_right": (35,),
    "mouth_left": (48,),
    "mouth": (62, 66),
    "mouth_right": (54,),
    "chin": (8,),
}
_EYE_CORNERS = (36, 45)

_BOX = ("xmin", "ymin", "xmax", "ymax")
_COORDINATES = tuple(f"{axis}{index}" for index in range(68) for axis in "xy")
Label: Any = msgspec.defstruct(
    "Label", [("path", str), *((name, float) for name in (*_BOX, *_COORDINATES))], frozen=True
)


class Seen(NamedTuple):
    path: str
    truth: NDArray[np.float64]  # (68, 2) pixels
    found: NDArray[np.float64] | None  # (19, 2) pixels, in the order of SAME; none where the face is not found


def _ask(bench: Bench) -> list[Seen]:
    def seen(label: Any) -> Seen:
        path = f"images/{PurePosixPath(label.path).name}"
        width, height = bench.size(_FOLDER, path)
        box = (label.xmin / width, label.ymin / height, label.xmax / width, label.ymax / height)
        best = max(bench.faces(_FOLDER, path), key=lambda face: overlap(box, face["bbox"]), default=None)
        truth = np.array([getattr(label, name) for name in _COORDINATES]).reshape(68, 2)
        if best is None or overlap(box, best["bbox"]) < _OVERLAP:
            return Seen(path, truth, None)
        return Seen(path, truth, _points(best) * (width, height))

    return bench.answers("key points", bench.labels(_FOLDER, Label, "landmarks68.csv"), seen, lambda label: label.path)


def _points(face: Json) -> NDArray[np.float64]:
    return np.array([face["keypoints"][name]["proj"] for name in SAME], np.float64)


def errors(truth: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
    """(19,) distances of (19, 2) points found from (68, 2) labelled ones, over that of the outer eye corners."""
    # Labels name pixels, whose centres lie half a pixel from the coordinates of the interface.
    meant = np.array([truth[list(indices)].mean(axis=0) for indices in SAME.values()]) + 0.5
    apart = float(np.linalg.norm(np.subtract(*truth[list(_EYE_CORNERS)])))
    off: NDArray[np.float64] = np.linalg.norm(found - meant, axis=1) / apart
    return off


def _measure(seen: Sequence[Seen], bootstrap: Bootstrap) -> Measured:
    found = [(one.path, errors(one.truth, one.found)) for one in seen if one.found is not None]
    images = [path for path, _ in found]
    means = [float(off.mean()) for _, off in found]
    figures = [
        bootstrap.figure("normalised mean error", np.mean, means, clusters=images),
        bootstrap.share("faces with more than 0.1", [mean > _FAILURE for mean in means], clusters=images),
        bootstrap.share("faces not found", [one.found is None for one in seen], [one.path for one in seen]),
    ]
    line = Line(f"{len(means)} faces", np.sort(means), np.arange(1, len(means) + 1) / len(means))
    curve = Curves("errors", "Error of key points", "normalised mean error", "share of faces within", [line])
    return Measured(figures, [curve])


TASK = Task(
    name="key_points",
    title="Key points",
    folder=_FOLDER,
    services=("face-detector-face-fitter",),
    models=("face-landmarks", "face-detection"),
    ask=_ask,
    measure=_measure,
    about="""\
Group photographs of dlib's examples with 68 points on each face, of which 19 mean what ours mean; distances are shares
of that between the outer eye corners. Few faces, many of them small. Parts of the error are what the points mean: the
mesh draws eyebrows along their upper edge and the chin at its lowest point, the labels do not always.""",
)
