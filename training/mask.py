"""Trains the mask network, Facet's own, and writes it as ``models/weights/facet_mask.onnx``.

    python -m training.mask --data FOLDER --model-folder FOLDER [--folds 3]

The data folder has one folder of photographs a task: ``mask`` (chandrikadeb7/Face-Mask-Detection, with ``labels.csv``),
``age_gender`` (All-Age-Faces), ``emotion`` (FER2013), ``head_pose`` (Pointing'04) and ``verification`` (Labeled Faces
in the Wild), the last four without masks. Only the half that ``eval.split`` does not hold out is read, and from that
half of ``mask`` no photograph that looks like a held-out one. With ``--folds`` nothing is written: networks trained on
all but one of so many parts of ``mask`` say how good they are at that part. The figures are
``training/mask_report.py``'s. PyTorch (2.13, its CPU build) is needed here only.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from estimators.geometry import square_crop
from estimators.mask import NETWORKS
from models import Model
from models.store import WEIGHTS
from training import inputs
from training.faces import open_store
from training.mask_faces import CENTRAL, Chip, Photograph, chip, copies, detected_faces, half, labelled
from training.mask_network import MaskNetwork, export, odds, trained
from training.mask_samples import pools, sample

_OUTPUT = WEIGHTS / "facet_mask.onnx"
_SEED = 0
_STEPS, _BATCH = 4500, 32
_DRAWN = 1500  # chips of the kinds that are drawn, each
_OTHERS = ("age_gender", "emotion", "head_pose", "verification")

SCALE, SIZE, _ = NETWORKS["facet-mask"]


def main() -> None:
    parser = inputs.parser("Trains the mask network.")
    parser.add_argument("--folds", type=int, default=0, help="cross-validate in so many parts instead of writing")
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    store = open_store(arguments.model_folder)
    detector, landmarks = store.open("face-detection")[0], store.open("face-landmarks")[0]
    real = training_half(arguments.data, detector, landmarks)
    others = [
        chip(landmarks, face, False)
        for name in _OTHERS
        for face in detected_faces(detector, half(labelled(arguments.data, name), name, held=False))
    ]
    print(f"{sum(each.masked for each in real)} masked and {sum(not each.masked for each in real)} bare faces of the")
    print(f"set with masks, {len(others)} bare faces of other sets", flush=True)
    if arguments.folds:
        cross_validate(real, others, arguments.folds)
    else:
        arguments.output.parent.mkdir(exist_ok=True)
        export(fit(real, others), arguments.output, SIZE)
        print(f"{arguments.output}: {arguments.output.stat().st_size / 2**20:.2f} MiB")


def training_half(data: Path, detector: Model, landmarks: Model) -> list[Chip]:
    """The faces of the set with masks that may be learned from."""
    labels = labelled(data, "mask")
    faces, held = (list(detected_faces(detector, half(labels, "mask", held))) for held in (False, True))
    alike = {face.path for masked in (True, False) for face, _ in copies(*_labelled(labels, masked, faces, held))}
    print(f"{len(alike)} of {len(faces)} photographs look like held-out ones and are left out")
    return [chip(landmarks, face, labels[face.path]) for face in faces if face.path not in alike]


def _labelled(labels: dict[Path, bool], masked: bool, *groups: Sequence[Photograph]) -> list[list[Photograph]]:
    """Of each group those with the given label."""
    return [[face for face in group if labels[face.path] == masked] for group in groups]


def fit(real: Sequence[Chip], others: Sequence[Chip]) -> MaskNetwork:
    """A network trained on these faces; the same faces in the same order give the same network."""
    random = np.random.default_rng(_SEED)
    kinds = pools(real, others, _DRAWN, random)
    for kind in kinds:
        print(f"{kind.share:3} of 100: {kind.name}, {len(kind.chips)} chips, {'masked' if kind.masked else 'bare'}")
    return trained(
        lambda count: sample(kinds, count, SCALE, SIZE, random),
        _STEPS,
        _BATCH,
        _SEED,
        lambda line: print(line, flush=True),
    )


def cross_validate(real: Sequence[Chip], others: Sequence[Chip], folds: int) -> None:
    """Prints how many faces of each part a network tells right that has seen the others."""
    parts = np.random.default_rng(_SEED).permutation(len(real)) % folds
    right: list[bool] = []
    for part in range(folds):
        network = fit([face for face, of in zip(real, parts, strict=True) if of != part], others)
        tested = [face for face, of in zip(real, parts, strict=True) if of == part]
        masked = odds(network, [square_crop(face.image, CENTRAL, SCALE, SIZE) for face in tested])
        right += [bool((share > 0.5) == face.masked) for share, face in zip(masked, tested, strict=True)]
        print(f"part {part + 1} of {folds}: {np.mean(right[-len(tested) :]):.3f} of {len(tested)} right", flush=True)
    print(f"cross-validated: {np.mean(right):.4f} of {len(right)} right")


if __name__ == "__main__":
    main()
