import numpy as np
import pytest
from numpy.typing import NDArray

from store.ann.hashing import BITS, Compact, closest, compact, planes
from store.ann.index import AnnIndex


def vectors(count: int, dimension: int = 128, seed: int = 0) -> NDArray[np.float32]:
    found = np.random.default_rng(seed).standard_normal((count, dimension), dtype=np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("dimension", [128, 256])
def test_planes_of_one_rotation_are_at_right_angles(dimension: int) -> None:
    normals = planes(dimension)
    assert normals.shape == (dimension, BITS)
    first = normals[:, :dimension]
    assert np.array_equal(first.T @ first, dimension * np.eye(dimension))
    assert np.array_equal(normals, planes(dimension))


@pytest.mark.parametrize("dimension", [128, 256])
def test_signatures_differ_by_the_angle(dimension: int) -> None:
    normals, [one, noise] = planes(dimension), vectors(2, dimension)
    noise -= (noise @ one) * one
    noise /= np.linalg.norm(noise)
    for angle in (0.0, 0.5, 1.5, np.pi):
        other = np.asarray(np.cos(angle) * one + np.sin(angle) * noise, np.float32)
        made = compact(np.stack([one, other]), normals).signatures
        share = int(np.bitwise_count(made[:, 0] ^ made[:, 1]).sum()) / BITS
        assert share == pytest.approx(angle / np.pi, abs=0.1)


def test_bytes_are_about_the_vector() -> None:
    known = vectors(50)
    made = compact(known, planes(128))
    assert np.abs(made.components * made.scales[:, None] - known).max() < 0.003


@pytest.mark.parametrize("count", [1, 50, 51, 3000, 70_000])
def test_who_is_close_is_among_the_closest(count: int) -> None:
    normals, known = planes(128), vectors(count)
    small = compact(known, normals)
    for place in range(0, count, max(1, count // 20)):
        probe = known[place] + 0.06 * vectors(1, seed=place + 1)[0] * np.sqrt(128)
        found = closest(small, np.asarray(probe / np.linalg.norm(probe), np.float32), normals, 50)
        assert place in found
        assert len(found) == len(set(found.tolist())) == min(count, 50)


def test_all_are_given_where_all_are_as_far() -> None:
    normals = planes(128)
    small = compact(np.repeat(vectors(1), 9000, axis=0), normals)
    assert len(closest(small, -vectors(1)[0], normals, 50)) == 50


def test_nothing_is_closest_to_a_vector_among_none() -> None:
    normals = planes(128)
    assert len(closest(compact(vectors(0), normals), vectors(1)[0], normals, 5)) == 0


# Indexes

KNOWN = vectors(4000)


def some(index: AnnIndex, *numbers: int) -> Compact:
    return index.compact(KNOWN[list(numbers)])


def whole(index: AnnIndex, number: int) -> int:
    """The face closest to a vector."""
    [found] = index.candidates(KNOWN[number], 1).tolist()
    return int(found)


def followed(index: AnnIndex, changes: dict[int, int], transactions: list[int], seen: int) -> None:
    """Takes over faces with vectors by number."""
    numbers = np.asarray(list(changes), np.int64)
    index.follow(numbers, np.asarray(transactions, np.int64), some(index, *changes.values()), seen)


def test_a_index_grows() -> None:
    index = AnnIndex(128)
    for start in range(0, 4000, 500):
        numbers = np.arange(start, start + 500)
        index.add(numbers, some(index, *numbers.tolist()))
    assert len(index) == 4000
    assert [whole(index, number) for number in (0, 1023, 1024, 3999)] == [0, 1023, 1024, 3999]
    assert 4000 * 172 <= index.size <= 1.25 * 4000 * 172


def test_a_index_takes_each_change_over_once() -> None:
    index = AnnIndex(128)
    index.seen = 10
    followed(index, {1: 1, 2: 2}, [10, 12], 12)
    followed(index, {1: 1, 2: 2, 3: 3}, [10, 12, 15], 16)  # 1 is old, 2 was seen when its transaction had just ended
    assert len(index) == 3
    followed(index, {}, [], 20)
    assert (len(index), index.seen) == (3, 20)


def test_a_face_that_changes_is_replaced() -> None:
    index = AnnIndex(128)
    index.add(np.arange(5), some(index, 0, 1, 2, 3, 4))
    followed(index, {2: 9, 7: 7}, [5, 5], 6)
    assert len(index) == 6
    assert (whole(index, 9), whole(index, 7), whole(index, 4)) == (2, 7, 4)
    assert whole(index, 2) != 2 or KNOWN[2] @ KNOWN[9] > 0.9
