"""Prints the middles and widths of ``estimators/quality/thresholds.py`` that data set, and how they do held out.

    python -m training.quality_thresholds --data FOLDER --model-folder FOLDER

Each threshold is a boundary between two kinds of photographs of the training half, by logistic regression on the native
value with both kinds counting alike; the width is what the odds take to grow by a factor of e. Where a vendor's
threshold in points is kept, the middle is shifted so that the boundary scores just that. The two kinds are

* **harm** (sharpness, flare, noise, watermark, and for comparison illumination, dynamic range and eye distance):
  photographs degraded so that their distance from another photograph of the same person grew by at least the shift that
  doubles the false non-match rate of press photographs at a false-accept rate of 1e-3, against those degraded less or
  not at all;
* **half way**, where even the strongest degradation does less harm than that to most (illumination, and background,
  which recognition does not see): photographs degraded half way or further against undegraded ones;
* **labels** (openness: the ``eyes`` set; masks: the ``mask`` set);
* for rotation, photographs of ``head_pose`` whose mean distance from the person's frontal ones exceeds that of the
  frontal ones among each other by at least the same shift, against the others.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from estimators.face import FaceFitter
from estimators.iris import eye_crops, openness
from estimators.mask import MaskEstimator
from estimators.quality.assessment import bare_odds
from estimators.quality.background import background_gradient
from estimators.quality.mask import bare_face_odds
from estimators.quality.thresholds import THRESHOLDS
from eval.genuine import Pair, person
from eval.split import held_out
from models import Model
from schemas.attributes import KEYPOINTS, MASK
from training import inputs
from training.degradations import STEPS, before_clutter, frontal_faces
from training.faces import largest_faces, open_fitter, open_store
from training.quality_samples import (
    FALSE_ACCEPTS,
    Course,
    Looker,
    Sample,
    accepted_distance,
    apart,
    courses,
    listed_pairs,
    open_looker,
    samples,
)
from training.quality_weights import together

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_HARM = ("sharpness", "flare", "noise", "watermark", "illumination", "dynamic_range", "eyes_distance")
_HALF_WAY = 0.5
_FRONTAL = 15.0  # degrees of yaw and pitch, by label


class Kinds(NamedTuple):
    """Native values, which of them are good, and which are of the held-out half; (n,) each."""

    values: Array
    good: Flags
    held: Flags


def main() -> None:
    parser = inputs.parser("Sets the thresholds of the quality measures from data.")
    arguments = parser.parse_args()
    data, store = arguments.data, open_store(arguments.model_folder)
    _print_recognition(open_looker(arguments.model_folder), data)
    fitter = open_fitter(store)
    _print_background(fitter, data)
    _print_eyes(fitter, store.open("iris")[0], data / "eyes")
    _print_masks(fitter, MaskEstimator({"mask": store.open("mask")}), data / "mask")


def _print_recognition(looker: Looker, data: Path) -> None:
    listed = listed_pairs(data)
    found, ran = samples(looker, data, listed), list(courses(looker, data, listed))
    shift = doubling_shift(listed, found)
    print(f"a shift of {shift:.0f} doubles the false non-match rate of press photographs at {FALSE_ACCEPTS:g}")
    for part in _HARM:
        print_boundary(f"{part}, harm", harmed(part, ran, shift), _acceptable(part))
    print_boundary("illumination, half way", half_way(ran), _acceptable("illumination"))
    print_boundary("rotation, harm", turned(found, labels(data / "head_pose", "yaw", "pitch"), shift), 0.5)


def _print_background(fitter: FaceFitter, data: Path) -> None:
    faces = list(frontal_faces(fitter, data))
    values = np.array([[background_gradient(before_clutter(face, step).view()) for step in STEPS] for face in faces])
    odd = np.arange(len(faces)) % 2 == 1
    print_boundary("background, half way", _by_step(values, odd), _acceptable("background"))


def _print_eyes(fitter: FaceFitter, iris: Model, folder: Path) -> None:
    names = labels(folder, "eyes")
    faces = dict(largest_faces(fitter, names))
    values = openness(iris, [eye_crops(face.image, face.attributes[KEYPOINTS]) for face in faces.values()])
    is_open = np.array([names[path] == ("open",) for path in faces])
    kinds = Kinds(values.ravel(), np.repeat(is_open, 2), np.repeat(_held(faces), 2))
    print_boundary("openness, labels", kinds, _acceptable("openness"))


def _print_masks(fitter: FaceFitter, network: MaskEstimator, folder: Path) -> None:
    names = labels(folder, "mask")
    faces = dict(largest_faces(fitter, names))
    bare, held = np.array([names[path] == ("0",) for path in faces]), _held(faces)
    colours = np.array([bare_face_odds(face.view()) for face in faces.values()])
    print_boundary("masks by colours, labels", Kinds(colours, bare, held), _acceptable("bare_colours"))
    answers = network.estimate([network.view(*face) for face in faces.values()])
    odds = np.array([bare_odds(answer[MASK].confidence) for answer in answers])
    print_boundary("masks by network, labels", Kinds(odds, bare, held), _acceptable("not_masked"))


def doubling_shift(listed: Sequence[Pair], found: Mapping[tuple[str, str], Sample]) -> float:
    """By how much distances must grow for twice as many press photographs of the training half not to be recognised."""
    press = [pair for pair in listed if pair.task == "verification" and not held_out(pair.person)]
    known = together(press, found)
    limit = accepted_distance(known.pairs[0][0])
    missed = int((known.distances > limit).sum())
    return float(limit - np.sort(known.distances)[-2 * missed])


def harmed(part: str, ran: Sequence[Course], shift: float) -> Kinds:
    """Photographs along the courses of a defect; those that it did no harm to are good."""
    rows = []
    for course in ran:
        before, held = apart(course.clean, course.other), held_out(course.pair.person)
        rows.append((course.clean.parts[part], True, held))
        rows += [(step.parts[part], apart(step, course.other) - before < shift, held) for step in course.steps[part]]
    return _kinds(rows)


def half_way(ran: Sequence[Course]) -> Kinds:
    """The same for illumination; good are the undegraded, those less than half way are left out."""
    levels = [[course.clean, *course.steps["illumination"]] for course in ran]
    values = np.array([[sample.parts["illumination"] for sample in row] for row in levels])
    return _by_step(values, np.array([held_out(course.pair.person) for course in ran]))


def _by_step(values: Array, held: Flags) -> Kinds:
    """Of (n, steps) native values the undegraded and those at least half way."""
    used = [index for index, step in enumerate(STEPS) if step == 0 or step >= _HALF_WAY]
    good = np.tile([STEPS[index] == 0 for index in used], len(values))
    return Kinds(values[:, used].ravel(), good, np.repeat(held, len(used)))


def turned(found: Mapping[tuple[str, str], Sample], poses: Mapping[Path, Sequence[str]], shift: float) -> Kinds:
    """Heads by their largest measured rotation, degrees; those near enough to the person's frontal ones are good."""
    angles = {f"images/{path.name}": np.abs(np.array(pose, float)).max() for path, pose in poses.items()}
    people = defaultdict(list)
    for (task, name), sample in found.items():
        who = person(task, name)
        if task == "head_pose" and who is not None:
            people[who].append((angles[name] <= _FRONTAL, sample))
    rows = []
    for who, shown in people.items():
        frontal = [sample for level, sample in shown if level]
        if len(frontal) < 2:
            continue
        usual = np.mean([apart(one, other) for one in frontal for other in frontal if one is not other])
        for _, sample in shown:
            distance = np.mean([apart(sample, other) for other in frontal if other is not sample])
            rows.append((abs(sample.rotation), bool(distance - usual < shift), held_out(who)))
    return _kinds(rows)


