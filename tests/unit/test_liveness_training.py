"""What the liveness network is trained on, and how it is measured; without PyTorch."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from estimators.face import FaceFitter
from eval.split import held_out
from models import Model
from training.attacks import KINDS, Shot
from training.liveness import Example, batches, folds
from training.liveness_examples import LIVE, PRINT, RECORDED, Photograph, attacks, augmented, photographs
from training.liveness_figures import Answer, errors, report, separation

FACE = np.array([178.0, 65.0, 270.0, 176.0])  # in the astronaut's photograph, pixels


@pytest.fixture
def shot(astronaut: NDArray[np.uint8]) -> Shot:
    return Shot(astronaut, FACE)


def example(kind: str, source: str, key: str, level: int) -> Example:
    wide, crop = np.full((160, 160, 3), level, np.uint8), np.full((112, 112, 3), level, np.uint8)
    return Example(wide, crop, source, kind, key, teacher=1.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_an_attack_shows_the_face_in_the_frame_and_where_its_box_says(kind: str, seed: int, shot: Shot) -> None:
    backdrop = np.full((300, 400, 3), (0, 90, 0), np.uint8)
    seen = KINDS[kind](shot, backdrop, np.random.default_rng(seed))
    height, width = seen.image.shape[:2]
    left, top, right, bottom = seen.box
    assert seen.image.dtype == np.uint8
    assert -0.15 * width < left < right < 1.15 * width
    assert -0.15 * height < top < bottom < 1.15 * height
    assert (right - left) / (bottom - top) == pytest.approx(92 / 111, rel=0.3)
    inner = seen.image[int(max(top, 0)) : int(bottom), int(max(left, 0)) : int(right)].astype(int)
    assert inner.std() > 8  # a face, and neither a blank nor the backdrop
    assert abs(inner[..., 1] - inner[..., 0]).mean() < 80


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_is_the_same_for_the_same_numbers_and_another_for_others(kind: str, shot: Shot) -> None:
    first, again, other = (KINDS[kind](shot, shot.image, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    assert first.image.shape != other.image.shape or (first.image != other.image).any()


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_leaves_the_photograph_as_it_was(kind: str, shot: Shot) -> None:
    before = shot.image.copy()
    KINDS[kind](shot, shot.image, np.random.default_rng(0))
    np.testing.assert_array_equal(shot.image, before)


def test_attacks_are_made_of_live_photographs_alone_in_every_way_and_bear_their_subject(shot: Shot) -> None:
    found = [
        Photograph(shot, RECORDED, "0001", "live_1.jpg", LIVE),
        Photograph(shot, RECORDED, "0002", "spoof_2.jpg", PRINT),
        Photograph(shot, "LFW", "Eileen_Collins", "Eileen_Collins_0001.jpg", LIVE),
    ]
    made = list(attacks(found, {RECORDED: 5, "LFW": 1}))
    assert [each.kind for each in made[:5]] == list(KINDS)
    assert [each.key for each in made] == ["0001"] * 5 + ["Eileen_Collins"]
    again = list(attacks(found, {RECORDED: 5, "LFW": 1}))
    assert all((one.shot.image == other.shot.image).all() for one, other in zip(made, again, strict=True))


def test_a_subject_is_read_from_the_labels_so_that_live_and_printed_share_a_half(
    tmp_path: Path, jpeg: bytes, models_for: Callable[..., Mapping[str, tuple[Model, ...]]]
) -> None:
    folder = tmp_path / "liveness"
    (folder / "images").mkdir(parents=True)
    rows = [("images/live_1.jpg", "live", "0007"), ("images/spoof_1.jpg", "spoof", "0007")]
    for path, _, _ in rows:
        (folder / path).write_bytes(jpeg)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label", "subject"), *rows])
    found = list(photographs(tmp_path, FaceFitter(models_for(*FaceFitter.tasks))))
    assert [(each.kind, each.key, each.source) for each in found] == [
        (LIVE, "0007", RECORDED),
        (PRINT, "0007", RECORDED),
    ]
    assert len({held_out(each.key) for each in found}) == 1
    np.testing.assert_allclose(found[0].shot.box, FACE, atol=40)


def test_no_subject_of_the_recordings_is_in_both_halves_and_both_have_live_and_printed(
    data: Callable[[str], Path],
) -> None:
    with (data("liveness") / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    halves = [{row["subject"] for row in rows if held_out(row["subject"]) == half} for half in (False, True)]
    assert not halves[0] & halves[1]
    for half in halves:
        assert {row["label"] for row in rows if row["subject"] in half} == {"live", "spoof"}


def test_folds_keep_a_person_together_and_part_those_with_live_images() -> None:
    pool = [example(kind, RECORDED, key, 0) for key in ("1", "2") for kind in (LIVE, PRINT)]
    fold_of = folds([*pool, example(PRINT, RECORDED, "0", 0)])
    assert fold_of[RECORDED, "1"] != fold_of[RECORDED, "2"]


def test_half_of_what_is_learned_from_is_live_however_few_such_images_there_are() -> None:
    pool = [example(LIVE, RECORDED, "1", 255)]
    pool += [example(PRINT, RECORDED, str(index), 0) for index in range(20)]
    stream = batches(pool, 0.0, 0)
    live = np.concatenate([next(stream)[1] for _ in range(10)])
    assert live.mean() == pytest.approx(0.5, abs=0.06)
    assert set(np.round(live, 2).tolist()) == {np.float32(0.97).round(2).item(), np.float32(0.03).round(2).item()}


def test_the_teacher_draws_answers_towards_its_own() -> None:
    pool = [example(PRINT, RECORDED, "1", 0)]
    assert next(batches(pool, 0.5, 0))[1] == pytest.approx(0.5 * 0.03 + 0.5)


def test_an_augmented_crop_is_of_the_size_asked_for_and_the_same_for_the_same_numbers(
    astronaut: NDArray[np.uint8],
) -> None:
    wide = np.asarray(Picture.fromarray(astronaut).resize((160, 160)))
    first, again, other = (augmented(wide, 112, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (112, 112, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_figures_of_known_answers() -> None:
    live, spoof = np.array([0.9, 0.8, 0.4, 0.7]), np.array([0.1, 0.6])
    assert errors(live, spoof).startswith("APCER 0.5000 (n = 2), BPCER 0.2500 (n = 4), ACER 0.3750")
    assert separation(live, spoof)[0] == pytest.approx(7 / 8)
    assert separation(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == (1.0, 0.0)


def test_the_report_names_each_set_and_each_kind_with_its_number() -> None:
    told = [Answer(RECORDED, LIVE, "a", 0.9), Answer(RECORDED, PRINT, "b", 0.7)]
    told += [Answer("LFW", kind, "c", 0.2) for kind in KINDS]
    told += [Answer("LFW", LIVE, "d", 0.2)]
    text = report(told)
    assert "LFW, live: BPCER 1.000 (n = 1)" in text
    assert all(f"simulated {kind}: APCER 0.000 (n = 1)" in text for kind in KINDS)
    assert "APCER 1.0000 (n = 1), BPCER 0.0000 (n = 1)" in text
