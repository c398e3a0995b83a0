"""The body detector: its decoders on tensors made by hand, and real people."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from estimators.base import Image
from estimators.body import BodyDetector, centernet, picodet
from estimators.boxes import sifted
from models import Model
from schemas.attributes import BOX, CONFIDENCE, KIND

Tensor = NDArray[np.float32]


def _picodet_outputs(count: int) -> list[Tensor]:
    cells = (52 * 52, 26 * 26, 13 * 13, 7 * 7)
    return [np.zeros((count, cell, 80), np.float32) for cell in cells] + [
        np.zeros((count, cell, 32), np.float32) for cell in cells
    ]


def test_picodet_places_a_person_in_the_letterboxed_image() -> None:
    outputs = _picodet_outputs(1)
    cell = 3 * 13 + 5  # of stride 32: row 3, column 5
    outputs[2][0, cell, 0] = 0.9
    outputs[2][0, cell + 40, 1] = 0.95  # of another class
    sides = outputs[6][0, cell].reshape(4, 8)
    sides[[0, 1, 2, 3], [1, 2, 3, 2]] = 50  # distances of 1, 2, 3 and 2 strides
    (found,) = picodet.detections(lambda *_: outputs, [np.zeros((208, 416, 3), np.uint8)])
    kept = sifted(found, 0.5, 0.5, 9)
    x, y = 5 * 32 + 15.5, 3 * 32 + 15.5 - 104
    assert np.allclose(kept.boxes, [[x - 32, y - 64, x + 96, y + 64]])
    assert np.allclose(kept.scores, [0.9])


def test_centernet_counts_peaks_only() -> None:
    sides, heat = np.full((1, 128, 128, 4), 8, np.float32), np.zeros((1, 128, 128, 80), np.float32)
    heat[0, 10, 20, 0], heat[0, 10, 21, 0], heat[0, 60, 60, 3] = 0.8, 0.7, 0.9
    (found,) = centernet.detections(lambda *_: [sides, heat], [np.zeros((256, 1024, 3), np.uint8)])
    kept = sifted(found, 0.5, 1.0, 9)
    assert np.allclose(kept.boxes, [[(80 - 8) * 2, (40 - 8) / 2, (80 + 8) * 2, (40 + 8) / 2]])


@pytest.fixture(params=["picodet_s_416_dyn", "human_centernet_heads"])
def detector(request: pytest.FixtureRequest, model: Callable[[str], Model]) -> BodyDetector:
    return BodyDetector({"body-detection": [model(request.param)]})


def test_a_person_is_found(detector: BodyDetector, astronaut: Image) -> None:
    body = detector.detect([astronaut])[0][0]
    assert set(body) == BodyDetector.provides
    assert body[KIND] == "body"
    assert body[CONFIDENCE] > 0.5
    assert body[BOX].left < 0.2
    assert body[BOX].right > 0.65
    assert body[BOX].bottom > 0.9


def test_a_batch_gives_what_its_images_give_alone(detector: BodyDetector, astronaut: Image) -> None:
    wide = np.asarray(cv2.copyMakeBorder(astronaut, 0, 0, 300, 300, cv2.BORDER_REPLICATE), np.uint8)
    images = [astronaut, np.zeros((3, 500, 3), np.uint8), wide] * 4
    together = detector.detect(images, 0.2)
    assert len(together) == len(images)
    for image, bodies in zip(images[:3], together[3:6], strict=True):
        (alone,) = detector.detect([image], 0.2)
        assert np.allclose([body[BOX] for body in bodies], [body[BOX] for body in alone], atol=1e-3)


def test_confidence_descends_and_the_threshold_holds(detector: BodyDetector, astronaut: Image) -> None:
    confidences = [body[CONFIDENCE] for body in detector.detect([astronaut], 0.05)[0]]
    assert confidences == sorted(confidences, reverse=True)
    assert all(confidence >= 0.05 for confidence in confidences)
    assert detector.detect([astronaut], 1.0) == [[]]


def test_no_images_give_no_answers(detector: BodyDetector) -> None:
    assert detector.detect([]) == []