def boundary(kinds: Kinds) -> tuple[float, float]:
    """Where a value of the training half is as likely good as bad, and the width, negative where more is worse."""
    values, good = kinds.values[~kinds.held], kinds.good[~kinds.held]
    middle, spread = float(values.mean()), float(values.std())
    fit = LogisticRegression(class_weight="balanced", max_iter=2000).fit((values - middle)[:, None] / spread, good)
    slope, bias = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    return middle - spread * bias / slope, spread / slope


def print_boundary(name: str, kinds: Kinds, acceptable: float) -> None:
    where, width = boundary(kinds)
    middle = where + width * math.log((1 - acceptable) / acceptable)
    accepted = (kinds.values - where) / width >= 0
    print(
        f"{name}: boundary {where:.4g}, Scale({middle:.3g}, {width:.3g}, {acceptable:.2f}); "
        f"{np.mean(~kinds.good):.0%} of {len(kinds.good)} bad; held out, "
        f"{_share(accepted[kinds.held & kinds.good])} of good ones accepted, "
        f"{_share(~accepted[kinds.held & ~kinds.good])} of bad ones refused"
    )


def labels(folder: Path, *columns: str) -> dict[Path, tuple[str, ...]]:
    """By photograph what the columns of ``labels.csv`` say."""
    return {folder / row["path"]: tuple(row[column] for column in columns) for row in inputs.label_rows(folder)}


def _acceptable(name: str) -> float:
    scale = getattr(THRESHOLDS, name, None)
    return float(getattr(scale, "acceptable", 0.5))


def _held(paths: Mapping[Path, object]) -> Flags:
    return np.array([held_out(path.name) for path in paths])


def _kinds(rows: Sequence[tuple[float, bool, bool]]) -> Kinds:
    values, good, held = zip(*rows, strict=True)
    return Kinds(np.array(values, np.float64), np.array(good), np.array(held))


def _share(flags: Flags) -> str:
    return f"{flags.mean():.1%}" if flags.size else "none"


if __name__ == "__main__":
    main()
