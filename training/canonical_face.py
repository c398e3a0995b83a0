"""Derives the canonical face from photographs: the mean of many near-frontal meshes, made symmetric.

Run from the root, with the folder of the models and a folder of photographs that show one face each, named after the
person as ``NAME_0001.jpg``; those of persons of the held-out half (``eval.split``) are passed over::

    python -m training.canonical_face --models MODELS --images IMAGES

Each mesh is brought onto the mean by a similarity of space, and the mean is taken again until it stands still; meshes
turned by more than 10 degrees are left out of a second round. The mirror image of a mesh point is the point on the
other side of the mean face that lies nearest to it, one to one. The mean of the face and its mirror image, its plane
of symmetry turned to x = 0, fixes yaw and roll.

Pitch has no such anchor, and two witnesses to its zero differ. Those who look into a camera, in 971 photographs of
Labeled Faces in the Wild, are measured 5 degrees lower than those who were told to look straight ahead in Pointing'04
(the five persons not held out). The zero lies between them, nearer to the latter: the mean is taken to look down by 3.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from estimators.face import finder, mesh
from estimators.face.pose import angles, placement, rotation
from eval.split import held_out
from models import Model, open_session
from schemas.attributes import Angles

Array = NDArray[np.float64]

_PITCH = 3.0  # degrees, see above
_LEAST_FLAG = 0.9
_MOST_TURN = 10.0  # degrees of yaw and of pitch
_ROUNDS = 6
_EYES = [mesh.LEFT_EYE[0], mesh.RIGHT_EYE[0]]
_MIRROR = np.array([-1.0, 1.0, 1.0])


def meshes(detector: Model, landmarks: Model, paths: Iterable[Path]) -> list[Array]:
    """The mesh, (468, 3), of the largest face of each image that the mesh network is sure of."""
    found = []
    for path in paths:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            continue
        image = np.ascontiguousarray(picture[:, :, ::-1], np.uint8)
        faces = finder.faces(detector, image, 0.5)
        if len(faces.scores):
            largest = int(np.argmax(faces.boxes[:, 2] - faces.boxes[:, 0]))
            square = mesh.square_of_box(faces.boxes[largest], faces.points[largest])
            found += mesh.fit_meshes(landmarks, [image], [square])
    return [fitted.points for fitted in found if fitted.flag >= _LEAST_FLAG]


def canonical_face(shapes: Sequence[Array]) -> Array:
    """The canonical face, (468, 3), of many meshes."""
    first = symmetric(mean_shape(shapes))
    poses = [angles(placement(first, shape).rotation) for shape in shapes]
    frontal = [
        shape
        for shape, pose in zip(shapes, poses, strict=True)
        if abs(pose.yaw) <= _MOST_TURN and abs(pose.pitch) <= _MOST_TURN
    ]
    return normalised(symmetric(mean_shape(frontal)) @ rotation(Angles(yaw=0, roll=0, pitch=_PITCH)).T)


def mean_shape(shapes: Sequence[Array]) -> Array:
    """The mean of shapes (n, 3) after generalised Procrustes alignment."""
    scaled = [normalised(shape) for shape in shapes]
    mean = normalised(np.mean(scaled, axis=0))
    for _ in range(_ROUNDS):
        mean = normalised(np.mean([placement(shape, mean).placed(shape) for shape in scaled], axis=0))
    return mean


def symmetric(shape: Array) -> Array:
    """The shape averaged with its mirror image, its plane of symmetry at x = 0."""
    for _ in range(_ROUNDS):
        distances = cdist(shape, shape * _MIRROR)
        partner = linear_sum_assignment((distances + distances.T) ** 2)[1]
        mirrored = (shape * _MIRROR)[partner]
        shape = (shape + placement(mirrored, shape).placed(mirrored)) / 2
        across = np.linalg.svd(shape - shape[partner])[2][0]
        shape = normalised(shape @ _turn_to_x(across * np.sign(across[0])).T)
    return shape


def normalised(shape: Array) -> Array:
    """The shape with its centre at the origin and its outer eye corners 1 apart."""
    centred: Array = shape - shape.mean(axis=0)
    return centred / float(np.linalg.norm(np.diff(centred[_EYES], axis=0)))


def _turn_to_x(direction: Array) -> Array:
    """The least rotation that takes a unit vector near the x axis onto it."""
    _, y, z = direction
    cross = np.array([[0, -y, -z], [y, 0, 0], [z, 0, 0]])
    turn: Array = np.eye(3) - cross + cross @ cross / (1 + direction[0])
    return turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="folder with the two ONNX files")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph")
    parser.add_argument("--output", type=Path, default=Path("estimators/face/canonical_face.npy"))
    options = parser.parse_args()
    paths = [path for path in sorted(options.images.iterdir()) if not held_out(path.stem.rpartition("_")[0])]
    detector = Model("yunet_n_dynamic", "yunet", open_session(options.models / "yunet_n_dynamic.onnx"))
    landmarks = Model("human_facemesh", "facemesh", open_session(options.models / "human_facemesh.onnx"))
    shapes = meshes(detector, landmarks, paths[:: options.every])
    np.save(options.output, canonical_face(shapes).astype(np.float32))
    print(f"{options.output}: the mean of {len(shapes)} meshes")


if __name__ == "__main__":
    main()
