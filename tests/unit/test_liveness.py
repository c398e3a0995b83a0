"""Whether a face belongs to a live person."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from estimators.face import FaceFitter
from estimators.liveness import FACET, LivenessEstimator, LivenessView
from eval.split import held_out
from models import Model, open_session
from schemas.attributes import BOX, LIVENESS, Attributes, Box
from training.faces import largest_faces

OWN = Path(__file__).resolve().parents[2] / "models" / "weights" / "facet_liveness.onnx"
LEAST_RIGHT = 0.95  # of the recordings of subjects held out; the model card tells the figure
NAMES = ("MiniFASNetV2_2.7", "MiniFASNetV1SE_4")
anywhere = st.floats(allow_nan=False, allow_infinity=False)


def brightness(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network to which a crop is the livelier the redder it is (the last of BGR)."""
    live = inputs[0][:, 2].mean((1, 2)) / np.float32(255)
    return [np.stack([(1 - live) / 2, live, (1 - live) / 2], 1)]


def estimator() -> LivenessEstimator:
    return LivenessEstimator({"liveness": tuple(Model(name, "minifasnet", brightness) for name in NAMES)})


def view(image: NDArray[np.uint8], box: Box) -> LivenessView:
    return estimator().view(image, Attributes({BOX: box}))


def columns(height: int = 400, width: int = 250) -> NDArray[np.uint8]:
    """An image whose red is the number of its column, and green that of its row, halved."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None] // 2
    return image


def test_the_two_crops_show_more_and_more_about_the_face() -> None:
    near, far = (crop[..., 0].astype(int) for crop in view(columns(), Box(0.46, 0.475, 0.54, 0.525)))
    assert np.ptp(near) == pytest.approx(20 * 2.7, abs=2)
    assert np.ptp(far) == pytest.approx(20 * 4.0, abs=2)
    assert near.mean() == pytest.approx(125, abs=1)


@pytest.mark.parametrize(("left", "seen"), [(-0.04, (0, 53)), (0.0, (0, 53)), (0.92, (196, 249)), (1.5, (196, 249))])
def test_a_crop_is_shifted_inside_the_image_and_not_padded(left: float, seen: tuple[int, int]) -> None:
    crop = view(columns(), Box(left, 0.475, left + 0.08, 0.525))[0][..., 0]
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
    views = [node.view(image, box) for image in reds]
    assert node.uncalibrated(views) == pytest.approx([1.0, 0.2, 0.8])
    answers = [answer[LIVENESS] for answer in node.estimate(views)]
    assert [answer.value for answer in answers] == [True, False, True]
    assert [answer.confidence > 0.5 for answer in answers] == [True, False, True]


def test_no_views_give_no_answers() -> None:
    assert estimator().estimate([]) == []


@given(box=st.tuples(anywhere, anywhere, anywhere, anywhere), side=st.sampled_from([1, 2, 90]))
def test_any_finite_box_gives_two_crops(box: tuple[float, float, float, float], side: int) -> None:
    crops = view(np.zeros((side, side + 20, 3), np.uint8), Box(*box))
    assert [crop.shape for crop in crops] == [(80, 80, 3)] * 2


@given(left=st.floats(-1.5, 1.5), top=st.floats(-1.5, 1.5), width=st.floats(0, 3), height=st.floats(0, 3))
def test_a_crop_shows_nothing_but_the_image(left: float, top: float, width: float, height: float) -> None:
    image = np.full((40, 60, 3), 200, np.uint8)
    assert all((crop == 200).all() for crop in view(image, Box(left, top, left + width, top + height)))


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


@pytest.fixture(scope="module")
def own() -> LivenessEstimator:
    if not OWN.is_file():
        pytest.skip("the file of weights is not there")
    return LivenessEstimator({"liveness": [Model("facet_liveness", "facet-liveness", open_session(OWN))]})


def test_our_own_network_is_shown_one_crop_of_its_own_size_as_it_is() -> None:
    shown: list[NDArray[np.float32]] = []

    def answer(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        shown.extend(inputs)
        return [np.array([0.9, 0.2], np.float32)]

    node = LivenessEstimator({"liveness": [Model("any name", "facet-liveness", answer)]})
    image = np.full((200, 200, 3), (10, 20, 30), np.uint8)
    looks = [node.view(image, Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)}))] * 2
    assert [crop.shape for crop in looks[0]] == [(FACET.size, FACET.size, 3)]
    answers = [each[LIVENESS] for each in node.estimate(looks)]
    assert [(each.value, round(each.confidence, 3)) for each in answers] == [(True, 0.9), (False, 0.2)]
    assert shown[0].shape == (2, 3, FACET.size, FACET.size)
    assert shown[0].dtype == np.float32
    assert shown[0][1, :, 5, 5].tolist() == [10, 20, 30]  # RGB, 0..255


def test_networks_with_crops_of_different_sizes_answer_together() -> None:
    def sure(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return [np.ones(len(inputs[0]), np.float32)]

    models = [Model(NAMES[0], "minifasnet", brightness), Model("facet_liveness", "facet-liveness", sure)]
    node = LivenessEstimator({"liveness": models})
    look = node.view(np.full((90, 90, 3), (51, 0, 0), np.uint8), Attributes({BOX: Box(0.4, 0.4, 0.6, 0.6)}))
    assert [crop.shape[0] for crop in look] == [80, FACET.size]
    assert node.estimate([look])[0][LIVENESS].confidence == pytest.approx(0.6)


def test_a_crop_that_shrinks_much_does_not_alias() -> None:
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = FACET.crop(stripes, Box(0.0, 0.0, 1.0, 1.0))
    assert np.ptp(crop.astype(int)) <= 2


def test_our_own_file_is_small_and_takes_any_number_of_faces_each_told_alone(own: LivenessEstimator) -> None:
    assert OWN.stat().st_size <= 2_000_000
    network = onnx.load(OWN).graph
    assert [node.name for node in (*network.input, *network.output)] == ["image", "live"]
    random = np.random.default_rng(0)
    looks = [(random.integers(0, 256, (FACET.size, FACET.size, 3), np.uint8),) for _ in range(3)]
    together = [each[LIVENESS].confidence for each in own.estimate(looks)]
    alone = [own.estimate([look])[0][LIVENESS].confidence for look in looks]
    assert together == pytest.approx(alone, abs=1e-4)
    assert all(0 <= confidence <= 1 for confidence in together)


def test_our_own_network_tells_live_from_printed_faces_of_subjects_it_has_not_seen(
    own: LivenessEstimator,
    data: Callable[[str], Path],
    models_for: Callable[..., Mapping[str, tuple[Model, ...]]],
) -> None:
    folder = data("liveness")
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if held_out(row["subject"])][::4]
    live = {folder / row["path"]: row["label"] == "live" for row in rows}
    faces = list(largest_faces(FaceFitter(models_for(*FaceFitter.tasks)), live))
    told = own.estimate([own.view(face.image, face.attributes) for _, face in faces])
    right = [answer[LIVENESS].value == live[path] for (path, _), answer in zip(faces, told, strict=True)]
    assert len(right) > 70
    assert np.mean(right) >= LEAST_RIGHT
