"""What each task makes of answers that are known."""

import itertools

import numpy as np
import pytest

from eval.bootstrap import Bootstrap
from eval.genuine import Pair
from eval.plots import Bars, Curves, Matrix
from eval.task import Measured
from eval.tasks import (
    age,
    emotion,
    eyes,
    gender,
    head_pose,
    key_points,
    liveness,
    mask,
    quality,
    strangers,
    verification,
)

BOOTSTRAP = Bootstrap(resamples=20)
FACE = {"bbox": [0.1, 0.1, 0.9, 0.9]}


def values(measured: Measured, *, half: bool = False) -> dict[str, float]:
    return {figure.name: figure.value for figure in measured.figures if figure.half is half}


def test_ages_are_off_by_region_and_on_average() -> None:
    seen = [
        age.Seen(label, gender, label + off, half, FACE)
        for label, gender, off, half in ((25, "male", 3, True), (28, "female", -1, True), (75, "male", -10, False))
    ]
    measured = age.TASK.measure(seen, BOOTSTRAP)
    assert values(measured)["mean absolute error, years"] == pytest.approx(14 / 3)
    assert values(measured)["bias, years"] == pytest.approx(-8 / 3)
    assert values(measured, half=True)["mean absolute error, years, aged 20-29"] == pytest.approx(2)
    (plot,) = measured.plots
    assert isinstance(plot, Bars)
    assert plot.groups == ["20-29"]
    assert plot.series["bias"] == [1]


def test_children_count_apart_for_the_gender() -> None:
    seen = [gender.Seen("male", years, told, True, FACE) for years, told in ((5, "female"), (30, "male"), (40, "male"))]
    figures = values(gender.TASK.measure(seen, BOOTSTRAP))
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["accuracy, aged 13 and more"] == 1
    assert figures["accuracy, aged under 13"] == 0


def test_emotions_are_counted_by_label_and_answer() -> None:
    seen = [
        emotion.Seen("happy", {"happy": 0.9, "scared": 0.1}, True),
        emotion.Seen("scared", {"scared": 0.4, "surprised": 0.6}, True),
        emotion.Seen("scared", {"scared": 0.7, "surprised": 0.3}, False),
    ]
    measured = emotion.TASK.measure(seen, BOOTSTRAP)
    assert values(measured)["accuracy"] == pytest.approx(2 / 3)
    assert values(measured)["macro recall"] == pytest.approx(0.75)
    assert values(measured, half=True)["accuracy"] == 0.5
    matrix = measured.plots[0]
    assert isinstance(matrix, Matrix)
    assert matrix.counts.sum() == 2
    assert matrix.counts[matrix.classes.index("scared"), matrix.classes.index("surprised")] == 1


def test_faces_that_are_not_found_are_told_apart_from_wrong_answers() -> None:
    seen = [
        mask.Seen(True, mask.Answer(True, 0.9), True),
        mask.Seen(True, None, True),
        mask.Seen(False, mask.Answer(True, 0.6), False),
    ]
    figures = values(mask.TASK.measure(seen, BOOTSTRAP))
    assert figures["accuracy over faces found"] == 0.5
    assert figures["masked faces not found"] == 0.5
    assert figures["bare faces not found"] == 0
    assert figures["images without a face found"] == 1


def test_attacks_accepted_and_people_refused_are_told_apart() -> None:
    answers = [(False, True), (False, False), (False, False), (False, False), (True, True), (True, False)]
    seen = [liveness.Seen(live, "0001", liveness.Answer(real, 0.5 + 0.4 * real)) for live, real in answers]
    figures = values(liveness.TASK.measure(seen, BOOTSTRAP))
    assert figures["attacks accepted (APCER)"] == 0.25
    assert figures["live people refused (BPCER)"] == 0.5
    assert figures["mean of both (ACER)"] == 0.375


def test_live_people_alone_have_one_error() -> None:
    seen = [liveness.Seen(True, "0001", liveness.Answer(True, 0.9)), liveness.Seen(True, "0002", None)]
    figures = values(liveness.TASK.measure(seen, BOOTSTRAP))
    assert figures == {"live people refused (BPCER)": 0, "images without a face found": 1}


