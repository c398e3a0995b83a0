"""The scripts that train quality measures, without photographs."""

import numpy as np
import pytest

from schemas.attributes import BOX, Attributes, Box
from training import mask_likeness, watermark
from training.faces import Face
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
