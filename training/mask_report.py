"""Measures the mask networks on photographs that none of them was trained on, and writes the figures of the card.

    python -m training.mask_report --data FOLDER --model-folder FOLDER [--write]

Facet's own network, ``models/weights/facet_mask.onnx``, and AIZOO's from the model folder see the same faces through
``MaskEstimator``: the largest of each photograph, where a face detector finds one. ``--write`` puts the table into
``models/weights/facet_mask.md``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.mask import MaskEstimator
from models import Model, open_session
from models.store import WEIGHTS
from schemas.attributes import BOX, MASK, Attributes, Box
from training import bare_coverings, inputs
from training.faces import open_store
from training.mask_faces import CENTRAL, Chip, Photograph, chip, detected_faces, half, labelled
from training.synthetic_masks import with_mask

_WEIGHTS = WEIGHTS / "facet_mask.onnx"
_BEGIN, _END = "<!-- figures, written by training/mask_report.py -->\n", "<!-- end of figures -->\n"
_DETECTORS = (("yunet_n_dynamic", 0.3), ("yunet_n_dynamic", 0.5), ("centerface_dyn", 0.5))  # and their thresholds
_SEED = 1

Bools = NDArray[np.bool_]
Array = NDArray[np.float64]

# Sets without masks: whether only the held-out half counts. Nothing was trained on the others.
_BARE = {
    "age_gender": True,
    "verification": True,
    "head_pose": True,
    "emotion": True,
    "eyes": False,
    "liveness": False,
}
_DRAWN: Mapping[str, tuple[bool, Callable[[Chip, np.random.Generator], Image]]] = {
    "masks over the nose": (True, lambda face, random: with_mask(face.image, face.mesh, random)),
    "masks below the nose": (True, lambda face, random: with_mask(face.image, face.mesh, random, "mouth")),
    "masks about the chin": (False, lambda face, random: with_mask(face.image, face.mesh, random, "chin")),
    "hands": (False, lambda face, random: bare_coverings.with_hand(face.image, face.mesh, random)),
    "things held up": (False, lambda face, random: bare_coverings.with_thing(face.image, face.mesh, random)),
    "beards": (False, lambda face, random: bare_coverings.with_beard(face.image, face.mesh, random)),
}


class Line(NamedTuple):
    """One line of the table: what was shown, of how many faces, and by network what was answered."""

    shown: str
    faces: int
    answers: Mapping[str, str]


def main() -> None:
    parser = inputs.parser("Measures the mask networks.")
    parser.add_argument("--weights", type=Path, default=_WEIGHTS)
    parser.add_argument("--write", action="store_true", help="write the table into the model card")
    arguments = parser.parse_args()
    store = open_store(arguments.model_folder)
    models = {name: store.load(store.manifest.models[name]) for name in (*dict(_DETECTORS), "human_facemesh")}
    nodes = {
        "facet_mask": _node(Model("facet_mask", "facet-mask", open_session(arguments.weights))),
        "aizoo_mask_dyn": _node(store.load(store.manifest.models["aizoo_mask_dyn"])),
    }
    lines = []
    for line in chain(
        real_faces(arguments.data, [(models[name], threshold) for name, threshold in _DETECTORS], nodes),
        bare_faces(arguments.data, models[_DETECTORS[0][0]], nodes),
        drawn_faces(arguments.data, models[_DETECTORS[0][0]], models["human_facemesh"], nodes),
    ):
        print(line.shown, line.faces, dict(line.answers), flush=True)
        lines.append(line)
    if arguments.write:
        card = arguments.weights.with_suffix(".md")
        before, rest = card.read_text(encoding="utf-8").split(_BEGIN)
        card.write_text(before + _BEGIN + table(lines, list(nodes)) + _END + rest.split(_END)[1], encoding="utf-8")


def _node(model: Model) -> MaskEstimator:
    return MaskEstimator({"mask": (model,)})


def masked(node: MaskEstimator, faces: Iterable[tuple[Image, Box]]) -> Array:
    """(n,) P(mask) of faces in images."""
    views = (node.view(image, Attributes({BOX: box})) for image, box in faces)
    return np.array([node.estimate([view])[0][MASK].confidence for view in views])


def real_faces(
    data: Path, detectors: Sequence[tuple[Model, float]], nodes: Mapping[str, MaskEstimator]
) -> Iterator[Line]:
    """Accuracy on the held-out half of the set with real masks, by detector and threshold."""
    labels = labelled(data, "mask")
    paths = half(labels, "mask", held=True)
    for detector, threshold in detectors:
        faces = list(detected_faces(detector, paths, threshold))
        truth = np.array([labels[face.path] for face in faces])
        shares = {name: masked(node, _shown(faces)) for name, node in nodes.items()}
        for name, share in shares.items():
            wrong = [face.path.name for face, answer in zip(faces, (share > 0.5) != truth, strict=True) if answer]
            print(f"{name}, {detector.name} at {threshold}: wrong about {', '.join(wrong) or 'none'}")
        yield Line(
            f"real masks and bare faces, {detector.name} at {threshold} ({len(paths) - len(faces)} not found)",
            len(faces),
            {name: accuracy(share > 0.5, truth) for name, share in shares.items()},
        )


def accuracy(answers: Bools, truth: Bools) -> str:
    """The share told right with its standard error, and the shares of bare and masked faces told wrong, in words."""
    right = answers == truth
    share, error = right.mean(), np.sqrt(right.mean() * (1 - right.mean()) / len(right))
    bare, missed = answers[~truth].mean(), (~answers)[truth].mean()
    return f"{share:.4f} ± {error:.4f} right; {bare:.4f} of bare told masked, {missed:.4f} of masked told bare"


def bare_faces(data: Path, detector: Model, nodes: Mapping[str, MaskEstimator]) -> Iterator[Line]:
    """How many of the faces of the sets without masks are told masked."""
    for name, only_held in _BARE.items():
        labels = labelled(data, name)
        paths = half(labels, name, held=True) if only_held else list(labels)
        faces = list(detected_faces(detector, paths))
        answers = {node: f"{(masked(nodes[node], _shown(faces)) > 0.5).mean():.4f}" for node in nodes}
        yield Line(f"{name}, {'held-out half' if only_held else 'all'}, no masks: told masked", len(faces), answers)


def drawn_faces(data: Path, detector: Model, landmarks: Model, nodes: Mapping[str, MaskEstimator]) -> Iterator[Line]:
    """How many of the held-out faces of three sets are told right with something drawn over them."""
    random = np.random.default_rng(_SEED)
    paths = [
        path
        for name, stride in (("mask", 1), ("age_gender", 4), ("verification", 9))
        for path in half((path for path, worn in labelled(data, name).items() if not worn), name, held=True)[::stride]
    ]
    chips = [chip(landmarks, face, False) for face in detected_faces(detector, paths)]
    for name, (worn, drawn) in _DRAWN.items():
        faces = [(drawn(each, random), CENTRAL) for each in chips]
        answers = {node: f"{((masked(nodes[node], faces) > 0.5) == worn).mean():.4f}" for node in nodes}
        yield Line(f"drawn {name}: told {'masked' if worn else 'bare'}", len(faces), answers)


def _shown(faces: Iterable[Photograph]) -> Iterator[tuple[Image, Box]]:
    return ((face.image, face.box) for face in faces)


def table(lines: Sequence[Line], names: Sequence[str]) -> str:
    """The lines as Markdown."""
    rows = [["", "faces", *names], ["---"] * (2 + len(names))]
    rows += [[line.shown, str(line.faces), *(line.answers[name] for name in names)] for line in lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    main()