def test_angles_are_off_by_range() -> None:
    seen = [
        head_pose.Seen("01", 0, 0, {"yaw": 5, "pitch": -3}),
        head_pose.Seen("02", 90, 0, {"yaw": 60, "pitch": 0}),
        head_pose.Seen("02", 0, 15, None),
    ]
    figures = values(head_pose.TASK.measure(seen, BOOTSTRAP))
    assert figures["mean absolute error of yaw, degrees, |yaw| <= 60"] == 5
    assert figures["mean absolute error of yaw, degrees, all"] == 17.5
    assert figures["mean absolute error of pitch, degrees, all"] == 1.5
    assert figures["images without a face found"] == 1


def test_key_points_are_off_by_shares_of_the_distance_of_the_eyes() -> None:
    truth = np.zeros((68, 2))
    truth[45] = (100, 0)  # the outer corner of the eye on the image's right; the other is at 0
    found = np.array([truth[list(indices)].mean(axis=0) for indices in key_points.SAME.values()]) + 0.5
    assert key_points.errors(truth, found).max() == pytest.approx(0)
    assert key_points.errors(truth, found + np.array([3, 4])).mean() == pytest.approx(0.05)


def test_eyes_are_open_from_one_half() -> None:
    seen = [eyes.Seen(True, 0.5, False), eyes.Seen(True, 0.4, False), eyes.Seen(False, 0.1, False)]
    figures = values(eyes.TASK.measure(seen, BOOTSTRAP))
    assert figures["accuracy at 0.5"] == pytest.approx(2 / 3)
    assert figures["area under the curve"] == 1


def directions(*angles: float) -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    return [np.array([np.cos(angle), np.sin(angle)], np.float32) for angle in angles]


def test_pairs_are_judged_and_those_without_a_face_are_told_different() -> None:
    one, alike, other = directions(0, 0.2, 2.5)
    vectors = {"A_0001.jpg": one, "A_0002.jpg": alike, "B_0001.jpg": other, "B_0002.jpg": None}
    pairs = [
        verification.Pair(fold, first, second, same)
        for fold in "01"
        for first, second, same in (
            ("A_0001.jpg", "A_0002.jpg", True),
            ("A_0001.jpg", "B_0001.jpg", False),
            ("B_0001.jpg", "B_0002.jpg", True),
        )
    ]
    measured = verification.TASK.measure(verification.Seen(pairs, vectors), BOOTSTRAP)
    figures = values(measured)
    assert figures["accuracy over folds, labelled pairs"] == pytest.approx(2 / 3)
    assert figures["images without a face found"] == 1


def stranger(person: str, group: str, angle: float) -> strangers.Seen:
    (vector,) = directions(angle)
    picture = np.random.default_rng(abs(hash(person)) % 2**32).integers(0, 2, 256).astype(np.bool_)
    return strangers.Seen("age_gender", person, group, "20-29", "foamliu", vector, picture)


def test_strangers_are_counted_within_their_groups() -> None:
    seen = [stranger(f"w{number}", "female", 0.01 * number) for number in range(4)]
    seen += [stranger(f"m{number}", "male", 1.8 + 1.4 * number) for number in range(3)]
    figures = values(strangers.TASK.measure(seen, BOOTSTRAP))
    assert figures["strangers accepted, portraits, female"] == 1
    assert figures["strangers accepted, portraits, male"] == 0
    assert figures["strangers accepted, portraits, all"] == pytest.approx(6 / 21)


def test_discarding_the_worst_pairs_lowers_the_error() -> None:
    near, far = directions(0, 3)
    bad = {
        name: quality.Portrait(0.1, "foamliu", vector) for name, vector in (("p_0001.jpg", near), ("p_0002.jpg", far))
    }
    good = {f"q_000{number}.jpg": quality.Portrait(0.8, "foamliu", near) for number in range(4)}
    portraits = {("verification", name): portrait for name, portrait in {**bad, **good}.items()}
    pairs = [Pair("verification", "p", *bad)]
    pairs += [Pair("verification", "q", *names) for names in itertools.islice(itertools.combinations(good, 2), 4)]
    measured = quality.TASK.measure(quality.Seen(pairs, portraits), BOOTSTRAP)
    assert values(measured)["false non-matches"] == pytest.approx(0.2)
    assert values(measured)["false non-matches, the worst 20% discarded"] == 0
    assert all(isinstance(plot, Curves) for plot in measured.plots)


def test_figures_have_names_of_their_own() -> None:
    seen = [emotion.Seen(name, {"happy": 0.5, "sad": 0.5}, half) for name, half in (("happy", True), ("sad", False))]
    figures = emotion.TASK.measure(seen, BOOTSTRAP).figures
    assert len({(figure.name, figure.half) for figure in figures}) == len(figures)
