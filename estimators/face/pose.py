"""Head pose: how the canonical face must be turned and placed to look like a face in the image.

Axes: x to the image's right, y down, z away from the camera; the canonical face looks along -z. The head's rotation is
R = Z(roll) Y(yaw) X(-pitch), each a right-handed turn about one axis, applied from the right to the left. In words, in
degrees:

* **yaw**, about the vertical axis: positive when the nose turns towards the image's left edge;
* **pitch**, about the horizontal axis: positive when the face looks up;
* **roll**, in the image plane: positive when the image shows the head turned clockwise, its top towards the image's
  right edge. Turning the image itself changes roll alone.

Yaw lies in [-90, 90]; roll and pitch lie in [-180, 180]. At a yaw of 90 only the difference of roll and pitch is seen.

The canonical face was made by ``training/canonical_face.py``, which also says where its pitch of zero comes from.

Measured on 245 pictures of Pointing'04 with yaw within 60 degrees, of ten persons to whom nothing was fitted: mean
absolute error of yaw 6.1 and of pitch 8.8 from the mesh. From five points, on 360 pictures, 6.2 and 17: those tell yaw
and roll, but next to nothing of pitch.
"""

import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.attributes import Angles

Array = NDArray[np.float64]

# The network draws turned heads flatter than they are, and too little turned. A deeper mesh turns small yaws too far
# before pitch is right; the rest is left to the gains, in degrees, which training/pose_correction.py chooses on five
# persons of Pointing'04.
_DEPTH = 1.25
_YAW_GAIN = 16.5
_PITCH_GAIN = 14.0


class Placement(NamedTuple):
    """A similarity of space, point -> scale * rotation @ point + shift."""

    rotation: Array  # (3, 3)
    scale: float
    shift: Array  # (3,)

    def placed(self, points: Array) -> Array:
        """The (n, 3) points where the placement puts them."""
        moved: Array = self.scale * points @ self.rotation.T + self.shift
        return moved


@cache
def canonical_face() -> Array:
    """The mean face, (468, 3): upright, looking at the camera, centred, with the outer eye corners 1 apart."""
    face = np.load(Path(__file__).with_name("canonical_face.npy")).astype(np.float64)
    face.setflags(write=False)
    return np.asarray(face)


def placement(source: Array, target: Array, weights: Array | None = None) -> Placement:
    """The placement that brings ``source`` closest to ``target``, (n, 3) each, by weighted least squares.

    Closed form of Umeyama (1991), without reflection; ``weights`` is (n,), by default all equal.
    """
    shares = np.full(len(source), 1 / len(source)) if weights is None else weights / weights.sum()
    source_mean, target_mean = shares @ source, shares @ target
    a, b = source - source_mean, target - target_mean
    left, sizes, right = np.linalg.svd((b * shares[:, None]).T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = left @ np.diag(signs) @ right
    scale = float((sizes * signs).sum() / max(float(shares @ (a * a).sum(axis=1)), 1e-12))
    return Placement(rotation, scale, target_mean - scale * rotation @ source_mean)


def flat_placement(source: Array, target: Array) -> Placement:
    """The placement of (n, 3) ``source`` whose x and y come close to the (n, 2) ``target``; n is at least 4.

    A weak perspective: the best affine camera, then the rotation nearest to it. The shift along z is zero.
    """
    mean = source.mean(axis=0)
    camera = np.linalg.lstsq(source - mean, target - target.mean(axis=0), rcond=None)[0].T  # (2, 3)
    left, sizes, right = np.linalg.svd(camera, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(rows[0], rows[1])])
    scale = float(sizes.mean())
    shift = np.append(target.mean(axis=0), 0) - scale * np.append(rotation[:2] @ mean, 0)
    return Placement(rotation, scale, shift)


def mesh_angles(points: Array) -> Angles:
    """The pose of a mesh, (468, 3) in pixels of the image."""
    return corrected(measured_angles(points))


def measured_angles(points: Array) -> Angles:
    """The same as the mesh shows it, which is too little turned."""
    return angles(placement(canonical_face(), points * [1, 1, _DEPTH]).rotation)


def corrected(measured: Angles, yaw_gain: float = _YAW_GAIN, pitch_gain: float = _PITCH_GAIN) -> Angles:
    """A measured pose with its yaw and pitch, of which the mesh shows too little, made larger; roll stays.

    Small yaws stay, too. Both are odd and rising: mirrored poses stay mirrored, and none changes places with another.
    """
    yaw = measured.yaw + yaw_gain * math.sin(math.radians(measured.yaw)) ** 5
    pitch = measured.pitch + pitch_gain * math.sin(math.radians(measured.pitch))
    return Angles(yaw=min(max(yaw, -90.0), 90.0), roll=measured.roll, pitch=pitch)


def angles(rotation: Array) -> Angles:
    """Yaw, roll and pitch of a (3, 3) rotation, in degrees."""
    yaw = np.arcsin(np.clip(-rotation[2, 0], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    return Angles(*(float(angle) for angle in np.degrees([yaw, roll, pitch])))


def rotation(turned: Angles) -> Array:
    """The (3, 3) rotation of the given angles: the inverse of ``angles``."""
    yaw, roll, pitch = np.radians(turned)
    c, s = np.cos(roll), np.sin(roll)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    c, s = np.cos(yaw), np.sin(yaw)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    c, s = np.cos(-pitch), np.sin(-pitch)
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    turn: Array = about_z @ about_y @ about_x
    return turn
