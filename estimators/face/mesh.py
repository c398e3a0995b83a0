"""The face mesh: 468 points in three dimensions, and the 21 key points among them.

The network is MediaPipe's face mesh (Kartynnik et al. 2019, "Real-time Facial Surface Geometry from Monocular Video on
Mobile GPUs"). It looks at a square about the face, turned so that the face is upright. The square that suits it is 1.35
times the longer side of the mesh itself, its eyes level: so that a second look can be taken round the points of the
first. The first square is already put where that second one is expected: of 1,496 faces, it is 0.83 times as large as
the square of 1.5 face boxes that the network's authors begin with, and lies 3 % of that lower, both in the median. The
second look is spared where the square of the first look's points is much as expected. How much was decided by half of
Pointing'04, where the errors of yaw and pitch add up to no more with these limits than with two looks at each face.
``docs/cost.md`` has the figures of the other half.

How the first square is turned matters in profile, where the line between the eyes is short and points anywhere: turned
by the eyes alone, the roll of Pointing'04's upright heads beyond a yaw of 60 is measured with a standard deviation of
29 degrees, turned by eyes and mouth together of 11 (51 pictures of 5 persons). A square of 1.5 times the mesh, as the
authors have it, tells yaw within 60 degrees worse by 0.2 to 0.4 degrees than one of 1.2 to 1.35 (those five persons);
the nearest to how the network was trained was taken. The points agree with the detector's as well as at 1.5. Of masked
faces more are refused, 21 of 186 instead of 14, and the worst tenth of the disagreement begins at 12.8 % of the face's
size instead of 14.1.

The 21 points of ``KEYPOINT_NAMES`` and the mesh points whose mean they are. Left is the image's left; MediaPipe's own
names call it the person's right.

====================  ================================  ====================  =================================
left_eye_brow_left    70, outer end, upper edge         right_eye_brow_left   336, inner end, upper edge
left_eye_brow_up      105, arch, upper edge             right_eye_brow_up     334, arch, upper edge
left_eye_brow_right   107, inner end, upper edge        right_eye_brow_right  300, outer end, upper edge
left_eye_left         33, outer corner                  right_eye_left        362, inner corner
left_eye              the 16 points of the contour      right_eye             the 16 points of the contour
left_eye_right        133, inner corner                 right_eye_right       263, outer corner
left_ear_bottom       132, edge of the jaw at the ear   right_ear_bottom      361, edge of the jaw at the ear
nose_left             129, wing                         nose_right            358, wing
nose                  1 and 4, tip                      chin                  152, lowest point
mouth_left            61, corner                        mouth_right           291, corner
mouth                 13 and 14, middle of the lips
====================  ================================  ====================  =================================

Which of two mirrored points lies on the image's left was seen on real faces; a test repeats it. The tip of the nose is
the mean of two points because the detectors put theirs there: on 600 faces, index 1 lies 5 % of the distance of the
eyes too low and index 4 as much too high.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Image
from estimators.geometry import Matrix, warped
from models import Model
from schemas.attributes import KEYPOINT_NAMES

Array = NDArray[np.float64]

SIDE = 192  # pixels of the network's crop
_ZOOM_OUT = 1.245  # the first crop's side over the face's longer side, see above
_LOWER = 0.0465  # of the face's longer side, by which the first crop lies lower than the box
_ZOOM_AGAIN = 1.35  # a further crop's side over that of the mesh

# A mesh is good as it is where the next square would be like the last one: about 0.95 times as large, which is where
# squares settle; in the same place, by fractions of the side; and turned alike, in degrees.
_SETTLED = 0.95
_SIZE_LIMIT, _PLACE_LIMIT, _TURN_LIMIT = 0.15, 0.03, 6.5
_SURE = 0.5  # the network's flag below which a second look is taken in any case
_CHUNK = 16  # crops shown to the network together: 7 MB
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)

KEYPOINT_INDICES: Mapping[str, tuple[int, ...]] = {
    "left_eye_brow_left": (70,),
    "left_eye_brow_up": (105,),
    "left_eye_brow_right": (107,),
    "right_eye_brow_left": (336,),
    "right_eye_brow_up": (334,),
    "right_eye_brow_right": (300,),
    "left_eye_left": (33,),
    "left_eye": LEFT_EYE,
    "left_eye_right": (133,),
    "right_eye_left": (362,),
    "right_eye": RIGHT_EYE,
    "right_eye_right": (263,),
    "left_ear_bottom": (132,),
    "nose_left": (129,),
    "nose": (1, 4),
    "nose_right": (358,),
    "right_ear_bottom": (361,),
    "mouth_left": (61,),
    "mouth": (13, 14),
    "mouth_right": (291,),
    "chin": (152,),
}
_FIVE = tuple(KEYPOINT_NAMES.index(name) for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right"))


def _shares() -> Array:
    """What each of the 468 points of a mesh counts for each of the 21, (21, 468)."""
    shares = np.zeros((len(KEYPOINT_NAMES), 468))
    for row, name in enumerate(KEYPOINT_NAMES):
        shares[row, list(KEYPOINT_INDICES[name])] = 1 / len(KEYPOINT_INDICES[name])
    return shares


_SHARES = _shares()


class Square(NamedTuple):
    """The turned square of an image that the network looks at; pixels, with the centre of the first pixel at (0, 0)."""

    x: float
    y: float
    side: float
    turn: float  # radians, positive when the head's top is turned towards the image's right edge

    def matrix(self) -> Matrix:
        """Maps pixels of the image to pixels of the crop."""
        zoom = SIDE / max(self.side, 1e-6)
        cosine, sine = zoom * np.cos(self.turn), zoom * np.sin(self.turn)
        linear = np.array([[cosine, sine], [-sine, cosine]])
        return np.column_stack([linear, SIDE / 2 - 0.5 - linear @ [self.x, self.y]])

    def is_like(self, other: "Square") -> bool:
        """Whether the network would see of the other square what it sees of this one, but for the usual shrinking."""
        side = max(self.side, 1e-6)
        x, y = _turned(other.x - self.x, other.y - self.y, -self.turn)
        turn = (other.turn - self.turn + np.pi) % (2 * np.pi) - np.pi
        return bool(
            abs(other.side / side - _SETTLED) < _SIZE_LIMIT
            and max(abs(x), abs(y)) < _PLACE_LIMIT * side
            and abs(np.degrees(turn)) < _TURN_LIMIT
        )


class Mesh(NamedTuple):
    """A mesh in the pixels of its image; z has their scale, grows away from the camera and starts inside the head."""

    points: Array  # (468, 3)
    flag: float  # in [0, 1], that the crop shows a face


def fit_meshes(model: Model, images: Sequence[Image], squares: Sequence[Square]) -> list[Mesh]:
    """The mesh of the face in the square of each image, after a second look where the first one's points ask for it."""
    meshes: list[Mesh] = []
    for start in range(0, len(squares), _CHUNK):
        seen, chunk = images[start : start + _CHUNK], squares[start : start + _CHUNK]
        fitted = _fit(model, seen, chunk)
        closer = [square_of_mesh(mesh.points) for mesh in fitted]
        again = [
            index
            for index, (mesh, square, next_square) in enumerate(zip(fitted, chunk, closer, strict=True))
            if mesh.flag < _SURE or not square.is_like(next_square)
        ]
        if again:
            second = _fit(model, [seen[index] for index in again], [closer[index] for index in again])
            for index, mesh in zip(again, second, strict=True):
                fitted[index] = mesh
        meshes += fitted
    return meshes


