"""The scripts that train quality measures, without photographs."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.attributes import BOX, Attributes, Box
from training import mask_likeness, quality_thresholds, quality_weights, watermark
from training.degradations import HARMS
from training.faces import Face
from training.quality_samples import Sample
from training.quality_weights import Change, Known
from training.watermark import Samples


@pytest.fixture(scope="module")
def samples() -> Samples:
    """400 photographs, half of them of the press, each clean and with fainter and stronger marks."""
    random = np.random.default_rng(0)
    opacity = np.tile([0.0, 0.2, 0.35, 0.6, 0.9], 400)
    photo = np.repeat(np.arange(400), 5)
    values = np.abs(random.normal(1, 0.3, (2000, 2)) + opacity[:, None] * [2, 1])
    return Samples(values, opacity, photo, photo < 200)


def test_the_watermark_measure_finds_marks_at_the_false_alarms_it_is_allowed(samples: Samples) -> None:
    fit = watermark.trained(samples)
    odds, clean = fit.odds(samples), samples.opacity == 0
    assert (fit.weights >= 0).all()
    assert fit.weights[0] > fit.weights[1]  # the value that tells more
    assert (odds[clean] >= 0).mean() <= 0.04
    assert (odds[clean & samples.press] >= 0).mean() <= 0.01
    assert (odds[samples.opacity == 0.9] >= 0).mean() >= 0.9
    assert (watermark.held_out_odds(samples)[samples.opacity == 0.9] >= 0).mean() >= 0.9


def test_text_lies_on_the_face_and_is_the_same_for_the_same_seed() -> None:
    face = Face(np.full((120, 160, 3), 90, np.uint8), Attributes({BOX: Box(0.3, 0.2, 0.7, 0.8)}))
    marked = [watermark.with_text(face, 0.6, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (marked[0] == marked[1]).all()
    assert (marked[0] != marked[2]).any()
    assert (marked[0] != face.image).any()
    assert marked[0].shape == face.image.shape


def test_the_mask_measure_tells_what_can_be_told() -> None:
    random = np.random.default_rng(0)
    bare = np.arange(200) % 2 == 0
    values = random.normal(0, 1, (200, 5)) + bare[:, None] * [4, 0, 0, 0, 0]
    weights, bias = mask_likeness.trained(values, bare)
    assert np.abs(weights).argmax() == 0
    assert ((values @ weights + bias >= 0) == bare).mean() >= 0.95
    assert ((mask_likeness.held_out_odds(values, bare) >= 0) == bare).mean() >= 0.95


_USUAL = {
    "yaw": (0.0, 60.0),
    "pitch": (0.0, 30.0),
    "network": (0.62, 0.4),
    "sharpness": (0.35, 0.1),
    "illumination": (0.8, 0.0),
    "flare": (0.0, 0.15),
    "noise": (0.0, 15.0),
    "dynamic_range": (180.0, 40.0),
    "watermark": (-3.0, 4.0),
    "openness": (0.35, 0.15),
    "not_masked": (0.95, 0.01),
    "eyes_distance": (60.0, 5.0),
    "cut_off": (0.0, 1.2),
}  # of each part a good and a bad value


def _sample(**badness: float) -> Sample:
    """A face whose parts are so far, 0..1, from good to bad."""
    values = {name: good + badness.get(name, 0.0) * (bad - good) for name, (good, bad) in _USUAL.items()}
    return Sample(values, values["yaw"], np.array([1.0, 0.0]), ("foamliu", 1))


@pytest.fixture(scope="module")
def taught() -> tuple[Known, list[Change]]:
    """Distances grow by 1500 with yaw and the network's answer, and by 2000 with lost sharpness; by nothing else."""
    random = np.random.default_rng(0)
    turned: NDArray[np.float64] = random.uniform(0, 1, (300, 2)) ** 2
    doubt: NDArray[np.float64] = random.uniform(0, 1, (300, 2)) ** 2
    pairs = [
        (_sample(yaw=yaw[0], network=unsure[0]), _sample(yaw=yaw[1], network=unsure[1]))
        for yaw, unsure in zip(turned, doubt, strict=True)
    ]
    distances = 1500 * (1 + turned.max(axis=1) + doubt.max(axis=1)) + random.normal(0, 50, 300)
    known = Known(pairs, distances, np.repeat(["verification", "head_pose", "liveness"], 100))
    steps = [
        Change(part, _sample(**{part: step}), _sample(), 2000 * step**2 * (part == "sharpness") + random.normal(0, 20))
        for part in HARMS
        for step in np.tile([0.2, 0.4, 0.6, 0.8, 1.0], 4)
    ]
    return known, steps


def test_the_weights_find_what_drives_templates_apart(taught: tuple[Known, list[Change]]) -> None:
    table = quality_weights.trained(*taught)
    assert table.keys() == _USUAL.keys()
    assert all(part.weight >= 0 and part.weight_alone >= 0 for part in table.values())
    cost = {
        name: part.weight * (part.penalty(_USUAL[name][1]) - part.penalty(_USUAL[name][0]))
        for name, part in table.items()
    }
    assert set(sorted(cost, key=lambda name: -cost[name])[:3]) == {"sharpness", "yaw", "network"}
    assert cost["sharpness"] == pytest.approx(2000 / 1500 * cost["yaw"], rel=0.3)
    assert max(cost[name] for name in cost if name not in ("sharpness", "yaw", "network")) < 0.1 * cost["yaw"]
    assert table["network"].weight_alone == 0
    assert json.loads(quality_weights.written(table, *taught))["parts"].keys() == table.keys()


def test_a_boundary_lies_between_the_two_kinds_and_knows_which_way_is_good() -> None:
    values = np.concatenate([np.linspace(0, 1, 50), np.linspace(2, 3, 50)])
    held = np.arange(100) % 2 == 1
    for good, sign in ((values > 1.5, 1), (values < 1.5, -1)):
        where, width = quality_thresholds.boundary(quality_thresholds.Kinds(values, good, held))
        assert 1 < where < 2
        assert np.sign(width) == sign
