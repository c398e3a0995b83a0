"""Rewritten networks answer as the ones they come from, on small graphs and on the real models."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from models import ModelStore, open_session
from models.recipes.builder import GraphBuilder
from models.rewriting import rewritten

Tensor = NDArray[np.float32]

# How far answers may be off, relative to the largest of them: rounding in single precision.
_TOLERANCE = 1e-5


def operators(contents: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(contents).graph.node]


def channels(contents: bytes) -> set[int]:
    """How many outputs its convolutions have."""
    graph = onnx.load_from_string(contents).graph
    shapes = {tensor.name: tensor.dims for tensor in graph.initializer}
    return {shapes[node.input[1]][0] for node in graph.node if node.op_type == "Conv"}


def assert_equal_answers(before: bytes, after: bytes, *inputs: Tensor) -> None:
    expected, found = open_session(before)(*inputs), open_session(after)(*inputs)
    for one, other in zip(expected, found, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= _TOLERANCE * np.abs(one).max()


def normal(*shape: int, seed: int = 0) -> Tensor:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def quarter(*shape: int) -> Tensor:
    return normal(*shape) / np.float32(4)


def rectified(slope: Tensor, channels: int, *, before: str = "Conv", height: int = 5, width: int = 7) -> bytes:
    """A convolution or nothing, a PRelu of that slope and, of what comes out, a convolution."""
    graph = GraphBuilder()
    source = "input"
    if before == "Conv":
        source = graph.node("Conv", source, graph.constant(normal(channels, 3, 3, 3)), graph.constant(normal(channels)))
    size = (3, height + 2, width + 2) if before == "Conv" else (channels, height, width)
    curved = graph.node("PRelu", source, graph.constant(slope))
    mixed = graph.node("Conv", curved, graph.constant(normal(4, channels, 1, 1, seed=1)))
    return graph.model({"input": size}, {"output": (mixed, (4, height, width))})


SLOPES: Mapping[str, Tensor] = {
    "one of each channel": quarter(16, 1, 1),
    "one for all": np.array([0.25], np.float32),
    "one for all, four-sided": np.full((1, 1, 1), 0.1, np.float32),
    "with a batch side": quarter(1, 16, 1, 1),
    "above one": np.linspace(-2, 3, 16, dtype=np.float32).reshape(16, 1, 1),
    "exactly one": np.ones((16, 1, 1), np.float32),
    "negative": -np.linspace(0, 2, 16, dtype=np.float32).reshape(16, 1, 1),
    "zero": np.zeros((16, 1, 1), np.float32),
}


@pytest.mark.parametrize("name", list(SLOPES))
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("before", ["Conv", "nothing"])
def test_a_prelu_becomes_convolutions(name: str, batch: int, before: str) -> None:
    contents = rectified(SLOPES[name], 16, before=before)
    result = rewritten(contents)
    assert "PRelu" not in operators(result)
    size = (batch, 3, 7, 9) if before == "Conv" else (batch, 16, 5, 7)
    assert_equal_answers(contents, result, normal(*size, seed=2))


@pytest.mark.parametrize("count", [1, 3, 13, 15, 17, 26, 103])
def test_odd_numbers_of_channels_stay_right(count: int) -> None:
    contents = rectified(quarter(count, 1, 1), count)
    result = rewritten(contents)
    assert "PRelu" not in operators(result)
    assert_equal_answers(contents, result, normal(2, 3, 7, 9, seed=2))


def test_a_slope_of_each_pixel_is_left_alone() -> None:
    contents = rectified(normal(16, 5, 7), 16)
    result = rewritten(contents)
    assert "PRelu" in operators(result)
    assert_equal_answers(contents, result, normal(2, 3, 7, 9))


def test_a_prelu_of_vectors_is_left_alone() -> None:
    graph = GraphBuilder()
    curved = graph.node("PRelu", "input", graph.constant(normal(6)))
    contents = graph.model({"input": (6,)}, {"output": (curved, (6,))})
    result = rewritten(contents)
    assert operators(result) == ["PRelu"]
    assert_equal_answers(contents, result, normal(4, 6))


def separable(count: int, *, answered: bool = False) -> bytes:
    """An inverted bottleneck of ``count`` channels with a gate; ``answered`` if the network tells them, too."""
    graph = GraphBuilder()
    wide = graph.node("Conv", "input", graph.constant(normal(count, 8, 1, 1)), graph.constant(normal(count)))
    curved = graph.node("PRelu", wide, graph.constant(quarter(count, 1, 1)))
    deep = graph.node(
        "Conv", curved, graph.constant(normal(count, 1, 3, 3)), graph.constant(normal(count)), group=count,
        kernel_shape=[3, 3], pads=[1, 1, 1, 1],
    )  # fmt: skip
    mean = graph.node("GlobalAveragePool", graph.node("PRelu", deep, graph.constant(quarter(count, 1, 1))))
    gate = graph.node("Sigmoid", graph.node("Conv", mean, graph.constant(normal(count, count, 1, 1) / count)))
    gated = graph.node("Mul", deep, gate)
    narrow = graph.node("Conv", gated, graph.constant(normal(8, count, 1, 1)))
    total = graph.node("Add", narrow, "input")
    told = {"more": (gated, (count, 6, 6))} if answered else {}
    return graph.model({"input": (8, 6, 6)}, {"output": (total, (8, 6, 6)), **told})


@pytest.mark.parametrize(("count", "filled"), [(13, 16), (26, 32), (103, 112), (16, 16), (5, 5)])
def test_channels_fill_whole_blocks_where_that_adds_few(count: int, filled: int) -> None:
    contents = separable(count)
    result = rewritten(contents)
    assert channels(result) == {8, filled}
    assert_equal_answers(contents, result, normal(2, 8, 6, 6, seed=3))


def test_channels_that_are_told_are_not_filled_up() -> None:
    contents = separable(13, answered=True)
    result = rewritten(contents)
    assert 16 not in channels(result)
    assert_equal_answers(contents, result, normal(2, 8, 6, 6, seed=3))


@pytest.mark.parametrize("pads", [(0, 8), (8, 0), (3, 5)])
def test_added_channels_become_a_convolution(pads: tuple[int, int]) -> None:
    graph = GraphBuilder()
    before, after = pads
    widths = graph.constant(np.array([0, before, 0, 0, 0, after, 0, 0], np.int64))
    padded = graph.node("Pad", "input", widths)
    contents = graph.model({"input": (8, 5, 7)}, {"output": (padded, (16, 5, 7))})
    result = rewritten(contents)
    assert "Pad" not in operators(result)
    assert_equal_answers(contents, result, normal(2, 8, 5, 7))


@pytest.mark.parametrize(
    ("widths", "value"),
    [([0, 0, 1, 0, 0, 0, 0, 2], 0.0), ([0, 1, 0, 0, 0, 0, 0, 0], 0.5), ([0, -1, 0, 0, 0, 0, 0, 0], 0)],
)
def test_other_borders_are_left_alone(widths: list[int], value: float) -> None:
    graph = GraphBuilder()
    padded = graph.node("Pad", "input", graph.constant(np.array(widths, np.int64)), graph.constant(np.float32(value)))
    shape = (8 + widths[1], 5 + widths[2], 7 + widths[7])
    contents = graph.model({"input": (8, 5, 7)}, {"output": (padded, shape)})
    result = rewritten(contents)
    assert operators(result).count("Conv") == 0
    assert_equal_answers(contents, result, normal(1, 8, 5, 7))


def test_a_mask_over_all_channels_keeps_them_as_they_are() -> None:
    graph = GraphBuilder()
    wide = graph.node("Conv", "input", graph.constant(normal(13, 8, 1, 1)))
    curved = graph.node("PRelu", wide, graph.constant(quarter(13, 1, 1)))
    masked = graph.node("Mul", curved, graph.node("Conv", "input", graph.constant(normal(1, 8, 1, 1))))
    narrow = graph.node("Conv", masked, graph.constant(normal(8, 13, 1, 1)))
    contents = graph.model({"input": (8, 6, 6)}, {"output": (narrow, (8, 6, 6))})
    result = rewritten(contents)
    assert "PRelu" not in operators(result)
    assert_equal_answers(contents, result, normal(2, 8, 6, 6, seed=3))


def dense(*, shared: bool) -> bytes:
    """A dense block of four layers, each of which adds up all before it; without ``shared``, in no common order."""
    graph = GraphBuilder()
    layers = [graph.node("Conv", "input", graph.constant(normal(16, 8, 1, 1)))]
    for place in range(3):
        total = layers[-1]
        for before in reversed(layers[:-1]) if shared else ():
            total = graph.node("Add", before, total)
        weights = graph.constant(normal(16, 16, 1, 1, seed=place) / np.float32(4))
        layers.append(graph.node("Conv", graph.node("Relu", total), weights))
    total = layers[-1]
    for before in reversed(layers[:-1]):
        total = graph.node("Add", before, total)
    return graph.model({"input": (8, 5, 7)}, {"output": (total, (16, 5, 7))})


@pytest.mark.parametrize(("shared", "before", "after"), [(True, 6, 3), (False, 3, 3)])
def test_sums_are_made_from_earlier_sums(shared: bool, before: int, after: int) -> None:
    contents = dense(shared=shared)
    result = rewritten(contents)
    assert operators(contents).count("Add") == before
    assert operators(result).count("Add") == after
    assert_equal_answers(contents, result, normal(3, 8, 5, 7, seed=4))


def branching(counts: list[int], *, told: bool = False, pads: tuple[int, ...] = (1, 1, 1)) -> bytes:
    """Branches of so many channels that look at one tensor, with borders of such widths; ``told`` if more is told."""
    graph = GraphBuilder()
    outputs = {}
    for place, (count, pad) in enumerate(zip(counts, pads, strict=True)):
        weights = graph.constant(normal(count, 8, 1, 1, seed=place)), graph.constant(normal(count, seed=place))
        mixed = graph.node("Conv", "input", *weights)
        weights = graph.constant(normal(count, 1, 3, 3, seed=place)), graph.constant(normal(count, seed=place + 9))
        deep = graph.node("Conv", mixed, *weights, group=count, pads=[pad] * 4, kernel_shape=[3, 3])
        size = (3 + 2 * pad, 5 + 2 * pad)
        outputs[f"last{place}"] = (graph.node("Transpose", deep, perm=[0, 2, 3, 1]), (*size, count))
        if told:
            outputs[f"deep{place}"] = (deep, (count, *size))
    return graph.model({"input": (8, 5, 7)}, outputs)


@pytest.mark.parametrize(("counts", "merged"), [([1, 4, 10], 15), ([1, 1, 1], 3), ([16, 2, 16], 34)])
@pytest.mark.parametrize("batch", [1, 3])
def test_branches_become_one(counts: list[int], merged: int, batch: int) -> None:
    contents = branching(counts)
    result = rewritten(contents)
    assert channels(result) == {merged}
    assert_equal_answers(contents, result, normal(batch, 8, 5, 7, seed=5))


@pytest.mark.parametrize(("told", "pads", "left"), [(True, (1, 1, 1), 6), (False, (1, 0, 1), 4)])
def test_branches_that_differ_or_tell_more_stay(told: bool, pads: tuple[int, ...], left: int) -> None:
    contents = branching([1, 4, 10], told=told, pads=pads)
    result = rewritten(contents)
    assert operators(result).count("Conv") == left
    assert_equal_answers(contents, result, normal(2, 8, 5, 7, seed=5))


def test_outputs_that_nobody_reads_are_left_out() -> None:
    contents = branching([1, 4, 10], told=True)
    result = rewritten(contents, unread=("deep0", "deep1", "deep2", "no such output"))
    assert [output.name for output in onnx.load_from_string(result).graph.output] == ["last0", "last1", "last2"]
    batch = normal(2, 8, 5, 7, seed=5)
    for one, other in zip(open_session(contents)(batch)[::2], open_session(result)(batch), strict=True):
        assert np.abs(one - other).max() <= _TOLERANCE * np.abs(one).max()
    assert channels(result) == {15}  # what is left can be one branch


def test_the_same_file_gives_the_same_file() -> None:
    contents = separable(13)
    assert rewritten(contents) == rewritten(contents)


_SIDES = {"yunet_n_dynamic": 320, "centerface_dyn": 320}  # of the networks that take any


@pytest.mark.parametrize(
    "name",
    [
        "yunet_n_dynamic",
        "human_facemesh",
        "mp_iris_landmark_dyn",
        "human_iris",
        "faceapi_age_gender",
        "faceapi_face_expression",
        "facet_mask",
        "MiniFASNetV2_2.7",
        "MiniFASNetV1SE_4",
        "facet_liveness",
        "lightqnet_dm100",
        "foamliu_mobilefacenet_dyn",
        "mobileface_V2",
    ],
)
def test_real_models_answer_the_same(store: ModelStore, astronaut: NDArray[np.uint8], name: str) -> None:
    spec = store.manifest.models[name]
    if not store.has(spec):
        pytest.skip(f"the model {name} is not installed")
    contents = store.path(spec).read_bytes()
    (wanted,) = onnx.load_from_string(contents).graph.input
    sides = [side.dim_value or None for side in wanted.type.tensor_type.shape.dim[1:]]
    first = sides[0] == 3
    height, width = (each or _SIDES[name] for each in (sides[1:] if first else sides[:2]))
    crop = astronaut[20 : 20 + height, 150 : 150 + width]
    crops = np.stack([crop, crop[::-1]])
    batch = (crops.transpose(0, 3, 1, 2) if first else crops).astype(np.float32)
    if "0..1" in spec.input or "-1..1" in spec.input or "/" in spec.input:
        batch = batch / np.float32(255)
    assert_equal_answers(contents, rewritten(contents), batch)
