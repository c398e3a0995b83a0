"""What probabilities are worth."""

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from estimators.confidence import Scaling, load_scaling
from models import Model, choice_name, load_manifest
from schemas.attributes import EMOTION_NAMES
from training.calibrate_confidence import Answers, fitted

Array = NDArray[np.float64]
TASKS = ("mask", "liveness", "age-gender", "expression")
slopes = st.floats(0.05, 10)
shares = arrays(np.float64, st.integers(1, 9), elements=st.floats(0, 1))
ENTRIES = json.loads(files("estimators.calibration").joinpath("confidence.json").read_text(encoding="utf-8"))


def silent(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """A network that is never asked."""
    raise AssertionError(f"{len(inputs)} inputs")


def classes(random: np.random.Generator, count: int) -> Array:
    """(count, 7) probabilities, of which some are exactly 0."""
    likely = random.dirichlet(np.full(7, 0.2), count)
    likely[likely < 0.01] = 0
    return np.asarray(likely / likely.sum(1, keepdims=True), np.float64)


@given(likely=shares)
def test_without_slopes_a_probability_stays_as_it_is(likely: Array) -> None:
    np.testing.assert_array_equal(Scaling().yes(likely), likely)


def test_without_slopes_the_shares_of_classes_stay_as_they_are() -> None:
    likely = classes(np.random.default_rng(0), 20)
    np.testing.assert_allclose(Scaling().classes(likely), likely, atol=1e-15)


@given(likely=shares, against=slopes, in_favour=slopes)
def test_no_verdict_changes_and_the_order_stays(likely: Array, against: float, in_favour: float) -> None:
    scaled = Scaling((against, in_favour)).yes(likely)
    assert ((scaled >= 0) & (scaled <= 1)).all()
    np.testing.assert_array_equal(scaled > 0.5, likely > 0.5)
    assert (np.diff(scaled[np.argsort(likely)]) >= 0).all()


def test_each_side_of_a_half_has_its_slope() -> None:
    scaled = Scaling((0.5, 2.0)).yes(np.array([0.2, 0.5, 0.8]))
    assert scaled == pytest.approx([1 / (1 + 4**0.5), 0.5, 1 / (1 + 4**-2)])


def test_one_slope_makes_classes_less_sure_and_keeps_the_likeliest() -> None:
    likely = classes(np.random.default_rng(0), 50)
    scaled = Scaling((0.3,)).classes(likely)
    assert scaled.sum(1) == pytest.approx(np.ones(50))
    assert (scaled.max(1) <= likely.max(1) + 1e-9).all()
    np.testing.assert_array_equal(scaled.argmax(1), likely.argmax(1))


def test_networks_count_by_their_slopes() -> None:
    one, other = np.array([[0.8, 0.2]]), np.array([[0.1, 0.9]])
    assert Scaling((1.0, 0.5)).classes(one, other)[0] == pytest.approx([0.8 / 1.4, 0.6 / 1.4])
    assert Scaling().classes(one, other)[0] == pytest.approx([2 / 5, 3 / 5])  # square roots of .08 and .18


def test_what_was_never_measured_is_left_as_it_is() -> None:
    assert load_scaling((Model("unheard of", "any", silent),)) == Scaling()


def test_models_that_answer_together_have_numbers_of_their_own() -> None:
    pair = (Model("one", "any", silent), Model("other", "any", silent))
    assert choice_name(pair) == "one+other"
    assert choice_name(pair[:1]) == "one"


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_committed_fits_the_models_and_is_calibrated(name: str) -> None:
    entry, manifest = ENTRIES[name], load_manifest()
    choices = {task: ["+".join(spec.name for spec in choice) for choice in manifest.choices(task)] for task in TASKS}
    (task,) = (task for task, names in choices.items() if name in names)
    assert len(entry["slopes"]) == (len(name.split("+")) if task == "expression" else 2)
    most = 0.06 if task == "age-gender" else 0.05  # that of gender stays inside
    assert entry["provenance"]["after"]["calibration_error"] <= most


def test_all_that_serve_a_confidence_were_measured() -> None:
    manifest = load_manifest()
    names = {"+".join(spec.name for spec in choice) for task in TASKS for choice in manifest.choices(task)}
    assert names <= set(ENTRIES)


def test_a_fit_finds_how_sure_a_network_is_too_much() -> None:
    random = np.random.default_rng(0)
    odds = random.normal(0, 2, 4000)
    truth = (random.random(4000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    likely = 1 / (1 + np.exp(-3 * odds))  # three times too sure
    scaling = fitted(Answers((likely,), truth, np.zeros(4000, np.bool_)))
    assert scaling.slopes == pytest.approx((1 / 3, 1 / 3), abs=0.04)


def test_a_fit_of_separable_answers_does_not_saturate() -> None:
    truth = np.repeat([0, 1], 50)
    likely = np.where(truth == 1, 0.7, 0.3)
    scaling = fitted(Answers((likely,), truth, np.zeros(100, np.bool_)))
    assert scaling.yes(np.array([0.3, 0.7])) == pytest.approx([1 / 52, 51 / 52], abs=0.002)


def test_a_fit_gives_a_network_that_knows_nothing_no_say() -> None:
    random = np.random.default_rng(0)
    knowing = random.dirichlet(np.ones(len(EMOTION_NAMES)), 3000)
    guessing = random.dirichlet(np.ones(len(EMOTION_NAMES)), 3000)
    truth = np.array([random.choice(len(EMOTION_NAMES), p=row) for row in knowing])
    scaling = fitted(Answers((knowing, guessing), truth, np.zeros(3000, np.bool_)))
    assert scaling.slopes == pytest.approx((1.0, 0.02), abs=0.08)
