"""Measures by how much the age network is off, and writes ``estimators/calibration/age.json``.

    python -m training.correct_age --data FOLDER --model-folder FOLDER

``age_gender`` in the data folder has ``images/``, one face each, and ``labels.csv`` with ``path, age, gender``
(All-Age-Faces: mostly Asian faces). ``verification`` has ``images/<person>_<number>.jpg`` (Labeled Faces in the Wild);
``training/public_ages.csv`` tells when some of these people, who are known to the public, were born: from general
knowledge, not looked up one by one. Most of the photographs are of 2002 to 2004, so that the ages are right to a year
or two, which is enough to see a bias.

The network is off by other years in other populations: below 30 it tells All-Age-Faces too young and the people of the
other set too old. Both sets agree only that people between 30 and 70 are told too young, most about 50, so that is
all that is corrected: nothing is added at 30 and 70, and at 50 as much as brings the mean absolute error down most on
the half of All-Age-Faces that is not held out.
"""

import csv
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators import calibration
from estimators.age import AgeEstimator, corrected
from estimators.faceapi import network_input
from eval.split import held_out
from models import Model
from schemas.attributes import BOX, Attributes
from training import inputs
from training.faces import open_store
from training.mask_faces import detected_faces

Array = NDArray[np.float64]

KNOTS = (30.0, 50.0, 70.0)  # years; something is added between the first and the last, most at the middle one
STEPS = np.arange(0, 15.01, 0.1)  # years that are tried there
TAKEN = 2003  # the year of most photographs of the second set
DECADES = range(0, 80, 10)
LEAST = 0.5  # confidence of a face
DRAWS = 4000  # of the bootstrap
BORN = Path(__file__).with_name("public_ages.csv")


class Told(NamedTuple):
    """Of n photographs the paths, how old who is in them was, and what the network tells of the largest face, (n,)."""

    paths: list[Path]
    ages: Array
    glance: Array  # by one look, as it was before
    years: Array  # as the estimator does, before the correction


def main() -> None:
    parser = inputs.parser("Corrects the bias of the age network.", "folder with age_gender/ and verification/")
    parser.add_argument("--output", type=Path, default=Path(calibration.__file__).with_name("age.json"))
    arguments = parser.parse_args()

    store = open_store(arguments.model_folder)
    models, detector = store.open("age-gender"), store.open("face-detection")[0]
    told = _told(models, detector, _labelled(arguments.data / "age_gender"))
    kept = np.array([held_out(path.name) for path in told.paths])
    correction = fitted(told.years[~kept], told.ages[~kept])
    print(f"{models[0].name}: fitted on {(~kept).sum()} images of All-Age-Faces: {correction}")
    before, after = _report(told, kept, correction, "All-Age-Faces, held-out half")
    public = _told(models, detector, _public(arguments.data / "verification" / "images"))
    _report(public, np.full(len(public.ages), True), correction, "people known to the public, nothing fitted to them")
    document = {
        models[0].name: {
            "knots": [list(knot) for knot in correction.items()],
            "provenance": {
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                "data_set": "All-Age-Faces, 800 images; fitted on the half that is not held out",
                "images": int((~kept).sum()),
                "held_out": {
                    "images": int(kept.sum()),
                    "mean_absolute_error_before": round(before, 3),
                    "mean_absolute_error_after": round(after, 3),
                },
            },
        }
    }
    arguments.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def fitted(years: Array, ages: Array) -> dict[float, float]:
    """What to add by the years told, (n,) each: the step at the middle knot that leaves the least absolute error."""
    trials = [dict(zip(KNOTS, (0.0, round(float(step), 1), 0.0), strict=True)) for step in STEPS]
    return min(trials, key=lambda trial: float(abs(corrected(years, trial) - ages).mean()))


def _labelled(folder: Path) -> dict[Path, float]:
    """The age of who is in each photograph."""
    return {folder / row["path"]: float(row["age"]) for row in inputs.label_rows(folder)}


def _public(folder: Path) -> dict[Path, float]:
    """The first photograph of each person whose year of birth is known, and how old that person was."""
    with BORN.open(encoding="utf-8", newline="") as file:
        born = {row["person"]: int(row["born"]) for row in csv.DictReader(file)}
    first: dict[str, Path] = {}
    for path in sorted(folder.glob("*.jpg")):
        first.setdefault(path.stem.rsplit("_", 1)[0], path)
    return {path: float(TAKEN - born[name]) for name, path in first.items() if name in born}


def _told(models: Sequence[Model], detector: Model, ages: Mapping[Path, float]) -> Told:
    """What is told of the photographs that have a face."""
    estimator = AgeEstimator({"age-gender": models})
    seen = [
        (face.path, estimator.view(face.image, Attributes({BOX: face.box})))
        for face in detected_faces(detector, ages, LEAST)
    ]
    paths, views = zip(*seen, strict=True)
    batches = [views[start : start + 32] for start in range(0, len(views), 32)]
    return Told(
        list(paths),
        np.array([ages[path] for path in paths]),
        np.concatenate([models[0].run(network_input(batch))[0][:, 0] for batch in batches]).astype(np.float64),
        np.concatenate([estimator.uncorrected(batch) for batch in batches]),
    )


def _report(told: Told, some: NDArray[np.bool_], correction: Mapping[float, float], name: str) -> tuple[float, float]:
    """Prints errors on some of the photographs before and after the correction; answers with the mean absolute ones."""
    ages, glance = told.ages[some], np.maximum(told.glance[some], 0.0)
    years, after = np.maximum(told.years[some], 0.0), corrected(told.years[some], correction)
    print(f"{name}, {len(ages)} images: by one look mean absolute error {abs(glance - ages).mean():.2f} years, "
          f"bias {(glance - ages).mean():+.2f}")  # fmt: skip
    gain = abs(after - ages) - abs(years - ages)
    draws = np.random.default_rng(0).integers(0, len(gain), (DRAWS, len(gain)))
    low, high = np.percentile(gain[draws].mean(1), (2.5, 97.5))
    print(f"  with the mirror image, then corrected: mean absolute error {abs(years - ages).mean():.2f} -> "
          f"{abs(after - ages).mean():.2f} years ({gain.mean():+.2f}, 95 % interval {low:+.2f} to {high:+.2f}); "
          f"bias {(years - ages).mean():+.2f} -> {(after - ages).mean():+.2f}")  # fmt: skip
    for decade in DECADES:
        old = (ages >= decade) & (ages < decade + 10 if decade < DECADES[-1] else True)
        if old.any():
            print(f"  aged {decade} and more: {old.sum():3d} images, "
                  f"error {abs(years - ages)[old].mean():5.2f} -> {abs(after - ages)[old].mean():5.2f}, "
                  f"bias {(years - ages)[old].mean():+6.2f} -> {(after - ages)[old].mean():+6.2f}")  # fmt: skip
    return float(abs(years - ages).mean()), float(abs(after - ages).mean())


if __name__ == "__main__":
    main()
