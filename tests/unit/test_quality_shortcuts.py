"""Measures that look at less, or otherwise, than their definition says find the same."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.face.mesh import keypoints
from estimators.face.pose import canonical_face
from estimators.quality import focus, watermark
from estimators.quality.background import background_gradient
from estimators.quality.regions import CONTEXT_SIZE, FACE_SIZE, background, face_oval
from estimators.quality.view import FaceView, face_view, grey
from schemas.attributes import ANGLES, BOX, KEYPOINTS, Angles, Attributes, Box, Point


def luminance(side: int, seed: int = 0) -> NDArray[np.float32]:
    """Random grey levels, smoother with each seed."""
    fine = np.random.default_rng(seed).uniform(0, 255, (side, side)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(fine, (0, 0), 0.4 + seed), np.float32)


def points_at(x: float, y: float, side: float) -> NDArray[np.float64]:
    """The key points of a face about (x, y) whose box is about as wide as ``side``, (21, 2)."""
    placed: NDArray[np.float64] = keypoints(canonical_face())[:, :2] * side / 1.6 + [x, y]
    return placed


def view_at(x: float, y: float, side: float) -> FaceView:
    """The view of such a face in a photo of noise, in fractions of the photo."""
    image = cv2.resize(luminance(60), (300, 300)).astype(np.uint8)[..., None].repeat(3, axis=2)
    points = tuple(Point(float(across), float(down)) for across, down in points_at(x, y, side))
    box = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return face_view(image, Attributes({BOX: box, KEYPOINTS: points, ANGLES: Angles(0.0, 0.0, 0.0)}))


@pytest.mark.parametrize("side", [1, 4, 9, 40, CONTEXT_SIZE])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_parts_of_the_ellipse_are_the_ellipse(side: int, seed: int) -> None:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    levels = luminance(side, seed)
    assert np.array_equal(watermark.eroded(levels), cv2.erode(levels, kernel))
    assert np.array_equal(watermark.dilated(levels), cv2.dilate(levels, kernel))


@pytest.mark.parametrize("place", [(96, 96, 120), (96, 20, 60), (150, 180, 90), (96, 96, 400)])
def test_the_rows_about_a_face_have_the_energy_of_the_whole(place: tuple[float, float, float]) -> None:
    levels, oval = luminance(FACE_SIZE), face_oval(points_at(*place))
    assert oval.any()
    rows = focus.rows_about(oval)
    for scale in (focus.FINE, focus.COARSE):
        whole, part = focus.energy(levels, scale), focus.energy(levels[rows], scale)
        assert np.array_equal(whole[oval], part[oval[rows]])
        assert focus.calmest(whole, oval) == focus.calmest(part, oval[rows])


@pytest.mark.parametrize("place", [(0.5, 0.5, 0.4), (0.1, 0.9, 0.3), (0.9, 0.2, 0.5), (0.5, 0.5, 0.9)])
def test_the_gradient_of_the_background_is_that_of_the_whole_context(place: tuple[float, float, float]) -> None:
    view = view_at(*place)
    smooth = cv2.GaussianBlur(grey(view.context), (0, 0), 1.5)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    kernel = np.ones((7, 7), np.uint8)
    safe = background(view.context_points, view.context_inside)
    safe &= cv2.erode(view.context_inside.astype(np.uint8), kernel) > 0
    expected = np.hypot(across[safe], down[safe]).mean() if safe.any() else 0.0
    assert background_gradient(view) == pytest.approx(float(expected), rel=1e-6)
    assert expected > 1 or place[2] > 0.8