def square_of_box(box: Array, points: Array) -> Square:
    """Where to look first: about a detector's ``box`` (4,), with its five ``points`` (5, 2) upright.

    Box and points count pixels from the image's top-left corner.
    """
    centre, side, turn = (box[:2] + box[2:]) / 2 - 0.5, float((box[2:] - box[:2]).max()), _upright(points)
    x, y = _turned(0.0, _LOWER * side, turn)
    return Square(float(centre[0]) + x, float(centre[1]) + y, _ZOOM_OUT * side, turn)


def square_of_mesh(points: Array) -> Square:
    """Where to look again: around the (468, 3) points of a mesh, with its outer eye corners level."""
    turn = _turn(points[LEFT_EYE[0]], points[RIGHT_EYE[0]])
    cosine, sine = np.cos(turn), np.sin(turn)
    level = points[:, :2] @ np.array([[cosine, -sine], [sine, cosine]])
    low, high = level.min(axis=0), level.max(axis=0)
    x, y = np.array([[cosine, -sine], [sine, cosine]]) @ ((low + high) / 2)
    return Square(float(x), float(y), _ZOOM_AGAIN * float((high - low).max()), turn)


def keypoints(points: Array) -> Array:
    """The 21 points in the order of ``KEYPOINT_NAMES``, (21, d), of the (468, d) points of a mesh."""
    places: Array = _SHARES @ points
    return places


def five_points(points: Array) -> Array:
    """The points that the detectors give, (5, d) in their order, of the (468, d) points of a mesh."""
    five: Array = keypoints(points)[list(_FIVE)]
    return five


def _fit(model: Model, images: Sequence[Image], squares: Sequence[Square]) -> list[Mesh]:
    matrices = [square.matrix() for square in squares]
    crops = [warped(image, matrix, SIDE) for image, matrix in zip(images, matrices, strict=True)]
    outputs = model.run(np.stack(crops).astype(np.float32) / np.float32(255))
    places = outputs[0].reshape(-1, 468, 3).astype(np.float64)
    flags = outputs[1].reshape(-1)
    return [
        Mesh(_in_image(points, matrix, square.side / SIDE), float(flag))
        for points, matrix, square, flag in zip(places, matrices, squares, flags, strict=True)
    ]


def _in_image(points: Array, matrix: Matrix, pixel: float) -> Array:
    """Crop positions, counted from the crop's top-left corner, as pixels of the image."""
    plane = (points[:, :2] - 0.5 - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.column_stack([plane, points[:, 2] * pixel])


def _upright(points: Array) -> float:
    """The turn of a face by its eyes, its mouth, and the way from the eyes to the mouth, each by its length."""
    left_eye, right_eye, _, mouth_left, mouth_right = points
    x, y = (mouth_left + mouth_right - left_eye - right_eye) / 2
    return _turn(left_eye + mouth_left, right_eye + mouth_right + [y, -x])


def _turned(x: float, y: float, turn: float) -> tuple[float, float]:
    """A vector of the image turned by an angle, in radians, from x towards y."""
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    return cosine * x - sine * y, sine * x + cosine * y


def _turn(left: Array, right: Array) -> float:
    return float(np.arctan2(right[1] - left[1], right[0] - left[0]))
