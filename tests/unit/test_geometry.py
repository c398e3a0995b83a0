"""The laws of cutting faces out of images."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from estimators.geometry import (
    ARCFACE,
    aligned,
    five_points,
    pixel_points,
    planes,
    similarity,
    square_crop,
    square_matrix,
    warped,
)
from schemas.attributes import KEYPOINT_NAMES, Box, Point

WHOLE = Box(0.0, 0.0, 1.0, 1.0)
anywhere = st.floats(allow_nan=False, allow_infinity=False)
near = st.floats(-3.0, 3.0)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def stripes(height: int, width: int) -> NDArray[np.uint8]:
    """Columns of one pixel, black and white in turn: what aliases worst."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, ::2] = 255
    return image


def transformed(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[Any]:
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_the_whole_of_a_square_image_at_its_own_size_is_the_image() -> None:
    image = noise(96, 96)
    np.testing.assert_array_equal(square_crop(image, WHOLE, 1.0, 96), image)


def test_an_enlarged_whole_image_has_no_black_edge() -> None:
    image = np.full((48, 48, 3), 200, np.uint8)
    assert (square_crop(image, WHOLE, 1.0, 112) == 200).all()


@pytest.mark.parametrize(("height", "width"), [(96, 96), (400, 400), (1000, 1000), (1000, 300)])
def test_a_uniform_image_stays_uniform_and_is_black_outside(height: int, width: int) -> None:
    crop = square_crop(np.full((height, width, 3), 200, np.uint8), WHOLE, 2.0, 80)
    assert set(np.unique(crop)) == {0, 200}
    assert (crop == 200).all(-1).mean() == pytest.approx(height * width / (2 * max(height, width)) ** 2, abs=0.03)


@given(left=near, top=near, width=st.floats(0.01, 2.0), height=st.floats(0.01, 2.0), scale=st.floats(0.5, 4.0))
def test_the_centre_of_the_box_is_the_centre_of_the_crop(
    left: float, top: float, width: float, height: float, scale: float
) -> None:
    image = np.zeros((50, 70, 3), np.uint8)
    box = Box(left, top, left + width, top + height)
    middle = pixel_points((Point(left + width / 2, top + height / 2),), image)
    np.testing.assert_allclose(transformed(square_matrix(image, box, scale, 112), middle), [[55.5, 55.5]], atol=1e-6)


@given(
    angle=st.floats(-np.pi, np.pi),
    zoom=st.floats(0.1, 10.0),
    shift=st.tuples(st.floats(-500.0, 500.0), st.floats(-500.0, 500.0)),
)
def test_a_similarity_is_found_again_from_its_points(angle: float, zoom: float, shift: tuple[float, float]) -> None:
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(ARCFACE, ARCFACE @ linear.T + shift)
    np.testing.assert_allclose(found, np.column_stack([linear, shift]), atol=1e-6)


def test_a_similarity_and_its_reverse_undo_each_other() -> None:
    points = ARCFACE * 3.7 @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + 40
    there, back = similarity(points, ARCFACE), similarity(ARCFACE, points)
    np.testing.assert_allclose(transformed(back, transformed(there, points)), points, atol=1e-9)


def test_points_on_the_template_leave_the_image_as_it_is() -> None:
    image = noise(112, 112)
    np.testing.assert_array_equal(aligned(image, ARCFACE), image)


def test_zooming_out_shows_more_about_the_same_centre() -> None:
    image = np.zeros((336, 336, 3), np.uint8)
    image[112:224, 112:224] = 255
    crop = aligned(image, ARCFACE + 112, 112, zoom_out=2.0)
    assert crop[60 - 28 : 60 + 20, 60 - 28 : 60 + 20].min() == 255
    assert crop[:26].max() == 0


@pytest.mark.parametrize("factor", [2, 3, 5, 8])
def test_shrinking_averages_instead_of_picking_pixels(factor: int) -> None:
    side = 112 * factor
    crop = square_crop(stripes(side, side), WHOLE, 1.0, 112).astype(float)
    if factor % 2 == 0:
        assert abs(crop - 127.5).max() <= 1
    else:
        assert crop.std() < 127.5 / factor * 1.1


def test_a_large_face_gives_the_same_crop_as_a_small_one(astronaut: NDArray[np.uint8]) -> None:
    box = Box(0.35, 0.12, 0.52, 0.36)
    large = np.ascontiguousarray(astronaut.repeat(6, 0).repeat(6, 1))
    small, big = (square_crop(image, box, 1.5, 80).astype(float) for image in (astronaut, large))
    assert abs(small - big).mean() < 3


def test_a_turned_and_shrunken_warp_shows_what_the_matrix_says() -> None:
    image = np.zeros((800, 800, 3), np.uint8)
    image[500:540, 300:340] = 255
    turn = np.array([[0.0, -0.2], [0.2, 0.0]])
    matrix = np.column_stack([turn, np.array([50.0, 50.0]) - turn @ [319.5, 519.5]])
    rows, columns = np.nonzero(warped(image, matrix, 100)[..., 0] > 127)
    assert (rows.mean(), columns.mean()) == pytest.approx((50, 50), abs=0.2)


@pytest.mark.parametrize(("height", "width"), [(40_000, 60), (60, 40_000)])
def test_the_far_end_of_a_very_long_image_can_be_cut_out(height: int, width: int) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    image[-60:, -60:] = 200
    crop = square_crop(image, Box(1 - 60 / width, 1 - 60 / height, 1.0, 1.0), 1.0, 112)
    assert (crop[2:, 2:] == 200).all()  # the first two blend with what is before them


@given(angle=st.floats(-3.2, 3.2), zoom=st.floats(0.6, 3), x=st.floats(-30, 70), y=st.floats(-30, 70))
def test_a_crop_is_black_exactly_where_it_leaves_the_image(angle: float, zoom: float, x: float, y: float) -> None:
    image, size = np.full((40, 30, 3), 255, np.uint8), 24
    cosine, sine = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    shift = (size - 1) / 2 - linear @ np.array([x, y])  # the crop's centre shows that place of the image
    crop = warped(image, np.column_stack([linear, shift]), size)
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    seen = (np.stack([columns, rows], axis=-1) - shift) @ np.linalg.inv(linear).T
    beyond = np.maximum(-0.5 - seen, seen - np.array([29.5, 39.5])).max(axis=-1)  # pixels; negative inside
    assert (crop[beyond > 1e-6] == 0).all()
    assert (crop[beyond < -1e-6] == 255).all()


@pytest.mark.parametrize("box", [Box(2, 2, 3, 3), Box(-3, 0, -2, 1), Box(0, 50, 1, 51)])
def test_a_box_outside_the_image_gives_black(box: Box) -> None:
    assert not square_crop(np.full((50, 70, 3), 255, np.uint8), box, 1.0, 64).any()


@given(box=st.tuples(anywhere, anywhere, anywhere, anywhere), side=st.sampled_from([1, 2, 50, 300]))
def test_any_finite_box_gives_a_crop(box: tuple[float, float, float, float], side: int) -> None:
    image = np.full((side, side + 20, 3), 255, np.uint8)
    assert square_crop(image, Box(*box), 2.0, 80).shape == (80, 80, 3)


@pytest.mark.parametrize("width", [0.0, -0.5, 1e-12, 1e-320])
def test_a_box_without_area_gives_a_crop(width: float) -> None:
    assert square_crop(noise(50, 70), Box(0.5, 0.5, 0.5 + width, 0.5 + width), 2.0, 80).shape == (80, 80, 3)


@given(points=st.lists(st.tuples(anywhere, anywhere), min_size=21, max_size=21))
def test_any_finite_key_points_give_a_crop(points: list[tuple[float, float]]) -> None:
    image = noise(50, 70)
    keypoints = tuple(Point(*point) for point in points)
    assert aligned(image, five_points(keypoints, image)).shape == (112, 112, 3)


def test_key_points_that_coincide_give_black() -> None:
    assert not aligned(noise(50, 70), np.full((5, 2), 20.0)).any()


def test_the_five_points_are_eyes_nose_and_mouth_in_pixels() -> None:
    keypoints = tuple(Point(index / 100, index / 50) for index in range(len(KEYPOINT_NAMES)))
    image = np.zeros((50, 100, 3), np.uint8)
    names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
    expected = [[KEYPOINT_NAMES.index(name) - 0.5] * 2 for name in names]
    np.testing.assert_allclose(five_points(keypoints, image), expected)


def test_planes_are_the_channels_of_each_crop() -> None:
    crops = [noise(4, 5), noise(4, 5)[:, ::-1]]  # one of them mirrored, as a view
    whole = np.stack(crops).transpose(0, 3, 1, 2)
    assert planes(crops).dtype == np.float32
    assert planes(crops).flags.c_contiguous
    assert np.array_equal(planes(crops), whole)
    assert np.array_equal(planes(crops, (2, 1, 0)), whole[:, ::-1])
