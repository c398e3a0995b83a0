"""The decoders of the face networks on tensors made by hand, and what the finder shows a network."""

import numpy as np
from numpy.typing import NDArray

from estimators.boxes import sifted
from estimators.face import centerface, finder, yunet
from models import Model

Tensor = NDArray[np.float32]


def _yunet_outputs(width: int, height: int) -> list[Tensor]:
    """Twelve empty outputs: class, object, box and points for strides 8, 16 and 32."""
    cells = [(width // stride) * (height // stride) for stride in (8, 16, 32)]
    return [np.zeros((1, count, size), np.float32) for size in (1, 1, 4, 10) for count in cells]


def test_yunet_places_a_face_in_its_cell() -> None:
    outputs = _yunet_outputs(96, 64)
    cell = 2 * 6 + 4  # of stride 16: row 2, column 4
    outputs[1][0, cell], outputs[4][0, cell] = 0.81, 1.0
    outputs[7][0, cell] = [0.5, 0.25, np.log(2), np.log(3)]
    outputs[10][0, cell] = np.arange(10) / 10
    found = sifted(yunet.detections(lambda *_: outputs, np.zeros((64, 96, 3), np.uint8)), 0.5, 0.4, 9)
    assert np.allclose(found.scores, [0.9])
    assert np.allclose(found.boxes, [[72 - 16, 36 - 24, 72 + 16, 36 + 24]])
    assert np.allclose(found.points[0], (np.array([4, 2]) + np.arange(10).reshape(5, 2) / 10) * 16)


def test_yunet_is_fed_blue_first_in_full_range() -> None:
    fed: list[Tensor] = []

    def run(*inputs: Tensor) -> list[Tensor]:
        fed.extend(inputs)
        return _yunet_outputs(32, 32)

    canvas = np.zeros((32, 32, 3), np.uint8)
    canvas[..., 0] = 255
    yunet.detections(run, canvas)
    assert fed[0].shape == (1, 3, 32, 32)
    assert fed[0].mean(axis=(0, 2, 3)).tolist() == [0, 0, 255]


def test_cells_below_the_threshold_are_not_decoded() -> None:
    random = np.random.default_rng(0)
    outputs = [random.random(each.shape, np.float32) for each in _yunet_outputs(96, 64)]
    canvas = np.zeros((64, 96, 3), np.uint8)
    every = yunet.detections(lambda *_: outputs, canvas)
    sure = yunet.detections(lambda *_: outputs, canvas, 0.6)
    assert 0 < len(sure.scores) < len(every.scores)
    for few, all_of_them in zip(sure, every.chosen(every.scores >= 0.6), strict=True):
        assert np.array_equal(few, all_of_them)


def test_centerface_places_a_face_in_its_cell() -> None:
    heat, scale, offset, points = (np.zeros((1, size, 16, 24), np.float32) for size in (1, 2, 2, 10))
    heat[0, 0, 5, 7] = 0.75
    scale[0, :, 5, 7] = np.log(6), np.log(4)
    offset[0, :, 5, 7] = 0.5, -0.5
    points[0, :, 5, 7] = np.arange(10) / 10
    found = centerface.detections(lambda *_: [heat, scale, offset, points], np.zeros((64, 96, 3), np.uint8))
    assert np.allclose(found.scores, [0.75])
    assert np.allclose(found.boxes, [[28 - 8, 24 - 12, 28 + 8, 24 + 12]])
    shares = np.arange(10).reshape(5, 2)[:, ::-1] / 10
    assert np.allclose(found.points[0], [20, 12] + shares * [16, 24])


def _shown(height: int, width: int) -> list[tuple[int, ...]]:
    """The canvases, (height, width), that the finder shows a network for an image of that size."""
    shown: list[tuple[int, ...]] = []

    def run(*inputs: Tensor) -> list[Tensor]:
        shown.append(inputs[0].shape[2:])
        return _yunet_outputs(inputs[0].shape[3], inputs[0].shape[2])

    faces = finder.faces(Model("a", "yunet", run), np.zeros((height, width, 3), np.uint8), 0.5)
    assert len(faces.scores) == 0
    return shown


def test_images_are_shown_at_their_own_size_within_limits_and_padded() -> None:
    assert _shown(200, 250) == [(224, 256)]
    assert _shown(48, 48) == [(160, 160)]
    assert _shown(1, 1) == [(160, 160)]
    assert _shown(1000, 500) == [(1024, 512), (256, 128)]
    assert _shown(2000, 4000) == [(640, 1280), (160, 320)]
    assert _shown(4, 4000) == [(32, 1280), (32, 320)]


def test_positions_come_back_in_pixels_of_the_image() -> None:
    def run(*inputs: Tensor) -> list[Tensor]:
        outputs = _yunet_outputs(inputs[0].shape[3], inputs[0].shape[2])
        if inputs[0].shape[3] == 1280:
            cell = 10 * (1280 // 8) + 20
            outputs[0][0, cell], outputs[3][0, cell] = 1, 1
        return outputs

    faces = finder.faces(Model("a", "yunet", run), np.zeros((1280, 2560, 3), np.uint8), 0.5)
    assert np.allclose(faces.boxes, [[312, 152, 328, 168]])
    assert np.allclose(faces.points, [[[320, 160]] * 5])


def test_centerface_may_find_nothing() -> None:
    outputs = [np.zeros((1, size, 8, 8), np.float32) for size in (1, 2, 2, 10)]
    faces = finder.faces(Model("a", "centerface", lambda *_: outputs), np.zeros((32, 32, 3), np.uint8), 0.5)
    assert faces.boxes.shape == (0, 4)
    assert faces.points.shape == (0, 5, 2)
