"""The pose of a head: angles of synthetic turns, and their signs on real ones."""

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators.face import FaceFitter, mesh, pose
from models import Model
from schemas.attributes import ANGLES, Angles

_turns = st.builds(Angles, yaw=st.floats(-85, 85), roll=st.floats(-175, 175), pitch=st.floats(-85, 85))
_moderate = st.builds(Angles, yaw=st.floats(-45, 45), roll=st.floats(-175, 175), pitch=st.floats(-45, 45))


@given(_turns)
def test_angles_are_the_inverse_of_rotation(turned: Angles) -> None:
    assert np.allclose(pose.angles(pose.rotation(turned)), turned, atol=1e-6)


@given(_turns, st.floats(0.1, 1000))
def test_a_turned_canonical_face_gives_its_angles_back(turned: Angles, scale: float) -> None:
    face = pose.canonical_face()
    place = pose.placement(face, scale * face @ pose.rotation(turned).T + [3, 4, 5])
    assert np.allclose(pose.angles(place.rotation), turned, atol=1e-5)
    assert np.isclose(place.scale, scale)


@given(_moderate)
def test_five_points_of_a_turned_canonical_face_give_its_angles_back(turned: Angles) -> None:
    five = mesh.five_points(pose.canonical_face())
    place = pose.flat_placement(five, 80 * (five @ pose.rotation(turned).T)[:, :2] + [200, 100])
    assert np.allclose(pose.angles(place.rotation), turned, atol=0.5)
    assert np.isclose(place.scale, 80, rtol=0.02)


def test_equal_points_still_give_finite_angles() -> None:
    place = pose.flat_placement(mesh.five_points(pose.canonical_face()), np.full((5, 2), 7.0))
    assert np.isfinite(pose.angles(place.rotation)).all()


def test_signs_are_as_documented() -> None:
    nose = np.array([0, 0, -1])
    top = np.array([0, -1, 0])
    assert (pose.rotation(Angles(yaw=30, roll=0, pitch=0)) @ nose)[0] < 0  # towards the image's left
    assert (pose.rotation(Angles(yaw=0, roll=0, pitch=30)) @ nose)[1] < 0  # upwards
    assert (pose.rotation(Angles(yaw=0, roll=30, pitch=0)) @ top)[0] > 0  # the top towards the image's right


@given(_turns, st.floats(-60, 60))
def test_turning_the_image_changes_roll_alone(turned: Angles, more: float) -> None:
    after = pose.angles(pose.rotation(Angles(0, more, 0)) @ pose.rotation(turned))
    assert np.allclose([after.yaw, after.pitch], [turned.yaw, turned.pitch], atol=1e-6)
    assert abs((after.roll - turned.roll - more + 180) % 360 - 180) < 1e-6


@given(_turns)
def test_the_correction_keeps_roll_and_mirrors_with_the_image(turned: Angles) -> None:
    after = pose.corrected(turned)
    mirrored = pose.corrected(Angles(yaw=-turned.yaw, roll=-turned.roll, pitch=turned.pitch))
    assert mirrored == Angles(yaw=-after.yaw, roll=-after.roll, pitch=after.pitch)
    assert after.roll == turned.roll


def test_the_correction_rises_and_stays_in_range() -> None:
    yaws = [pose.corrected(Angles(yaw=yaw, roll=0, pitch=0)).yaw for yaw in np.linspace(-90, 90, 361)]
    pitches = [pose.corrected(Angles(yaw=0, roll=0, pitch=pitch)).pitch for pitch in np.linspace(-180, 180, 721)]
    assert (np.diff(yaws) >= 0).all()
    assert (np.diff(pitches) > 0).all()
    assert (yaws[0], yaws[180], yaws[-1]) == (-90, 0, 90)
    assert np.allclose([pitches[0], pitches[360], pitches[-1]], [-180, 0, 180])


@given(_moderate, st.floats(-60, 60))
def test_a_mesh_turned_in_the_image_changes_roll_alone(turned: Angles, more: float) -> None:
    points = 100 * pose.canonical_face() @ pose.rotation(turned).T
    before, after = pose.mesh_angles(points), pose.mesh_angles(points @ pose.rotation(Angles(0, more, 0)).T)
    assert np.allclose([after.yaw, after.pitch], [before.yaw, before.pitch], atol=1e-6)
    assert abs((after.roll - before.roll - more + 180) % 360 - 180) < 1e-6


def test_the_canonical_face_is_upright_symmetric_and_faces_the_camera() -> None:
    face = pose.canonical_face()
    left, right = face[mesh.LEFT_EYE[0]], face[mesh.RIGHT_EYE[0]]
    assert np.allclose(right - left, [1, 0, 0], atol=1e-5)
    points = mesh.keypoints(face)
    eye, other, nose, _, mouth_right = mesh.five_points(face)
    assert eye[0] < 0 < other[0]
    assert eye[1] < nose[1] < mouth_right[1] < points[-1][1]
    assert nose[2] < eye[2]


@pytest.fixture(scope="module")
def fitter(model: Callable[[str], Model]) -> FaceFitter:
    return FaceFitter({"face-detection": [model("yunet_n_dynamic")], "face-landmarks": [model("human_facemesh")]})


def test_real_heads_turn_as_they_are_labelled(fitter: FaceFitter, data: Callable[[str], Path]) -> None:
    folder = data("head_pose")
    with (folder / "labels.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if abs(int(row["yaw"])) <= 60 and abs(int(row["pitch"])) <= 60][
            ::3
        ]
    measured, labelled = [], []
    for row in rows:
        image = np.asarray(cv2.imread(str(folder / row["path"]), cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]
        angles = fitter.detect([np.ascontiguousarray(image)], 0.3)[0][0][ANGLES]
        measured.append([angles.yaw, angles.pitch])
        labelled.append([float(row["yaw"]), float(row["pitch"])])
    errors = np.abs(np.subtract(measured, labelled)).mean(axis=0)
    assert errors[0] < 6.5
    assert errors[1] < 10
    assert np.corrcoef(np.transpose(measured)[0], np.transpose(labelled)[0])[0, 1] > 0.9
    assert np.corrcoef(np.transpose(measured)[1], np.transpose(labelled)[1])[0, 1] > 0.6
