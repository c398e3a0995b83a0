"""Intervals of figures."""

import numpy as np
import pytest
from scipy.stats import norm

from eval.bootstrap import Bootstrap


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    figure = Bootstrap(seed=2, resamples=4000).figure("mean", np.mean, values)
    assert figure.interval is not None
    expected = norm.interval(0.95, values.mean(), values.std() / 20)
    assert figure.interval == pytest.approx(expected, abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.arange(30.0)
    first, second, other = (Bootstrap(seed, 50).figure("mean", np.mean, values) for seed in (3, 3, 4))
    assert first == second != other


def test_items_that_belong_together_widen_the_interval() -> None:
    clusters = np.repeat(np.arange(10), 20)
    values = (clusters % 2).astype(float)  # ten independent values, not two hundred
    alone, together = (
        Bootstrap().figure("mean", np.mean, values, clusters=each).interval for each in (None, clusters.tolist())
    )
    assert alone is not None
    assert together is not None
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


def test_a_share_without_a_miss_is_not_certain() -> None:
    figure = Bootstrap().share("hits", [True] * 100)
    assert figure.value == 1
    assert figure.interval == pytest.approx((0.025 ** (1 / 100), 1))  # Clopper and Pearson's formula for all of n


def test_two_clusters_that_agree_are_not_certain() -> None:
    figure = Bootstrap().share("hits", [True, False] * 10, ["a", "a", "b", "b"] * 5)
    assert figure.interval == pytest.approx((0.272, 0.728), abs=0.001)  # as of 10 among 20


def test_a_figure_that_never_changes_has_no_interval() -> None:
    assert Bootstrap().figure("mean", np.mean, [2.0, 2.0, 2.0]).interval is None


def test_resamples_without_a_figure_do_not_count() -> None:
    def first_of_two(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        if len(set(values.tolist())) < 2:
            raise ValueError
        return float(values.min())

    assert Bootstrap().figure("least", first_of_two, [1.0, 2.0]).interval is None


@pytest.mark.parametrize("columns", [[[]], [[], []]])
def test_nothing_has_no_figure(columns: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="nothing to measure"):
        Bootstrap().figure("mean", np.mean, *columns)
    with pytest.raises(ValueError, match="nothing to measure"):
        Bootstrap().share("hits", [])
