"""Percentiles, medians with spread, and ratios of rounds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import Spread, percentile, ratios, spread

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.1, 1.0), (0.5, 5.0), (0.51, 6.0), (0.95, 10.0), (0.99, 10.0), (1.0, 10.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 11)], share) == expected


def test_nothing_has_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


@given(NUMBERS, st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_enough_do_not_exceed_it(values: list[float], share: float) -> None:
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


@given(NUMBERS)
def test_the_median_lies_within_the_spread(values: list[float]) -> None:
    found = spread(values)
    assert found is not None
    assert found.least == min(values) <= found.median <= max(values) == found.greatest
    assert found.repeats == len(values)


def test_what_is_no_number_does_not_count() -> None:
    assert spread([math.nan, 2.0, math.inf, 4.0]) == Spread(3.0, 2.0, 4.0, 2)
    assert spread([math.nan]) is None
    assert spread([]) is None


def test_ratios_keep_the_rounds_apart() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_a_ratio_to_nothing_is_no_number() -> None:
    assert [math.isnan(each) for each in ratios([1.0, 1.0, 1.0], [0.0, math.nan, 2.0])] == [True, True, False]


def test_ratios_need_as_many_of_both() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [])
