"""Trains the logistic regression of ``estimators/quality/mask.py`` and prints its weights, bias and accuracy.

    python -m training.mask_likeness --data FOLDER --model-folder FOLDER

``mask`` in the data folder has ``images/`` and ``labels.csv`` with ``path, mask`` (0 or 1): the photographs of
chandrikadeb7/Face-Mask-Detection, people with real masks and without. Accuracy is held out: in each of five folds the
fit to the other four judges. Two figures are on other photographs: the people of ``verification`` (Labeled Faces in the
Wild) and of ``age_gender`` (All-Age-Faces) wear no masks, so all of them should be accepted.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from estimators.face import FaceFitter
from estimators.quality.mask import likeness
from estimators.quality.thresholds import THRESHOLDS
from training import inputs
from training.faces import first_of_each_person, largest_faces, open_fitter, open_store
from training.mask_faces import labelled

_FOLDS = 5
_SEED = 0

Array = NDArray[np.float64]


def main() -> None:
    parser = inputs.parser("Trains the measure that stands in for a mask network.")
    arguments = parser.parse_args()
    fitter = open_fitter(open_store(arguments.model_folder))
    labels = {path: not masked for path, masked in labelled(arguments.data, "mask").items()}  # whether it is bare
    found = {path: likeness(face.view()) for path, face in largest_faces(fitter, labels)}
    values, bare = np.array(list(found.values())), np.array([labels[path] for path in found])
    weights, bias = trained(values, bare)
    print(f"{len(found)} of {len(labels)} photographs, {bare.sum()} without a mask")
    print(f"_WEIGHTS = np.array([{', '.join(f'{weight:.2f}' for weight in weights)}])\n_BIAS = {bias:.2f}")
    print(f"held out: {accuracy(held_out_odds(values, bare), bare)}")
    others = {
        "LFW": first_of_each_person(arguments.data)[::6],
        "All-Age-Faces": sorted((arguments.data / "age_gender" / "images").glob("*.jpg"))[::8],
    }
    for name, paths in others.items():
        odds = _likenesses(fitter, paths) @ weights + bias
        print(f"{name}: {_accepted(odds).mean():.1%} of {len(odds)} accepted")


def trained(values: Array, bare: NDArray[np.bool_]) -> tuple[Array, float]:
    """Weights (5,) and bias, rounded to hundredths, of a logistic regression with a ridge of 1."""
    fit = LogisticRegression(C=1.0, max_iter=2000).fit(values, bare)
    return np.round(fit.coef_[0], 2), float(np.round(fit.intercept_[0], 2))


def held_out_odds(values: Array, bare: NDArray[np.bool_]) -> Array:
    """The logarithm of the odds of a bare face, each by a fit that has not seen it."""
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED)
    fit = LogisticRegression(C=1.0, max_iter=2000)
    odds: Array = cross_val_predict(fit, values, bare, cv=folds, method="decision_function")
    return odds


def accuracy(odds: Array, bare: NDArray[np.bool_]) -> str:
    """The area under the curve and the shares told right, at even odds and at the threshold in use, in words."""
    even, used = (odds >= 0) == bare, _accepted(odds) == bare
    return (
        f"AUC {roc_auc_score(bare, odds):.3f}, {even.mean():.1%} right at even odds; at the threshold in use "
        f"{used.mean():.1%}: {used[bare].mean():.1%} of bare faces, {used[~bare].mean():.1%} of masked ones"
    )


def _accepted(odds: Array) -> NDArray[np.bool_]:
    scale = THRESHOLDS.bare_colours
    return np.array([scale.accepts(scale.score(each)) for each in odds])


def _likenesses(fitter: FaceFitter, paths: Iterable[Path]) -> Array:
    return np.array([likeness(face.view()) for _, face in largest_faces(fitter, paths)])


if __name__ == "__main__":
    main()
