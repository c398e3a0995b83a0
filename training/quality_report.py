"""Prints the figures of ``docs/quality.md``: how the 29 values are spread, and how they answer to degradations.

    python -m training.quality_report --data FOLDER --model-folder FOLDER

The data folder has ``verification`` (Labeled Faces in the Wild, one photograph of each person), ``age_gender``
(All-Age-Faces), ``photos``, ``eyes`` and ``mask``, each with ``images/``, the last two with ``labels.csv``. The values
are those that a client gets, rounded as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from estimators.face import FaceFitter
from estimators.quality import QualityAssessmentEstimator
from estimators.quality.framing import largest_rotation
from estimators.quality.thresholds import THRESHOLDS
from models import ModelStore
from schemas.attributes import ANGLES, QUALITY, QUALITY_NAMES
from schemas.common import is_flag
from training import inputs
from training.degradations import STEPS, TRIALS, frontal_faces, turned, with_closing_eyes
from training.faces import Face, first_of_each_person, largest_face, largest_faces, open_fitter, open_store

_PERCENTILES = (5, 25, 50, 75, 95)
_TURNS = (0, 15, 30, 45)  # degrees
_BATCH = 16

Quality = Mapping[str, float | bool]


def main() -> None:
    parser = inputs.parser("Measures the quality measures.")
    arguments = parser.parse_args()
    data, store = arguments.data, open_store(arguments.model_folder)
    fitter, estimator = open_fitter(store), _estimator(store, "iris", "expression", "mask", "face-quality")
    without = _estimator(store, "iris", "expression")
    _print_spread("LFW", _qualities(estimator, _faces(fitter, first_of_each_person(data)[::3])))
    _print_spread("All-Age-Faces", _qualities(estimator, _faces(fitter, _images(data / "age_gender")[::8])))
    faces = list(frontal_faces(fitter, data))
    _print_trials(faces)
    _print_closing_eyes(estimator, faces)
    _print_turning(fitter, faces)
    _print_eyes(estimator, fitter, data / "eyes")
    for name, each in (("with", estimator), ("without", without)):
        _print_masks(f"{name} a mask network", each, fitter, data / "mask")


def _estimator(store: ModelStore, *tasks: str) -> QualityAssessmentEstimator:
    return QualityAssessmentEstimator({task: store.open(task) for task in tasks})


def _images(folder: Path) -> list[Path]:
    return sorted((folder / "images").glob("*.jpg"))


def _labels(folder: Path, column: str) -> dict[Path, str]:
    return {folder / row["path"]: row[column] for row in inputs.label_rows(folder)}


def _faces(fitter: FaceFitter, paths: Iterable[Path]) -> list[Face]:
    return [face for _, face in largest_faces(fitter, paths)]


def _qualities(estimator: QualityAssessmentEstimator, faces: Sequence[Face]) -> list[Quality]:
    """The 29 values of each face."""
    return [
        answer[QUALITY]
        for start in range(0, len(faces), _BATCH)
        for answer in estimator.estimate([estimator.view(*face) for face in faces[start : start + _BATCH]])
    ]


def _print_spread(name: str, qualities: Sequence[Quality]) -> None:
    print(f"{name}: {len(qualities)} faces; percentiles {_PERCENTILES} of numbers, share of true verdicts")
    for value in QUALITY_NAMES:
        column = [float(quality[value]) for quality in qualities]
        spread = f"{np.mean(column):.0%}" if is_flag(value) else _line(np.percentile(column, _PERCENTILES))
        print(f"  {value:30}{spread}")


def _print_trials(faces: Sequence[Face]) -> None:
    print(f"degradations of {len(faces)} faces, steps {STEPS}: mean native value, share acceptable")
    for name, trial in TRIALS.items():
        columns = [[trial.degraded(face, step).view() for face in faces] for step in STEPS]
        means = [float(np.mean([trial.measure(view) for view in views])) for views in columns]
        accepted = [float(np.mean([trial.acceptable(view) for view in views])) for views in columns]
        print(f"  {name:15}{_line(means)}   {_percent(accepted)}")


def _print_closing_eyes(estimator: QualityAssessmentEstimator, faces: Sequence[Face]) -> None:
    steps = [
        _qualities(estimator, [face._replace(image=with_closing_eyes(face, step).image) for face in faces])
        for step in STEPS
    ]
    scores = [float(np.mean([_openness(quality) for quality in column])) for column in steps]
    flags = [[quality[f"is_{side}_eye_opened"] for quality in column for side in ("left", "right")] for column in steps]
    print(f"  {'closing eyes':15}{_line(scores)}   {_percent([float(np.mean(column)) for column in flags])}")


def _openness(quality: Quality) -> float:
    return (quality["left_eye_openness_score"] + quality["right_eye_openness_score"]) / 2


def _print_turning(fitter: FaceFitter, faces: Sequence[Face]) -> None:
    """The photograph is turned about the eyes, and everything found again."""
    found = [[largest_face(fitter, turned(face, degrees)) for face in faces] for degrees in _TURNS]
    deviations = [
        np.array([largest_rotation(face.attributes[ANGLES], THRESHOLDS.pitch_offset) for face in column if face])
        for column in found
    ]
    means = [np.abs(column).mean() for column in deviations]
    accepted = [(np.abs(column) <= THRESHOLDS.rotation).mean() for column in deviations]
    print(f"  turned by {_TURNS} degrees: {_line(means)}   {_percent(accepted)}")


def _print_eyes(estimator: QualityAssessmentEstimator, fitter: FaceFitter, folder: Path) -> None:
    labels = _labels(folder, "eyes")
    paths, faces = zip(*largest_faces(fitter, labels), strict=True)
    is_open = np.array([labels[path] == "open" for path in paths])
    scores = np.array([_openness(quality) for quality in _qualities(estimator, faces)])
    right = ((scores >= THRESHOLDS.openness.acceptable) == is_open).mean()
    print(f"eyes: AUC {roc_auc_score(is_open, scores):.3f}, {right:.1%} of {len(paths)} right by the mean of both eyes")


def _print_masks(name: str, estimator: QualityAssessmentEstimator, fitter: FaceFitter, folder: Path) -> None:
    labels = _labels(folder, "mask")
    paths, faces = zip(*largest_faces(fitter, labels), strict=True)
    bare = np.array([labels[path] == "0" for path in paths])
    qualities = _qualities(estimator, faces)
    accepted = np.array([quality["not_masked"] for quality in qualities])
    area = roc_auc_score(bare, [quality["not_masked_score"] for quality in qualities])
    print(
        f"masks, {name}: AUC {area:.3f}, {accepted[bare].mean():.1%} of {bare.sum()} bare faces accepted, "
        f"{(~accepted[~bare]).mean():.1%} of {(~bare).sum()} masked ones refused"
    )


def _line(values: Iterable[float]) -> str:
    return "".join(f"{value:9.3f}" for value in values)


def _percent(values: Iterable[float]) -> str:
    return "".join(f"{value:5.0%}" for value in values)


if __name__ == "__main__":
    main()
