"""The face fitter on real photographs, and its rule for faces that the mesh rejects."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.base import Image
from estimators.face import FaceFitter, mesh
from models import Model
from schemas.attributes import (
    ANGLES,
    BOX,
    CONFIDENCE,
    KEYPOINT_NAMES,
    KEYPOINTS,
    KIND,
    Attributes,
    Point,
)

Tensor = NDArray[np.float32]


@pytest.fixture(params=["yunet_n_dynamic", "centerface_dyn"])
def fitter(request: pytest.FixtureRequest, model: Callable[[str], Model]) -> FaceFitter:
    return FaceFitter({"face-detection": [model(request.param)], "face-landmarks": [model("human_facemesh")]})


def _named(face: Attributes) -> dict[str, Point]:
    points = face[KEYPOINTS]
    return dict(zip(KEYPOINT_NAMES, points, strict=True))


def _only(fitter: FaceFitter, image: Image) -> Attributes:
    (face,) = fitter.detect([image])[0]
    return face


def _turned(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height)), np.uint8)


def test_a_face_has_all_it_promises(fitter: FaceFitter, astronaut: Image) -> None:
    face = _only(fitter, astronaut)
    assert set(face) == FaceFitter.provides
    assert face[KIND] == "face"
    assert 0.5 <= face[CONFIDENCE] <= 1
    assert np.allclose(face[BOX], (0.35, 0.12, 0.53, 0.345), atol=0.03)


def test_left_is_the_left_of_the_image(fitter: FaceFitter, astronaut: Image) -> None:
    points = _named(_only(fitter, astronaut))
    for name in ("left_eye_brow_left", "left_eye_left", "left_ear_bottom", "nose_left", "mouth_left"):
        twin = name.replace("left", "right")
        assert points[name].x < points[twin].x
    rows = [
        ("left_eye_brow_left", "left_eye_brow_up", "left_eye_brow_right", "right_eye_brow_left", "right_eye_brow_up"),
        ("right_eye_brow_left", "right_eye_brow_up", "right_eye_brow_right"),
        ("left_eye_left", "left_eye", "left_eye_right", "right_eye_left", "right_eye", "right_eye_right"),
        ("left_ear_bottom", "nose_left", "nose", "nose_right", "right_ear_bottom"),
        ("mouth_left", "mouth", "mouth_right"),
    ]
    for row in rows:
        assert (np.diff([points[name].x for name in row]) > 0).all()


def test_the_face_stands_upright(fitter: FaceFitter, astronaut: Image) -> None:
    points = _named(_only(fitter, astronaut))
    column = ("left_eye_brow_up", "left_eye", "nose", "mouth", "chin")
    assert (np.diff([points[name].y for name in column]) > 0).all()
    assert points["left_eye"].y < points["left_ear_bottom"].y < points["chin"].y


def test_a_mirrored_photograph_mirrors_yaw_roll_and_points(fitter: FaceFitter, astronaut: Image) -> None:
    face, mirrored = _only(fitter, astronaut), _only(fitter, np.ascontiguousarray(astronaut[:, ::-1]))
    signs = np.array([-1, -1, 1])
    assert np.allclose(np.array(face[ANGLES]), signs * mirrored[ANGLES], atol=5)
    points, others = _named(face), _named(mirrored)
    for left in ("left_eye", "left_ear_bottom", "mouth_left", "nose_left"):
        assert abs(points[left].x - (1 - others[left.replace("left", "right")].x)) < 0.02


@pytest.mark.parametrize("degrees", [-25, 25])
def test_turning_the_photograph_turns_roll(fitter: FaceFitter, astronaut: Image, degrees: float) -> None:
    before, after = _only(fitter, astronaut)[ANGLES], _only(fitter, _turned(astronaut, -degrees))[ANGLES]
    assert abs(after.roll - before.roll - degrees) < 5
    assert abs(after.yaw - before.yaw) < 6
    assert abs(after.pitch - before.pitch) < 6


def test_points_read_back_exactly_from_pixels(fitter: FaceFitter, astronaut: Image) -> None:
    for side in (512, 1343, 999):
        for point in _only(fitter, astronaut)[KEYPOINTS]:
            assert point.x * side / side == point.x
            assert point.y * side / side == point.y


def test_scale_does_not_move_the_points(fitter: FaceFitter, astronaut: Image) -> None:
    reference = np.array(_only(fitter, astronaut)[KEYPOINTS])
    for size in (256, 1000, 2400):
        scaled = np.asarray(cv2.resize(astronaut, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
        assert np.abs(np.array(_only(fitter, scaled)[KEYPOINTS]) - reference).max() < 0.015


def test_a_face_that_fills_the_photograph_is_found_at_every_size(fitter: FaceFitter, astronaut: Image) -> None:
    close = astronaut[50:250, 130:320]
    for size in (96, 250, 700, 1600):
        image = np.asarray(cv2.resize(close, (size, size)), np.uint8)
        assert len(fitter.detect([image])[0]) == 1


def test_a_batch_gives_what_its_images_give_alone(fitter: FaceFitter, astronaut: Image) -> None:
    blank = np.full((40, 60, 3), 128, np.uint8)
    flipped = np.ascontiguousarray(astronaut[:, ::-1])
    together = fitter.detect([astronaut, blank, flipped])
    assert [len(faces) for faces in together] == [1, 0, 1]
    for image, (face,) in zip((astronaut, flipped), together[::2], strict=True):
        alone = _only(fitter, image)
        assert np.allclose(face[KEYPOINTS], alone[KEYPOINTS], atol=1e-4)
        assert np.allclose(face[ANGLES], alone[ANGLES], atol=0.1)


def test_confidence_descends_and_boxes_stay_inside(fitter: FaceFitter, astronaut: Image) -> None:
    faces = fitter.detect([astronaut], 0.02)[0]
    confidences = [face[CONFIDENCE] for face in faces]
    assert confidences == sorted(confidences, reverse=True)
    for face in faces:
        box = face[BOX]
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 5)])
def test_odd_shapes_give_finite_answers(fitter: FaceFitter, shape: tuple[int, int]) -> None:
    for face in fitter.detect([np.full((*shape, 3), 90, np.uint8)], 0.0)[0][:5]:
        assert np.isfinite([*face[BOX], *face[ANGLES], face[CONFIDENCE]]).all()
        assert np.isfinite(face[KEYPOINTS]).all()


def test_no_images_give_no_answers(fitter: FaceFitter) -> None:
    assert fitter.detect([]) == []


def test_a_face_that_the_mesh_rejects_is_placed_by_the_detector(
    model: Callable[[str], Model], astronaut: Image
) -> None:
    def rejecting(*inputs: Tensor) -> list[Tensor]:
        count = len(inputs[0])
        return [np.zeros((count, 1404), np.float32), np.zeros((count, 1), np.float32)]

    detector, landmarks = model("yunet_n_dynamic"), model("human_facemesh")
    sure = FaceFitter({"face-detection": [detector], "face-landmarks": [landmarks]})
    unsure = FaceFitter({"face-detection": [detector], "face-landmarks": [Model("none", "facemesh", rejecting)]})
    expected, face = _only(sure, astronaut), _only(unsure, astronaut)
    assert face[BOX] == expected[BOX]
    assert np.abs(np.subtract(face[KEYPOINTS], expected[KEYPOINTS])).max() < 0.04
    assert abs(face[ANGLES].yaw - expected[ANGLES].yaw) < 15
    assert abs(face[ANGLES].roll - expected[ANGLES].roll) < 6


def test_every_key_point_has_mesh_points() -> None:
    assert tuple(mesh.KEYPOINT_INDICES) == KEYPOINT_NAMES
    used = [index for indices in mesh.KEYPOINT_INDICES.values() for index in indices]
    assert all(0 <= index < 468 for index in used)


def test_the_square_of_a_box_is_turned_with_the_whole_face() -> None:
    box, points = np.array([0.0, 0, 90, 100]), np.array([[30.0, 40], [60, 40], [45, 60], [35, 80], [55, 80]])
    assert np.isclose(mesh.square_of_box(box, points).turn, 0)
    cosine, sine = np.cos(0.3), np.sin(0.3)
    assert np.isclose(mesh.square_of_box(box, points @ np.array([[cosine, sine], [-sine, cosine]])).turn, 0.3)
    in_profile = points * [0.1, 1] + [[0, 0], [0, 3], [0, 0], [0, 0], [0, 0]]  # one eye a little lower
    assert abs(mesh.square_of_box(box, in_profile).turn) < 0.1


def test_the_square_of_a_mesh_is_turned_with_its_eyes() -> None:
    points = np.zeros((468, 3))
    points[:, :2] = np.random.default_rng(0).uniform(-1, 1, (468, 2))
    points[mesh.LEFT_EYE[0], :2], points[mesh.RIGHT_EYE[0], :2] = (-0.5, 0), (0.5, 0)
    level = mesh.square_of_mesh(points)
    cosine, sine = np.cos(0.3), np.sin(0.3)
    moved = points.copy()
    moved[:, :2] = 40 * points[:, :2] @ np.array([[cosine, sine], [-sine, cosine]]) + [7, 9]
    turned = mesh.square_of_mesh(moved)
    assert np.isclose(turned.turn, 0.3)
    assert np.isclose(turned.side, 40 * level.side)
    crop = np.column_stack([points[:, :2], np.ones(468)]) @ level.matrix().T
    assert np.allclose(crop, np.column_stack([moved[:, :2], np.ones(468)]) @ turned.matrix().T)
    assert (np.ptp(crop, axis=0).max() - mesh.SIDE / 1.35) < 1e-6
