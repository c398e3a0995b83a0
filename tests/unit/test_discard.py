"""Error versus discard, and the list of genuine pairs that it is measured on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from eval.discard import SHARES, error_versus_discard, pair_qualities
from eval.genuine import Pair, genuine_pairs, person, photographs

_DISTANCES = [1.0, 2.0, 3.0, 9.0, 9.0, 1.0, 2.0, 3.0, 1.0, 2.0]  # 2 of 10 beyond 5


def test_a_perfect_quality_discards_what_is_missed_first() -> None:
    rates = error_versus_discard(_DISTANCES, [-each for each in _DISTANCES], 5, (0, 0.1, 0.2, 0.4))
    assert rates == pytest.approx([0.2, 1 / 9, 0, 0])


def test_a_quality_that_is_wrong_discards_what_is_recognised_first() -> None:
    assert error_versus_discard(_DISTANCES, _DISTANCES, 5, (0, 0.4, 0.8)) == pytest.approx([0.2, 1 / 3, 1])


def test_equal_qualities_tell_nothing() -> None:
    assert error_versus_discard(_DISTANCES, [0.5] * 10, 5) == pytest.approx([0.2] * len(SHARES))


def test_a_tie_at_the_border_is_discarded_in_part() -> None:
    # The two missed are among four of the lowest quality: half of those gone, one missed is left in the mean.
    qualities = [1, 1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert error_versus_discard(_DISTANCES, qualities, 5, (0.2, 0.4)) == pytest.approx([1 / 8, 0])


def test_a_distance_at_the_threshold_is_accepted() -> None:
    assert error_versus_discard([5.0, 5.1], [1, 1], 5, (0,)) == [0.5]


def test_the_poorer_photograph_is_the_quality_of_the_pair() -> None:
    assert pair_qualities([0.2, 0.9], [0.5, 0.1]).tolist() == [0.2, 0.1]


def test_nothing_to_compare_has_no_rate() -> None:
    assert np.isnan(error_versus_discard([], [], 5)).all()


@pytest.mark.parametrize(("qualities", "shares"), [([1.0], (0.1,)), ([1.0, 1.0], (1.0,)), ([1.0, 1.0], (-0.1,))])
def test_senseless_questions_are_refused(qualities: list[float], shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"quality|share"):
        error_versus_discard([1.0, 2.0], qualities, 5, shares)


@given(some.lists(some.tuples(some.floats(0, 10), some.integers(0, 3)), min_size=1, max_size=30))
def test_neither_order_nor_units_of_quality_matter(pairs: list[tuple[float, int]]) -> None:
    distances, qualities = np.array([each for each, _ in pairs]), np.array([each for _, each in pairs])
    order = np.random.default_rng(len(pairs)).permutation(len(pairs))
    rates = error_versus_discard(distances, qualities, 5)
    assert error_versus_discard(distances[order], 3 * qualities[order] + 7, 5) == pytest.approx(rates)
    assert all(-1e-9 <= rate <= 1 + 1e-9 for rate in rates)


def _names(prefix: str, people: int, each: int) -> list[str]:
    return [f"images/{prefix.format(who=who, number=number)}" for who in range(people) for number in range(each)]


_SETS = {
    "verification": _names("Jane_{who}_000{number}.jpg", 5, 3),
    "head_pose": _names("person{who:02d}1{number:02d}-15+30.jpg", 4, 8),
    "liveness": [
        *_names("live_{who:04d}_00_06_03_{number}.jpg", 3, 8),
        *_names("spoof_{who:04d}_00_06_03_{number}.jpg", 3, 8),
    ],
}


def test_people_are_told_by_their_names() -> None:
    assert person("verification", "images/Abdel_Aziz_Al-Hakim_0001.jpg") == "Abdel_Aziz_Al-Hakim"
    assert person("head_pose", "images/person01118-30-30.jpg") == "01"
    assert person("liveness", "images/live_0004_01_06_03_141.jpg") == "0004"
    assert person("liveness", "images/spoof_0004_01_06_03_141.jpg") is None
    assert person("head_pose", "images/nobody.jpg") is None


def test_all_press_photographs_count_and_the_rest_is_drawn_evenly() -> None:
    pairs = genuine_pairs(_SETS, count=85)
    numbers = {task: [pair.person for pair in pairs if pair.task == task] for task in _SETS}
    assert {task: len(people) for task, people in numbers.items()} == {
        "verification": 15,
        "head_pose": 35,
        "liveness": 35,
    }
    for people in numbers.values():
        shares = [people.count(who) for who in set(people)]
        assert max(shares) - min(shares) <= 1
    assert len(set(pairs)) == len(pairs)
    assert all(person(*one) == person(*other) == pair.person for pair in pairs for one, other in [_both(pair)])


def _both(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return (pair.task, pair.first), (pair.task, pair.second)


def test_the_list_is_the_same_whatever_the_order_and_another_with_another_seed() -> None:
    backwards = {task: reversed(names) for task, names in reversed(_SETS.items())}
    assert genuine_pairs(backwards, count=60) == genuine_pairs(_SETS, count=60)
    assert genuine_pairs(_SETS, count=60, seed=4) != genuine_pairs(_SETS, count=60)


def test_a_small_set_leaves_its_share_to_the_other_and_a_missing_one_is_no_matter() -> None:
    few = {**_SETS, "liveness": _names("live_{who:04d}_00_06_03_{number}.jpg", 1, 3)}
    assert len([pair for pair in genuine_pairs(few, count=85) if pair.task == "head_pose"]) == 67
    assert {pair.task for pair in genuine_pairs({"head_pose": _SETS["head_pose"]})} == {"head_pose"}
    assert genuine_pairs({}) == []


def test_every_photograph_is_named_once() -> None:
    pairs = genuine_pairs(_SETS)
    assert photographs(pairs) == sorted({place for pair in pairs for place in _both(pair)})
