"""Halves of the labelled images."""

import pytest

from eval.split import held_out, key


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [
        ("verification", "images/George_W_Bush_0012.jpg", "George_W_Bush"),
        ("head_pose", "images/person14232-15-15.jpg", "14"),
        ("head_pose", "images/anne.jpg", "anne.jpg"),
        ("liveness", "images/spoof_0006_00_04_03_451.jpg", "0006"),
        ("liveness", "images/live_0006_00_04_03_451.jpg", "0006"),
        ("mask", "images/mask_0400.jpg", "mask_0400.jpg"),
        ("age_gender", "12500A56.jpg", "12500A56.jpg"),
    ],
)
def test_the_key_is_who_is_shown_or_the_name(folder: str, path: str, expected: str) -> None:
    assert key(folder, path) == expected


def test_halves_are_the_same_on_every_machine_and_about_equal() -> None:
    assert [held_out(name) for name in ("01", "04", "0004", "mask_0400.jpg")] == [True, False, True, True]
    share = sum(held_out(f"{number}.jpg") for number in range(2000)) / 2000
    assert 0.45 < share < 0.55
