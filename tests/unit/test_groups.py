"""False matches by group, on vectors whose distances are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.bootstrap import middle
from eval.groups import (
    difference_hash,
    false_matches,
    impostors,
    pair_groups,
    repeated,
    resampled,
)

AXES = np.eye(4)
WOMEN_AND_MEN = ["female", "female", "male", "male"]


def test_pairs_of_one_person_are_no_impostors() -> None:
    pairs = impostors(AXES, ["a", "a", "b", "c"])
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 3),
    ]
    assert pairs.distances.tolist() == [5000] * 5


def test_the_length_of_a_vector_does_not_matter() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8))
    lengths = np.arange(1, 6)[:, None]
    plain, longer = impostors(vectors, "abcde"), impostors(vectors * lengths, "abcde")
    assert (plain.distances == longer.distances).all()


def test_a_pair_belongs_to_the_group_of_both_or_to_a_mixed_one() -> None:
    pairs = impostors(AXES, "abcd")
    mixed = "female and male"
    assert pair_groups(pairs, WOMEN_AND_MEN).tolist() == ["female", mixed, mixed, mixed, mixed, "male"]
    assert pair_groups(pairs, WOMEN_AND_MEN[::-1]).tolist() == ["male", mixed, mixed, mixed, mixed, "female"]
    assert set(pair_groups(pairs, ["0", "1", "2", "2"], mixed="different")) == {"2", "different"}


def test_rates_are_told_by_group() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [-1, 0]])
    pairs = impostors(vectors, "abcd")
    women, mixed, men = false_matches(pairs, pair_groups(pairs, WOMEN_AND_MEN), threshold=100)
    assert (women.group, women.people, women.pairs, women.accepted, women.rate) == ("female", 2, 1, 1, 1.0)
    assert (mixed.group, mixed.people, mixed.pairs, mixed.accepted, mixed.rate) == ("female and male", 4, 4, 0, 0.0)
    assert (men.group, men.pairs, men.rate) == ("male", 1, 0.0)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2000, 6000))
def test_an_interval_holds_its_rate_and_is_not_narrower_than_that_of_independent_pairs(seed: int, bar: int) -> None:
    random = np.random.default_rng(seed)
    people = [str(each) for each in random.integers(0, 6, 20)]
    pairs = impostors(random.normal(size=(20, 3)), people)
    groups = pair_groups(pairs, [str(each) for each in random.integers(0, 2, 20)])
    for found in false_matches(pairs, groups, bar, resamples=50):
        assert 0 <= found.low <= found.rate <= found.high <= 1
        assert found.high - found.low >= 1.9 * np.sqrt(found.rate * (1 - found.rate) / found.pairs) * 0.9


def test_no_false_match_among_few_pairs_is_no_proof() -> None:
    pairs = impostors(AXES, "abcd")
    [found] = false_matches(pairs, ["all"] * 6, threshold=0)
    assert (found.accepted, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 6))


def test_many_images_of_few_people_make_wide_intervals() -> None:
    """Of four people two look alike: 100 images of each say little more about people than one image of each."""
    looks = np.array([[1.0, 0, 0], [1, 0.01, 0], [0, 1, 0], [0, 0, 1]])
    people = [name for name in "abcd" for _ in range(25)]
    pairs = impostors(np.repeat(looks, 25, axis=0), people)
    [found] = false_matches(pairs, ["all"] * len(pairs.distances), threshold=100)
    assert found.rate == pytest.approx(1 / 6)
    assert found.high - found.low > 0.3


def test_the_same_seed_gives_the_same_interval() -> None:
    pairs = impostors(np.random.default_rng(1).normal(size=(30, 3)), [str(each // 2) for each in range(30)])
    groups = ["all"] * len(pairs.distances)
    assert false_matches(pairs, groups, 3000) == false_matches(pairs, groups, 3000)
    assert false_matches(pairs, groups, 3000) != false_matches(pairs, groups, 3000, seed=1)


def test_as_many_people_are_drawn_as_there_are() -> None:
    drawn = resampled(7, 100, seed=0)
    assert drawn.shape == (100, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean() == pytest.approx(1)


def test_an_interval_leaves_out_resamples_without_a_rate() -> None:
    assert middle([np.nan, *range(101)]) == pytest.approx((2.5, 97.5))


def test_a_picture_is_known_again_after_a_change_of_light_and_size() -> None:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 200, (12, 12, 3)).astype(np.uint8)
    picture = coarse.repeat(20, axis=0).repeat(20, axis=1)
    brighter, smaller = picture + np.uint8(40), np.ascontiguousarray(picture[::2, ::2])
    other = random.integers(0, 200, (240, 240, 3)).astype(np.uint8)
    hashes = [difference_hash(each) for each in (picture, other, brighter, smaller)]
    assert repeated(hashes).tolist() == [False, False, True, True]


def test_nothing_repeats_itself() -> None:
    assert repeated([difference_hash(np.zeros((9, 9, 3), np.uint8))]).tolist() == [False]
