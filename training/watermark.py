"""Trains the logistic regression of ``estimators/quality/watermark.py`` and prints its weights, bias and accuracy.

    python -m training.watermark --data FOLDER --model-folder FOLDER

The data folder has photographs without watermarks, in ``verification`` (Labeled Faces in the Wild, one photograph of
each person), ``age_gender`` (All-Age-Faces), ``photos``, ``liveness`` (the live ones) and ``head_pose``, each in its
``images/``. Over each of them this script draws text of random words, font, size, place, tilt, colour and, in turn,
each of four opacities; the faintest is measured, but not trained on.

The two weights come from a logistic regression on the square roots of the two values of ``strokes``, none of them
negative; clean photographs weigh half as much again as all marked ones together. The bias is then lowered until false
alarms are rare. Accuracy is held out: weights and bias from the photographs with even numbers judge the odd ones, and
the other way round.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from estimators.base import Image
from estimators.quality.watermark import strokes
from schemas.attributes import BOX
from training import inputs
from training.faces import Face, first_of_each_person, largest_faces, open_fitter, open_store

_SEED = 5
_OPACITIES = (0.2, 0.35, 0.6, 0.9)
_FAINTEST_TRAINED = 0.35
_CLEAN_WEIGHT = 1.5  # of all clean photographs, over that of all marked ones
_RIDGE = 1e-3

# False alarms that the bias allows: of Labeled Faces in the Wild, and of all photographs, which are harder, as others
# among them are noisy, lit hard or bearded.
_FALSE_ALARMS = (0.01, 0.04)

_WORDS = ("SAMPLE", "facet", "(c) 2024 Photo", "DRAFT", "stock images", "PREVIEW", "www.photo.com")
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
_COLOURS = ((255, 255, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 30, 30))
_HEIGHTS = (0.07, 0.22)  # of capital letters, over the height of the face box
_TILED = 0.8  # the share of photographs that are covered with lines of text; the others have a single line

Array = NDArray[np.float64]


class Samples(NamedTuple):
    """``values`` (n, 2) are square roots of strokes; ``opacity`` (n,) is 0 for a clean photograph.

    ``photo`` (n,) numbers the photographs; ``press`` (n,) says which are of Labeled Faces in the Wild.
    """

    values: Array
    opacity: Array
    photo: NDArray[np.intp]
    press: NDArray[np.bool_]

    def chosen(self, which: NDArray[np.bool_]) -> "Samples":
        return Samples(self.values[which], self.opacity[which], self.photo[which], self.press[which])


class Fit(NamedTuple):
    """The odds of a watermark are exp(values @ weights + bias)."""

    weights: Array  # (2,)
    bias: float

    def odds(self, samples: Samples) -> Array:
        """The logarithms of the odds, (n,)."""
        logarithms: Array = samples.values @ self.weights + self.bias
        return logarithms


def main() -> None:
    parser = inputs.parser("Trains the watermark measure.")
    arguments = parser.parse_args()
    found = list(largest_faces(open_fitter(open_store(arguments.model_folder)), _paths(arguments.data)))
    samples = marked_and_not([face for _, face in found], ["verification" in path.parts for path, _ in found])
    fit = trained(samples)
    print(f"{len(found)} photographs\n_WEIGHTS = ({fit.weights[0]:.1f}, {fit.weights[1]:.1f})\n_BIAS = {fit.bias:.1f}")
    print(f"held out: {accuracy(samples, held_out_odds(samples))}")
    print(f"in sample: {accuracy(samples, fit.odds(samples))}")


def _paths(data: Path) -> list[Path]:
    def images(task: str, pattern: str, step: int) -> list[Path]:
        return sorted((data / task / "images").glob(pattern))[::step]

    return [
        *first_of_each_person(data)[::4],
        *images("age_gender", "*.jpg", 8),
        *images("photos", "*.jpg", 1),
        *images("liveness", "live*.jpg", 15),
        *images("head_pose", "*.jpg", 24),
    ]


def marked_and_not(faces: Sequence[Face], press: Sequence[bool]) -> Samples:
    """Each face without text and with text of each opacity."""
    random = np.random.default_rng(_SEED)
    rows, origins = [], []
    for number, (face, of_press) in enumerate(zip(faces, press, strict=True)):
        for opacity in (0.0, *_OPACITIES):
            image = with_text(face, opacity, random) if opacity else face.image
            rows.append((*np.sqrt(strokes(face._replace(image=image).view())), opacity))
            origins.append((number, of_press))
    values, (photo, where) = np.array(rows), np.array(origins).T
    return Samples(values[:, :2], values[:, 2], photo, where > 0)


def with_text(face: Face, opacity: float, random: np.random.Generator) -> Image:
    """The photograph with text over it."""
    left, top, right, bottom = np.array(face.attributes[BOX]) * np.tile(face.image.shape[1::-1], 2)
    ink = lettering(face.image.shape[1::-1], ((left + right) / 2, (top + bottom) / 2), bottom - top, random)
    colour = np.array(_COLOURS[random.integers(len(_COLOURS))])
    return np.asarray(np.rint(face.image + (colour - face.image) * (opacity * ink[..., None])), np.uint8)


def lettering(size: Sequence[int], centre: tuple[float, float], unit: float, random: np.random.Generator) -> Array:
    """Where text is, 0..1 of (height, width): all over a photograph of ``size`` (width, height), or near ``centre``.

    All in pixels; ``unit`` is the height of the face box.
    """
    side = 2 * int(np.hypot(size[0], size[1])) + 2  # room to turn and shift
    canvas = np.zeros((side, side), np.uint8)
    word, font = _WORDS[random.integers(len(_WORDS))], _FONTS[random.integers(len(_FONTS))]
    height = unit * random.uniform(*_HEIGHTS)
    (width, capital), _ = cv2.getTextSize(word, font, 1, 1)
    scale = height / capital
    thickness = max(1, round(scale * random.uniform(1.2, 3.0)))
    if random.random() < _TILED:
        lines = np.arange(1.5 * height, side, height * random.uniform(2, 4))
        starts = np.arange(-width * scale * random.random(), side, 1.25 * width * scale)
        tilt = (0, 0, 30, 45, -30)[random.integers(5)]
    else:
        lines = np.array([side / 2 + unit * random.uniform(-0.5, 0.5)])
        starts = np.array([(side - width * scale) / 2])
        tilt = (0, 0, 15, -15)[random.integers(4)]
    for line in lines:
        for start in starts:
            cv2.putText(canvas, word, (int(start), int(line)), font, scale, 255, thickness, cv2.LINE_AA)
    turn = np.asarray(cv2.getRotationMatrix2D((side / 2, side / 2), tilt, 1.0), np.float64)
    turn[:, 2] += np.array(centre) - side / 2
    return np.asarray(cv2.warpAffine(canvas, turn, (size[0], size[1])), np.float64) / 255


def trained(samples: Samples) -> Fit:
    """Weights by logistic regression, rounded to tenths; the bias, in tenths, by the false alarms that it leaves."""
    used = samples.chosen((samples.opacity == 0) | (samples.opacity >= _FAINTEST_TRAINED))
    signs = np.where(used.opacity > 0, 1.0, -1.0)
    shares = np.where(signs > 0, 1 / (signs > 0).sum(), _CLEAN_WEIGHT / (signs < 0).sum()) * 1000

    def loss(parameters: Array) -> float:
        odds = used.values @ parameters[:2] + parameters[2]
        return float((shares * np.logaddexp(0, -signs * odds)).sum() + _RIDGE * (parameters[:2] ** 2).sum())

    found = minimize(loss, np.array([1.0, 1.0, -3.0]), bounds=[(0, None), (0, None), (None, None)])
    weights = np.round(found.x[:2], 1)
    clean = samples.opacity == 0
    scores = samples.values @ weights
    limits = zip((clean & samples.press, clean), _FALSE_ALARMS, strict=True)
    highest = max(float(np.quantile(scores[which], 1 - share, method="higher")) for which, share in limits)
    return Fit(weights, float(np.floor(-10 * highest) / 10))


def held_out_odds(samples: Samples) -> Array:
    """Of each sample, by the fit to the other half of the photographs."""
    odds = np.zeros(len(samples.photo))
    for half in (0, 1):
        judged = samples.photo % 2 == half
        odds[judged] = trained(samples.chosen(~judged)).odds(samples.chosen(judged))
    return odds


def accuracy(samples: Samples, odds: Array) -> str:
    """False alarms, and by opacity the marked photographs found and the area under the curve, in words."""
    clean = samples.opacity == 0
    return "; ".join(
        [
            f"false alarms {_share(odds[clean])} of all, {_share(odds[clean & samples.press])} of LFW",
            *_by_opacity(samples, odds),
        ]
    )


def _by_opacity(samples: Samples, odds: Array) -> Iterable[str]:
    for opacity in _OPACITIES:
        marked, either = samples.opacity == opacity, np.isin(samples.opacity, (0, opacity))
        area = roc_auc_score(marked[either], odds[either])
        yield f"opacity {opacity}: found {_share(odds[marked])}, AUC {area:.3f}"


def _share(odds: Array) -> str:
    return f"{(odds >= 0).mean():.1%}"


if __name__ == "__main__":
    main()
