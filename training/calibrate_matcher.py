"""Measures what the distance of two templates means, and writes ``estimators/calibration/<template>.json``.

    python -m training.calibrate_matcher --data FOLDER/verification --model-folder FOLDER [--template foamliu]

The data folder has ``images/<person>_<number>.jpg`` (Labeled Faces in the Wild, deep-funneled) and ``labels.csv`` with
``fold, path_a, path_b, same``. Everything a client's photo goes through is in the measurement: the decoder, the
detector, the key points, the alignment and the rounding of the template's elements. Of several faces in an image the
one whose box is nearest to the image's centre counts. All pairs of images are used, except that the accuracy is that of
the labelled pairs: for each fold, with the threshold that is best on the others.

Labeled Faces in the Wild is known to have a few images under a wrong name and a few people under two; they stay in.
"""

import argparse
import csv
import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators import calibration
from estimators.calibration import FARTHEST, TABLES, distances, rates, score_knots
from estimators.face.fitter import FaceFitter
from estimators.template import TemplateExtractor
from models import ModelStore
from models.store import file_digest
from schemas.attributes import BOX, TEMPLATE, Attributes
from schemas.dialect import Picture
from schemas.image import decode as decode_image
from schemas.template import decode as decode_template

_FITTER_TASKS = ("face-detection", "face-landmarks")
_LINE = 24  # numbers of a histogram in a line of the file

Image = NDArray[np.uint8]  # (height, width, 3), RGB
Histogram = NDArray[np.int64]  # (10001,) numbers of pairs by distance


class Measurement(NamedTuple):
    """``names`` are the images in which a face was found, ``vectors`` (n, d) float64 their templates' directions."""

    names: Sequence[str]
    vectors: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description="Calibrates verify-matcher.")
    parser.add_argument("--data", type=Path, required=True, help="folder with images/ and labels.csv")
    parser.add_argument("--model-folder", type=Path, required=True, help="folder with the .onnx files")
    parser.add_argument("--template", choices=TABLES, action="append", help="template model, by default all of them")
    parser.add_argument("--output", type=Path, default=Path(calibration.__file__).parent, help="folder for the tables")
    arguments = parser.parse_args()

    store = ModelStore(cache=arguments.model_folder, mirror=arguments.model_folder)
    photos = {path.name: _photo(path) for path in sorted((arguments.data / "images").glob("*.jpg"))}
    faces = dict(_faces(FaceFitter({task: store.open(task) for task in _FITTER_TASKS}), photos))
    print(f"{len(photos)} images, a face in {len(faces)}")
    for template in arguments.template or TABLES:
        measurement, version = _measure(template, store, photos, faces)
        impostor, genuine = histograms(measurement)
        provenance = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "data_set": "Labeled Faces in the Wild, deep-funneled",
            "images": len(photos),
            "faces": len(faces),
            "people": len({person(name) for name in faces}),
            "genuine_pairs": int(genuine.sum()),
            "impostor_pairs": int(impostor.sum()),
            "models": dict(_digests(store, _names(template, store))),
        }
        text = table(template, version, provenance, impostor, genuine)
        (arguments.output / f"{template}.json").write_text(text, encoding="utf-8")
        print(f"{template}: {summary(impostor, genuine)}; {_accuracy(measurement, arguments.data / 'labels.csv')}")


def person(name: str) -> str:
    """The person an image shows, from its file name: ``Jane_Doe_0001.jpg`` shows ``Jane_Doe``."""
    return re.sub(r"_\d{4}\.jpg$", "", name)


def histograms(measurement: Measurement) -> tuple[Histogram, Histogram]:
    """By distance the number of impostor and of genuine pairs, among all pairs of the images."""
    people = np.array([person(name) for name in measurement.names])
    first, second = np.triu_indices(len(people), 1)
    apart = distances((measurement.vectors @ measurement.vectors.T)[first, second])
    same = people[first] == people[second]
    return np.bincount(apart[~same], minlength=FARTHEST + 1), np.bincount(apart[same], minlength=FARTHEST + 1)


def table(template: str, version: int, provenance: Mapping[str, Any], impostor: Histogram, genuine: Histogram) -> str:
    """The JSON text that ``estimators/calibration`` describes."""
    head = json.dumps(
        {
            "model": template,
            "version": version,
            "provenance": provenance,
            "score": score_knots(rates(impostor, genuine)[0]),
        },
        indent=2,
    )
    head = re.sub(r"\[\s+(\d+),\s+([\d.]+)\s+\]", r"[\1, \2]", head.removesuffix("\n}"))
    bodies = (f'  "{name}": {_run(counts)}' for name, counts in (("impostor", impostor), ("genuine", genuine)))
    return ",\n".join([head, *bodies]) + "\n}\n"


