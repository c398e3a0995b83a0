"""The face fitter: the faces of an image with 21 key points and the pose of the head.

A face is placed by the mesh. Where the mesh network's own face flag is below 0.1, as with faces of a few pixels, under
a large mask or in full profile, the mesh is not believed, and the face keeps its detection. Its key points are then
those of the canonical face, turned and placed to fit the detector's five points, and its pose is that turn.

The limit was chosen on 954 detected faces of four sets, by how far mesh and detector disagree about the five points,
relative to the size of the face. With a flag of 0.1 and above, the median of the disagreement is 4 to 10 % and nine
tenths stay within 22 %; below, depending on the set, the median is 9 to 40 % and a tenth exceeds 11 to 51 %.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from estimators.base import Detector, Image, Models
from estimators.boxes import Detections, fractions
from estimators.face import finder, mesh, pose
from estimators.face.mesh import Mesh
from schemas.attributes import ANGLES, BOX, CONFIDENCE, KEYPOINTS, KIND, Angles, Attributes, Point

# By network, whose scores differ in meaning: where F2 is best, in which a miss weighs more than a false face, of the
# thresholds that training/detection_report.py measures. What comes after the fitter can still leave out a face of
# little confidence, but cannot add one.
THRESHOLDS: Mapping[str, float] = {"yunet": 0.5, "centerface": 0.4}
LEAST_FLAG = 0.1


class FaceFitter(Detector):
    """Finds the faces of an image; the confidence is the detection network's own score.

    By default those above the threshold of the network: 0.5 for YuNet, 0.4 for CenterFace.
    """

    name = "face-detector-face-fitter"
    subject = "face"
    provides = frozenset({KIND, BOX, CONFIDENCE, KEYPOINTS, ANGLES})
    tasks = ("face-detection", "face-landmarks")

    def __init__(self, models: Models) -> None:
        self._detector = models["face-detection"][0]
        self._landmarks = models["face-landmarks"][0]

    def detect(self, images: Sequence[Image], threshold: float | None = None) -> list[list[Attributes]]:
        least = THRESHOLDS[self._detector.architecture] if threshold is None else threshold
        found = [finder.faces(self._detector, image, least) for image in images]
        squares = [mesh.square_of_box(*face) for faces in found for face in zip(faces.boxes, faces.points, strict=True)]
        owners = [image for image, faces in zip(images, found, strict=True) for _ in faces.scores]
        meshes = iter(mesh.fit_meshes(self._landmarks, owners, squares))
        return [
            [_face(image, faces, index, next(meshes)) for index in range(len(faces.scores))]
            for image, faces in zip(images, found, strict=True)
        ]


def _face(image: Image, faces: Detections, index: int, fitted: Mesh) -> Attributes:
    points, angles = _from_mesh(fitted) if fitted.flag >= LEAST_FLAG else _from_five(faces.points[index])
    return Attributes(
        {
            KIND: "face",
            CONFIDENCE: float(faces.scores[index]),
            BOX: fractions(faces.boxes[index], image),
            KEYPOINTS: _keypoints(points, image),
            ANGLES: angles,
        }
    )


def _from_mesh(fitted: Mesh) -> tuple[NDArray[np.float64], Angles]:
    """The 21 points, counted from the image's top-left corner, and the pose."""
    return mesh.keypoints(fitted.points)[:, :2] + 0.5, pose.mesh_angles(fitted.points)


def _from_five(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], Angles]:
    """The same from the (5, 2) points of the detector."""
    face = pose.canonical_face()
    place = pose.flat_placement(mesh.five_points(face), points)
    return place.placed(mesh.keypoints(face))[:, :2], pose.angles(place.rotation)


def _keypoints(points: NDArray[np.float64], image: Image) -> tuple[Point, ...]:
    """Fractions of the image, at float32: such a number times a side in pixels, and divided by it, is itself again."""
    shares = (points / image.shape[1::-1]).astype(np.float32)
    return tuple(Point(float(x), float(y)) for x, y in shares)
