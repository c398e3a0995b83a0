"""Measures what the distance of two templates means, and writes ``estimators/calibration/<template>.json``.

    python -m training.calibrate_matcher --data FOLDER/verification --model-folder FOLDER [--template foamliu]
    python -m training.calibrate_matcher … --check --detector centerface_dyn

The data folder has ``images/<person>_<number>.jpg`` (Labeled Faces in the Wild, deep-funneled) and ``labels.csv`` with
``fold, path_a, path_b, same``. Everything a client's photo goes through is in the measurement: the decoder, the
detector, the key points, the alignment and the rounding of the template's elements. Of several faces in an image the
one whose box is nearest to the image's centre counts. All pairs of images are used, except that the accuracy is that of
the labelled pairs: for each fold, with the threshold that is best on the others. Intervals come from drawing the people
again: pairs share images, and images share people.

With ``--check`` nothing is written: the rates at the thresholds of the committed tables are told, for example with
faces from another detector.

Labeled Faces in the Wild is known to have a few images under a wrong name and a few people under two; they stay in.
"""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators import calibration
from estimators.calibration import TABLES, distances, farthest_within, rates, score_knots, threshold
from estimators.face.fitter import FaceFitter
from estimators.template import TemplateExtractor
from eval.bootstrap import RESAMPLES, middle
from eval.figures import fold_accuracy
from eval.groups import resampled
from eval.pairs import EveryPair, Histogram, every_pair, histograms
from eval.split import key
from models import ModelSpec, ModelStore
from models.store import file_digest
from schemas.attributes import BOX, TEMPLATE, Attributes
from schemas.dialect import Picture
from schemas.image import decode as decode_image
from schemas.template import decode as decode_template
from training import inputs

_LINE = 24  # numbers of a histogram in a line of the file

RATES = (1e-3, 1e-4, 1e-5)  # false-accept rates whose thresholds are told with intervals

Image = NDArray[np.uint8]  # (height, width, 3), RGB


class Measurement(NamedTuple):
    """``names`` are the images in which a face was found, ``vectors`` (n, d) float64 their templates' directions."""

    names: Sequence[str]
    vectors: NDArray[np.float64]


def main() -> None:
    parser = inputs.parser("Calibrates verify-matcher.", "folder with images/ and labels.csv")
    parser.add_argument("--template", choices=TABLES, action="append", help="template model, by default all of them")
    parser.add_argument("--detector", help="face detector, by default the first one that is there")
    parser.add_argument("--check", action="store_true", help="tell the rates at the committed thresholds")
    parser.add_argument("--output", type=Path, default=Path(calibration.__file__).parent, help="folder for the tables")
    arguments = parser.parse_args()

    store = ModelStore(cache=arguments.model_folder, mirror=arguments.model_folder)
    fitter = _fitter(store, arguments.detector)
    photos = {path.name: _photo(path) for path in sorted((arguments.data / "images").glob("*.jpg"))}
    faces = dict(_faces(FaceFitter({task: [store.load(spec)] for task, spec in fitter.items()}), photos))
    print(f"{len(photos)} images, a face in {len(faces)}")
    for template in arguments.template or TABLES:
        measurement, version = _measure(template, store, photos, faces)
        found = every_pair(measurement.vectors, [key("verification", name) for name in measurement.names])
        if arguments.check:
            print(f"{template}: {at_committed_thresholds(template, found)}")
            continue
        impostor, genuine = histograms(found)
        provenance = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "data_set": "Labeled Faces in the Wild, deep-funneled",
            "images": len(photos),
            "faces": len(faces),
            "people": len({key("verification", name) for name in faces}),
            "genuine_pairs": int(genuine.sum()),
            "impostor_pairs": int(impostor.sum()),
            "models": dict(_digests(store, [*(spec.name for spec in fitter.values()), _network(template, store)])),
        }
        points = certainty(found)
        text = table(template, version, provenance, (impostor, genuine), points)
        (arguments.output / f"{template}.json").write_text(text, encoding="utf-8")
        print(f"{template}: {_accuracy(measurement, arguments.data)}")
        for point in points:
            print(summary(template, point))


class Point(NamedTuple):
    """What is known of the threshold for a false-accept rate; intervals of 95 %."""

    false_accept_rate: float  # what was asked for
    distance: int
    impostor_pairs: int  # that pass
    false_accept: tuple[float, float]  # the interval of the rate at this distance
    true_accept: float  # the share of genuine pairs that pass
    true_accept_interval: tuple[float, float]  # where each sample of people has its own threshold for the rate