def summary(impostor: Histogram, genuine: Histogram) -> str:
    """The true-accept rates at some false-accept rates, in words."""
    false_accept, false_reject = rates(impostor, genuine)
    knots = dict(zip((1e-4, 1e-3, 1e-2), score_knots(false_accept)[1:], strict=False))
    return ", ".join(f"TAR {1 - false_reject[at]:.4f} at FAR {rate:g} ({at})" for rate, (at, _) in knots.items())


def fold_accuracies(
    similarity: NDArray[np.float64], same: NDArray[np.bool_], fold: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The share of pairs judged rightly in each fold, with the threshold that is best on the other folds."""
    accuracies = []
    for held_out in np.unique(fold):
        test = fold == held_out
        candidates = np.sort(similarity[~test])
        candidates = (candidates[1:] + candidates[:-1]) / 2
        right = [np.mean((similarity[~test] > threshold) == same[~test]) for threshold in candidates]
        accuracies.append(np.mean((similarity[test] > candidates[np.argmax(right)]) == same[test]))
    return np.array(accuracies)


def _photo(path: Path) -> Image:
    return decode_image(Picture(path.read_bytes()))


def _faces(fitter: FaceFitter, photos: Mapping[str, Image]) -> Iterator[tuple[str, Attributes]]:
    for name, photo in photos.items():
        found = fitter.detect([photo])[0]
        if found:
            yield name, min(found, key=_from_centre)
        else:
            print(f"no face in {name}")


def _from_centre(face: Attributes) -> float:
    left, top, right, bottom = face[BOX]
    return float(np.hypot((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5))


def _measure(
    template: str, store: ModelStore, photos: Mapping[str, Image], faces: Mapping[str, Attributes]
) -> tuple[Measurement, int]:
    extractor = TemplateExtractor({"template": store.open("template", preferred=_network(template, store))})
    blobs = [
        found[TEMPLATE]
        for name, face in faces.items()
        for found in extractor.estimate([extractor.view(photos[name], face)])
    ]
    decoded = [decode_template(blob) for blob in blobs]
    vectors = np.stack([each.vector for each in decoded]).astype(np.float64)
    return Measurement(list(faces), vectors), decoded[0].version


def _network(template: str, store: ModelStore) -> str:
    """The model in the manifest that makes a kind of templates."""
    choices = store.manifest.choices("template")
    return next(spec.name for choice in choices for spec in choice if spec.architecture == template)


def _names(template: str, store: ModelStore) -> list[str]:
    fitter = [spec.name for task in _FITTER_TASKS for spec in store.resolve(task)]
    return [*fitter, _network(template, store)]


def _digests(store: ModelStore, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield name, file_digest(store.path(store.manifest.models[name]))


def _run(counts: Histogram) -> str:
    """A histogram from its first to its last pair, as JSON."""
    filled = np.flatnonzero(counts)
    first, last = int(filled[0]), int(filled[-1])
    numbers = [str(count) for count in counts[first : last + 1]]
    lines = (",".join(numbers[start : start + _LINE]) for start in range(0, len(numbers), _LINE))
    return f'{{"first": {first}, "counts": [\n' + ",\n".join(lines) + "\n]}"


def _accuracy(measurement: Measurement, labels: Path) -> str:
    index = {name: number for number, name in enumerate(measurement.names)}
    with labels.open(encoding="utf-8", newline="") as file:
        rows = [(row, Path(row["path_a"]).name, Path(row["path_b"]).name) for row in csv.DictReader(file)]
    usable = [(row, index[first], index[second]) for row, first, second in rows if first in index and second in index]
    similarity = np.array([measurement.vectors[first] @ measurement.vectors[second] for _, first, second in usable])
    same = np.array([row["same"] == "1" for row, _, _ in usable])
    accuracies = fold_accuracies(similarity, same, np.array([int(row["fold"]) for row, _, _ in usable]))
    return f"accuracy {accuracies.mean():.4f} ± {accuracies.std():.4f} on {len(usable)} of {len(rows)} labelled pairs"


if __name__ == "__main__":
    main()
