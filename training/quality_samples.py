"""What the scripts about the total score look at: photographs of people who are known, as they are and degraded.

The data folder has ``verification`` (Labeled Faces in the Wild), ``head_pose`` (Pointing'04) and ``liveness`` (NUAA),
each with ``images/``. The list of genuine pairs is that of ``eval.genuine``; templates are those of the default
network, key points those of the face fitter, as in the product. Of several faces in an image the largest counts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.calibration import distances, threshold
from estimators.quality import QualityAssessmentEstimator
from estimators.quality.assessment import natives, total_parts
from estimators.quality.framing import largest_rotation
from estimators.quality.thresholds import THRESHOLDS
from estimators.template import TemplateExtractor
from eval.genuine import Pair, genuine_pairs, photographs
from eval.split import held_out
from models import ModelStore
from schemas.attributes import ANGLES, TEMPLATE
from schemas.template import decode
from training.degradations import HARMS, STEPS
from training.faces import Face, largest_face, open_fitter, open_store, photograph

SETS = ("verification", "head_pose", "liveness")
FALSE_ACCEPTS = 1e-3  # the rate at which the threshold of distance is read from the matcher's calibration

_COURSES = {"verification": 30, "head_pose": 15, "liveness": 9}  # degraded photographs of a set and half, at most
_FRONTAL = 25.0  # degrees of yaw of photographs that are degraded, at most

Array = NDArray[np.float64]


class Sample(NamedTuple):
    """One face: what the total score is made of, its largest rotation in degrees, and its template's direction."""

    parts: Mapping[str, float]
    rotation: float
    vector: Array  # (d,), of length 1
    identity: tuple[str, int]  # model and version of the template


class Course(NamedTuple):
    """A photograph and ever more degraded copies of it, and another photograph of the same person."""

    pair: Pair
    clean: Sample
    other: Sample
    steps: Mapping[str, Sequence[Sample]]  # by part the copies, from weak to strong


class Looker:
    """Finds faces and takes everything of them that is needed here."""

    def __init__(self, store: ModelStore) -> None:
        self._fitter = open_fitter(store)
        tasks = ("iris", "expression", "mask", "face-quality")
        self._quality = QualityAssessmentEstimator({task: store.open(task) for task in tasks})
        self._extractor = TemplateExtractor({"template": store.open("template")})

    def face(self, path: Path) -> Face | None:
        return largest_face(self._fitter, photograph(path))

    def sample(self, face: Face) -> Sample:
        view = self._quality.view(*face)
        answers = self._quality.answers([view])[0]
        template = decode(self._extractor.estimate([self._extractor.view(*face)])[0][TEMPLATE])
        return Sample(
            total_parts(view.face, natives(view.face), answers),
            largest_rotation(face.attributes[ANGLES], THRESHOLDS.pitch_offset),
            template.vector.astype(np.float64),
            (template.model, template.version),
        )


def open_looker(folder: Path) -> Looker:
    """One that uses the models in a folder of .onnx files."""
    return Looker(open_store(folder))


def listed_pairs(data: Path) -> list[Pair]:
    """The genuine pairs of the sets in the data folder."""
    return genuine_pairs(
        {task: [f"images/{path.name}" for path in (data / task / "images").iterdir()] for task in SETS}
    )


def samples(looker: Looker, data: Path, pairs: Sequence[Pair]) -> dict[tuple[str, str], Sample]:
    """By set and name the photographs of the pairs in which a face was found."""
    found = ((place, looker.face(data.joinpath(*place))) for place in photographs(pairs))
    return {place: looker.sample(face) for place, face in found if face is not None}


def courses(looker: Looker, data: Path, pairs: Iterable[Pair]) -> Iterator[Course]:
    """Degraded photographs: of each person the first pair whose faces look at the camera, as many as are allowed."""
    taken: Counter[tuple[str, bool]] = Counter()
    seen = set()
    for pair in pairs:
        kind = (pair.task, held_out(pair.person))
        if pair[:2] in seen or taken[kind] >= _COURSES[pair.task]:
            continue
        faces = [looker.face(data / pair.task / name) for name in (pair.first, pair.second)]
        frontal = [face for face in faces if face is not None and abs(face.attributes[ANGLES].yaw) <= _FRONTAL]
        if len(frontal) == 2:
            seen.add(pair[:2])
            taken[kind] += 1
            yield _course(looker, pair, *frontal)


def _course(looker: Looker, pair: Pair, face: Face, other: Face) -> Course:
    steps = {part: [looker.sample(degraded(face, step)) for step in STEPS if step] for part, degraded in HARMS.items()}
    return Course(pair, looker.sample(face), looker.sample(other), steps)


def apart(first: Sample, second: Sample) -> float:
    """The distance of two templates, as ``verify-matcher`` tells it."""
    return float(distances(np.array(first.vector @ second.vector)))


def accepted_distance(sample: Sample) -> int:
    """The largest distance at which at most one in a thousand impostor pairs is accepted, of the committed table."""
    return threshold(sample.identity[0], FALSE_ACCEPTS)
