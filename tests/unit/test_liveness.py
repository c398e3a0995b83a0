"""Whether a face belongs to a live person."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from estimators.liveness import LivenessEstimator
from models import Model
from schemas.attributes import BOX, LIVENESS, Attributes, Box

NAMES = ("MiniFASNetV2_2.7", "MiniFASNetV1SE_4")
anywhere = st.floats(allow_nan=False, allow_infinity=False)


def brightness(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network to which a crop is the livelier the redder it is (the last of BGR)."""
    live = inputs[0][:, 2].mean((1, 2)) / np.float32(255)
    return [np.stack([(1 - live) / 2, live, (1 - live) / 2], 1)]


def estimator() -> LivenessEstimator:
    return LivenessEstimator({"liveness": tuple(Model(name, "minifasnet", brightness) for name in NAMES)})


def view(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    return estimator().view(image, Attributes({BOX: box}))


def columns(height: int = 400, width: int = 250) -> NDArray[np.uint8]:
    """An image whose red is the number of its column, and green that of its row, halved."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None] // 2
    return image


def test_the_two_crops_show_more_and_more_about_the_face() -> None:
    near, far = view(columns(), Box(0.46, 0.475, 0.54, 0.525))[..., 0].astype(int)
    assert np.ptp(near) == pytest.approx(20 * 2.7, abs=2)
    assert np.ptp(far) == pytest.approx(20 * 4.0, abs=2)
    assert near.mean() == pytest.approx(125, abs=1)


@pytest.mark.parametrize(("left", "seen"), [(-0.04, (0, 53)), (0.0, (0, 53)), (0.92, (196, 249)), (1.5, (196, 249))])
def test_a_crop_is_shifted_inside_the_image_and_not_padded(left: float, seen: tuple[int, int]) -> None:
    crop = view(columns(), Box(left, 0.475, left + 0.08, 0.525))[0, ..., 0]
    assert (crop.min(), crop.max()) == pytest.approx(seen, abs=1)


def test_a_large_face_grows_only_as_far_as_the_image_in_both_directions_alike() -> None:
    near, far = view(columns(), Box(0.2, 0.2, 0.8, 0.5))
    np.testing.assert_array_equal(near, far)
    assert np.ptp(near[..., 0].astype(int)) == pytest.approx(249, abs=3)
    assert np.ptp(near[..., 1].astype(int)) == pytest.approx(120 / 150 * 250 / 2, abs=2)


def test_the_confidence_is_the_mean_of_the_networks_in_the_order_of_the_views() -> None:
    node = estimator()
    box = Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)})
    reds = [np.full((60, 60, 3), (level, 0, 0), np.uint8) for level in (255, 51, 204)]
    answers = [answer[LIVENESS] for answer in node.estimate([node.view(image, box) for image in reds])]
    assert [answer.confidence for answer in answers] == pytest.approx([1.0, 0.2, 0.8])
    assert [answer.value for answer in answers] == [True, False, True]


def test_no_views_give_no_answers() -> None:
    assert estimator().estimate([]) == []


@given(box=st.tuples(anywhere, anywhere, anywhere, anywhere), side=st.sampled_from([1, 2, 90]))
def test_any_finite_box_gives_two_crops(box: tuple[float, float, float, float], side: int) -> None:
    assert view(np.zeros((side, side + 20, 3), np.uint8), Box(*box)).shape == (2, 80, 80, 3)


@given(left=st.floats(-1.5, 1.5), top=st.floats(-1.5, 1.5), width=st.floats(0, 3), height=st.floats(0, 3))
def test_a_crop_shows_nothing_but_the_image(left: float, top: float, width: float, height: float) -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    assert (view(image, Box(left, top, left + width, top + height)) == 200).all()


def test_a_photograph_shown_on_a_flat_card_looks_less_live(
    models_for: Callable[..., dict[str, tuple[Model, ...]]], astronaut: NDArray[np.uint8]
) -> None:
    node = LivenessEstimator(models_for("liveness"))
    card = np.full((512, 512, 3), 90, np.uint8)
    card[180:308, 180:308] = astronaut[40:296:2, 90:346:2]
    shown = node.view(card, Attributes({BOX: Box(0.42, 0.38, 0.56, 0.55)}))
    straight = node.view(astronaut, Attributes({BOX: Box(0.348, 0.127, 0.526, 0.344)}))
    first, second = (answer[LIVENESS].confidence for answer in node.estimate([shown, straight]))
    assert first < second
