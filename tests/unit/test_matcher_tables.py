"""The tables that say what a distance means, and the script that makes them."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from estimators.calibration import (
    ANCHORS,
    FARTHEST,
    TABLES,
    Calibration,
    distances,
    load_calibration,
    load_calibrations,
    rates,
    score_knots,
    threshold,
)
from eval.pairs import every_pair, histograms
from eval.split import key
from training.calibrate_matcher import RATES, Point, certainty, summary
from training.calibrate_matcher import table as table_text


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest) -> Calibration:
    return load_calibration(request.param)


def test_every_table_is_listed_and_has_its_own_model() -> None:
    present = [entry for entry in files("estimators.calibration").iterdir() if entry.name.endswith(".json")]
    tables = {entry.name for entry in present if "impostor" in json.loads(entry.read_text(encoding="utf-8"))}
    assert tables == {f"{name}.json" for name in TABLES}
    assert set(load_calibrations()) == {(name, 1) for name in TABLES}


def test_error_rates_are_monotone_and_reach_both_ends(table: Calibration) -> None:
    assert len(table.false_accept) == len(table.false_reject) == FARTHEST + 1
    assert (np.diff(table.false_accept) >= 0).all()
    assert (np.diff(table.false_reject) <= 0).all()
    assert table.false_accept[0] == 0
    assert table.false_accept[-1] == 1
    assert table.false_reject[-1] == 0
    assert table.false_reject[0] > 0.99


def test_the_score_falls_from_one_to_zero_without_resting(table: Calibration) -> None:
    assert (np.diff(table.score) < 0).all()
    assert (table.score[0], table.score[-1]) == (1, 0)


@pytest.mark.parametrize(("rate", "score"), ANCHORS)
def test_a_threshold_on_the_score_bounds_the_false_accept_rate(table: Calibration, rate: float, score: float) -> None:
    at = int(np.flatnonzero(table.score >= score)[-1])
    assert table.score[at] == pytest.approx(score, abs=1e-12)
    assert table.false_accept[at] <= rate < table.false_accept[at + 1]


def test_a_score_of_85_percent_is_where_one_impostor_in_ten_thousand_passes(table: Calibration) -> None:
    at = int(np.flatnonzero(table.score >= 0.85)[-1])
    assert table.false_accept[at] == pytest.approx(1e-4, rel=0.05)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_where_it_comes_from(name: str) -> None:
    raw = json.loads(files("estimators.calibration").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    provenance = raw["provenance"]
    assert sum(raw["impostor"]["counts"]) == provenance["impostor_pairs"] > 1_700_000
    assert sum(raw["genuine"]["counts"]) == provenance["genuine_pairs"] > 700
    assert provenance["impostor_pairs"] + provenance["genuine_pairs"] == (
        provenance["faces"] * (provenance["faces"] - 1) // 2
    )
    assert all(len(digest) == 64 for digest in provenance["models"].values())


def test_a_rate_counts_the_pairs_on_the_accepted_side() -> None:
    impostor, genuine = np.zeros((2, FARTHEST + 1), np.int64)
    impostor[[10, 20]] = 1, 3
    genuine[[0, 10, 11]] = 2, 1, 1
    false_accept, false_reject = rates(impostor, genuine)
    assert false_accept[[0, 9, 10, 19, 20, FARTHEST]].tolist() == [0, 0, 0.25, 0.25, 1, 1]
    assert false_reject[[0, 9, 10, 11, FARTHEST]].tolist() == [0.5, 0.5, 0.25, 0, 0]


def test_knots_lie_at_the_last_distance_within_each_rate() -> None:
    false_accept = np.minimum(np.arange(FARTHEST + 1) / 5e4, 1)
    assert score_knots(false_accept) == [(0, 1), (5, 0.85), (50, 0.7), (500, 0.5), (5000, 0.25), (FARTHEST, 0)]


def test_distances_stay_in_range_whatever_rounding_does_to_a_cosine() -> None:
    assert distances(np.array([1 + 1e-7, 1, 0, -1, -1 - 1e-7])).tolist() == [0, 0, 5000, 10_000, 10_000]


def test_a_new_table_has_what_was_counted() -> None:
    same, close, far = np.eye(4)[0], np.array([0.9, np.sqrt(0.19), 0, 0]), np.eye(4)[2]
    names = ["A_B_0001.jpg", "A_B_0002.jpg", "C_0001.jpg"]
    found = every_pair(np.array([same, close, far]), [key("verification", name) for name in names])
    impostor, genuine = histograms(found)
    assert np.flatnonzero(genuine).tolist() == [500]
    assert {int(at): int(impostor[at]) for at in np.flatnonzero(impostor)} == {5000: 2}
    points = [Point(1e-3, 4999, 0, (0.0, 1e-3), 1.0, (0.9, 1.0))]
    raw = json.loads(table_text("any", 3, {"images": 3}, (impostor, genuine), points))
    assert (raw["model"], raw["version"], raw["provenance"]) == ("any", 3, {"images": 3})
    assert raw["genuine"] == {"first": 500, "counts": [1]}
    assert raw["impostor"] == {"first": 5000, "counts": [2]}
    assert raw["score"][0] == [0, 1]
    assert raw["score"][-1] == [10_000, 0]
    [point] = raw["certainty"]
    assert (point["distance"], point["false_accept"]) == (4999, [0, 1e-3])


def test_a_person_who_is_drawn_twice_is_no_stranger_to_themselves() -> None:
    names = ["A_0001.jpg", "A_0002.jpg", "B_0001.jpg", "C_0001.jpg"]
    found = every_pair(np.eye(4), [key("verification", name) for name in names])
    plain = histograms(found)
    assert [int(counts.sum()) for counts in plain] == [5, 1]
    impostor, genuine = histograms(found, np.array([2.0, 1, 0]))
    assert [int(counts.sum()) for counts in (impostor, genuine)] == [4, 2]
    one_person = histograms(found, np.array([3.0, 0, 0]))
    assert [int(counts.sum()) for counts in one_person] == [0, 3]


def test_intervals_hold_their_figures_and_are_the_same_again() -> None:
    random = np.random.default_rng(0)
    looks = random.normal(size=(60, 3)).repeat(3, axis=0) + 0.2 * random.normal(size=(180, 3))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    found = every_pair(looks, [f"P{each // 3}" for each in range(180)])
    points = certainty(found, resamples=40)
    assert points == certainty(found, resamples=40)
    for point in points[:1]:
        assert point.false_accept[0] <= point.false_accept_rate * 1.05
        assert point.true_accept_interval[0] <= point.true_accept <= point.true_accept_interval[1]


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize(("rate", "score"), ANCHORS)
def test_the_threshold_for_a_rate_is_where_its_score_is(model: str, rate: float, score: float) -> None:
    at = threshold(model, rate)
    table = load_calibration(model)
    assert table.score[at] == pytest.approx(score, abs=1e-12)
    assert table.false_accept[at] <= rate < table.false_accept[at + 1]


@pytest.mark.parametrize(("model", "rate"), [("foamliu", 1e-6), ("foamliu", 0), ("foamliu", 1.1), ("foamliu", np.nan)])
def test_there_is_no_threshold_for_a_rate_that_was_not_measured(model: str, rate: float) -> None:
    with pytest.raises(ValueError, match="was not measured: 1e-05 to 1 can be had"):
        threshold(model, rate)


def test_there_is_no_threshold_for_a_model_without_a_table() -> None:
    with pytest.raises(ValueError, match="no calibration for templates of dlib; there are foamliu"):
        threshold("dlib", 1e-3)


def test_a_person_is_what_precedes_the_number() -> None:
    assert key("verification", "Jane_van_Doe_0012.jpg") == "Jane_van_Doe"


GUIDE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("model", TABLES)
def test_the_guide_states_the_thresholds_of_the_tables(model: str) -> None:
    assert f"| `{model}` | {' | '.join(str(threshold(model, rate)) for rate, _ in ANCHORS)} |" in GUIDE


@pytest.mark.parametrize("model", TABLES)
def test_the_guide_states_how_certain_the_thresholds_are(model: str) -> None:
    raw = json.loads(files("estimators.calibration").joinpath(f"{model}.json").read_text(encoding="utf-8"))
    assert [point["false_accept_rate"] for point in raw["certainty"]] == list(RATES)
    table = load_calibration(model)
    for point in raw["certainty"]:
        distance, (low, high) = point["distance"], point["false_accept"]
        assert distance == threshold(model, point["false_accept_rate"])
        assert point["impostor_pairs"] == round(table.false_accept[distance] * raw["provenance"]["impostor_pairs"])
        assert point["true_accept"] == pytest.approx(1 - table.false_reject[distance], abs=1e-4)
        assert low <= table.false_accept[distance] <= high
        assert summary(model, Point(**point)) in GUIDE
