"""Measures what the confidences of masks, liveness, gender and emotions are worth, and scales them.

    python -m training.calibrate_confidence --data FOLDER --model-folder FOLDER

Writes ``estimators/calibration/confidence.json``: for every network that is at hand the ``slopes`` of an
``estimators.confidence.Scaling``. They are fitted on the half of the labelled images that is not held out, and
measured on the other half. Networks that are not at hand keep the numbers they had. The data folder has, with
``images/`` and ``labels.csv`` each:

==============  ============================  ===================================
``mask``        path, mask (0 or 1)           Face-Mask-Detection (chandrikadeb7)
``liveness``    path, label (live), subject   NUAA
``age_gender``  path, age, gender             All-Age-Faces
``emotion``     path, emotion                 FER2013, crops of faces
==============  ============================  ===================================

A yes or no gets a slope for either side of one half, by the method of Platt (1999), whose smoothed targets keep the
confidence from saturating where the classes are nearly separable. It gets no offset, which would move the verdict: on
NUAA, whose attacks the networks hardly miss, it would accept as live what they give 0.08. Emotions get one slope for
each network and no offsets either: these would teach how often each emotion occurs in FER2013, where fear is as common
as a smile; with them, a third of the neutral faces of Labeled Faces in the Wild got another name.

The calibration error is that of ten groups of answers of equal size: of yes or no P(yes) against the share of yes, of
emotions all seven confidences of each face against how often the face is labelled so, and once more the highest alone.
Beside it stands what a perfectly calibrated network would get on as many answers by chance, and at most in 19 of 20
draws.
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from estimators import calibration
from estimators.confidence import LEAST, Scaling
from eval.figures import expected_calibration_error
from models import Model, ModelStore, choice_name
from schemas.attributes import BOX, Attributes
from training import inputs
from training.faces import open_store
from training.questions import QUESTIONS, Question, labelled, likely

Array = NDArray[np.float64]

_SLOPES = (0.02, 20.0)  # least and most
_TINY = 1e-300  # keeps the logarithm of what rounds to 0 finite
_DRAWS = 200  # of labels for what chance alone gives


class Answers(NamedTuple):
    """What networks tell of n faces: each (n,) P(yes) or (n, k) probabilities, and what is so, (n,)."""

    likely: tuple[Array, ...]
    truth: NDArray[np.int64]
    held: NDArray[np.bool_]

    def half(self, held: bool) -> "Answers":
        some = self.held == held
        return Answers(tuple(each[some] for each in self.likely), self.truth[some], self.held[some])

    @property
    def by_class(self) -> bool:
        return self.likely[0].ndim > 1

    def scaled(self, scaling: Scaling) -> Array:
        return scaling.classes(*self.likely) if self.by_class else scaling.yes(self.likely[0])


def main() -> None:
    parser = inputs.parser(
        "Calibrates the confidences of yes-or-no answers and emotions.",
        "folder with mask/, liveness/, age_gender/, emotion/",
    )
    parser.add_argument("--output", type=Path, default=Path(calibration.__file__).with_name("confidence.json"))
    arguments = parser.parse_args()

    store = open_store(arguments.model_folder)
    entries = json.loads(arguments.output.read_text(encoding="utf-8")) if arguments.output.exists() else {}
    for question in QUESTIONS:
        choices = [
            tuple(store.load(spec) for spec in choice)
            for choice in store.manifest.choices(question.task)
            if all(store.has(spec) for spec in choice)
        ]
        for models, answers in zip(choices, asked(question, choices, store, arguments.data), strict=True):
            scaling = fitted(answers.half(False))
            entries[choice_name(models)] = _entry(question, answers, scaling)
            _tell(question, models, entries[choice_name(models)])
    arguments.output.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n", encoding="utf-8")


def asked(question: Question, choices: Sequence[tuple[Model, ...]], store: ModelStore, data: Path) -> list[Answers]:
    """What each choice of models answers."""
    estimators = [question.estimator({question.task: models}) for models in choices]
    views: list[list[Any]] = [[] for _ in choices]
    seen = []
    for row, image, box in labelled(question, store, data):
        seen.append(row)
        for kept, estimator in zip(views, estimators, strict=True):
            kept.append(estimator.view(image, Attributes({BOX: box})))
    truth = np.array([question.truth(row) for row in seen], np.int64)
    held = np.array([question.is_held(row) for row in seen])
    return [Answers(likely(estimator, kept), truth, held) for estimator, kept in zip(estimators, views, strict=True)]


def fitted(answers: Answers) -> Scaling:
    """The scaling under which the answers are likeliest."""
    return _fitted_classes(answers) if answers.by_class else _fitted_yes(answers)


def _fitted_yes(answers: Answers) -> Scaling:
    """A slope on either side, with Platt's targets for the two classes, slightly less sure than 0 and 1."""
    yes = answers.truth == 1
    targets = np.where(yes, (yes.sum() + 1) / (yes.sum() + 2), 1 / ((~yes).sum() + 2))

    def loss(slopes: Array) -> float:
        share = Scaling(tuple(slopes)).yes(answers.likely[0])
        return float(-(targets * np.log(share + _TINY) + (1 - targets) * np.log(1 - share + _TINY)).mean())

    return _lowest(loss, 2)