def certainty(found: EveryPair, resamples: int = RESAMPLES, seed: int = 0) -> list[Point]:
    """The thresholds for ``RATES``, with intervals from drawing as many people again as there are."""
    impostor, genuine = histograms(found)
    false_accept, false_reject = rates(impostor, genuine)
    at = [farthest_within(false_accept, rate) for rate in RATES]
    passed, accepted = np.zeros((2, resamples, len(RATES)))
    for row, weights in enumerate(resampled(found.people, resamples, seed)):
        drawn_accept, drawn_reject = rates(*histograms(found, weights))
        passed[row] = drawn_accept[at]
        accepted[row] = 1 - drawn_reject[[farthest_within(drawn_accept, rate) for rate in RATES]]
    return [
        Point(
            rate,
            distance,
            int(impostor[: distance + 1].sum()),
            _rounded(middle(passed[:, index])),
            round(1 - float(false_reject[distance]), 4),
            _rounded(middle(accepted[:, index])),
        )
        for index, (rate, distance) in enumerate(zip(RATES, at, strict=True))
    ]


def _rounded(interval: tuple[float, float]) -> tuple[float, float]:
    """To three digits: more are not to be relied on."""
    low, high = (float(f"{value:.3g}") for value in interval)
    return low, high


def at_committed_thresholds(template: str, found: EveryPair) -> str:
    """In words what the committed thresholds let pass among these pairs."""
    false_accept, false_reject = rates(*histograms(found))
    at = {rate: threshold(template, rate) for rate in RATES}
    told = (
        f"{distance} for {rate:g}: FAR {false_accept[distance]:.2e}, TAR {1 - false_reject[distance]:.4f}"
        for rate, distance in at.items()
    )
    return "; ".join(told)


def table(
    template: str,
    version: int,
    provenance: Mapping[str, Any],
    counts: tuple[Histogram, Histogram],
    points: Sequence[Point],
) -> str:
    """The JSON text that ``estimators/calibration`` describes; ``counts`` of impostors, then of genuine pairs."""
    head = json.dumps(
        {
            "model": template,
            "version": version,
            "provenance": provenance,
            "score": score_knots(rates(*counts)[0]),
            "certainty": [point._asdict() for point in points],
        },
        indent=2,
    )
    head = re.sub(r"\[\s+([\d.e-]+),\s+([\d.e-]+)\s+\]", r"[\1, \2]", head.removesuffix("\n}"))
    bodies = (f'  "{name}": {_run(each)}' for name, each in zip(("impostor", "genuine"), counts, strict=True))
    return ",\n".join([head, *bodies]) + "\n}\n"


def summary(template: str, point: Point) -> str:
    """A threshold as a row of the table in docs/templates.md."""
    far, tar = point.false_accept, point.true_accept_interval
    return (
        f"| `{template}` | {point.distance} | {point.impostor_pairs} | {far[0]:.1e} to {far[1]:.1e} "
        f"| {100 * point.true_accept:.1f} % | {100 * tar[0]:.1f} to {100 * tar[1]:.1f} % |"
    )


def _fitter(store: ModelStore, detector: str | None) -> dict[str, ModelSpec]:
    """The models that find faces and their key points, by task."""
    preferred = {"face-detection": detector}
    return {task: store.resolve(task, preferred.get(task))[0] for task in FaceFitter.tasks}


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


def _accuracy(measurement: Measurement, data: Path) -> str:
    index = {name: number for number, name in enumerate(measurement.names)}
    rows = [(row, Path(row["path_a"]).name, Path(row["path_b"]).name) for row in inputs.label_rows(data)]
    known = [first in index and second in index for _, first, second in rows]
    apart = [
        float(distances(measurement.vectors[index[first]] @ measurement.vectors[index[second]])) if here else np.inf
        for here, (_, first, second) in zip(known, rows, strict=True)
    ]
    across = fold_accuracy([row["fold"] for row, _, _ in rows], [row["same"] == "1" for row, _, _ in rows], apart)
    return f"accuracy {across.mean:.4f} ± {across.deviation:.4f} on {len(rows)} labelled pairs"


if __name__ == "__main__":
    main()