def _fitted_classes(answers: Answers) -> Scaling:
    """An inverse temperature for each network."""

    def loss(slopes: Array) -> float:
        shares = Scaling(tuple(slopes)).classes(*answers.likely)
        return float(-np.log(shares[np.arange(len(shares)), answers.truth]).mean())

    return _lowest(loss, len(answers.likely))


def _lowest(loss: Callable[[Array], float], count: int) -> Scaling:
    """The ``count`` slopes, to four digits, where the loss is least."""
    found = minimize(loss, np.ones(count), method="L-BFGS-B", bounds=[_SLOPES] * count).x
    return Scaling(tuple(np.round(found, 4).tolist()))


def _entry(question: Question, answers: Answers, scaling: Scaling) -> dict[str, Any]:
    measured = answers.half(True)
    before, after = (_figures(measured, each) for each in (Scaling(), scaling))
    return {
        "kind": "classes" if answers.by_class else "yes or no",
        "slopes": list(scaling.slopes),
        "provenance": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "data_set": question.data_set,
            "fitted_on": int((~answers.held).sum()),
            "measured_on": int(answers.held.sum()),
            "before": before,
            "after": after,
        },
    }


def _figures(answers: Answers, scaling: Scaling) -> dict[str, float]:
    """Accuracy, log loss and calibration errors, and the calibration errors that chance alone gives."""
    shares, truth = answers.scaled(scaling), answers.truth
    classes = shares if answers.by_class else np.stack([1 - shares, shares], 1)
    of_truth = np.maximum(classes[np.arange(len(truth)), truth], LEAST)
    told = classes.argmax(1)
    figures = {"accuracy": float((told == truth).mean()), "log_loss": float(-np.log(of_truth).mean())}
    # A draw: what would be so of each face if all confidences were right.
    random = np.random.default_rng(0)
    draws = [(random.random(len(truth))[:, None] > classes.cumsum(1)[:, :-1]).sum(1) for _ in range(_DRAWS)]
    for name, error in _ERRORS[answers.by_class].items():
        figures[name] = error(classes, truth)
        chance = [error(classes, drawn) for drawn in draws]
        figures[f"{name}_by_chance"] = float(np.mean(chance))
        figures[f"{name}_by_chance_at_most"] = float(np.quantile(chance, 0.95))
    return {name: round(value, 4) for name, value in figures.items()}


def _of_yes(classes: Array, truth: NDArray[np.int64]) -> float:
    return expected_calibration_error(truth == 1, classes[:, 1])


def _of_all(classes: Array, truth: NDArray[np.int64]) -> float:
    return expected_calibration_error(np.eye(classes.shape[1])[truth].ravel(), classes.ravel())


def _of_highest(classes: Array, truth: NDArray[np.int64]) -> float:
    return expected_calibration_error(classes.argmax(1) == truth, classes.max(1))


_ERRORS = {
    False: {"calibration_error": _of_yes},
    True: {"calibration_error": _of_all, "calibration_error_of_highest": _of_highest},
}


def _tell(question: Question, models: Sequence[Model], entry: Mapping[str, Any]) -> None:
    provenance = entry["provenance"]
    print(f"{choice_name(models)} on {question.data_set}: slopes {entry['slopes']}, "
          f"fitted on {provenance['fitted_on']} images, measured on {provenance['measured_on']}")  # fmt: skip
    for name, before in provenance["before"].items():
        print(f"  {name:40s} {before:.4f} -> {provenance['after'][name]:.4f}")


if __name__ == "__main__":
    main()
