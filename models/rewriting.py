"""Rewrites networks so that ONNX Runtime's CPU kernels answer sooner, and the same but for rounding.

What costs here, measured with ONNX Runtime 1.31 (``bench/stages.py`` and ``docs/cost.md`` have the figures):

* ``PRelu`` has a slow kernel, takes two thirds of the time of the face mesh, and cannot stay in the blocked layout
  (NCHWc) in which convolutions run. As x s + relu(x) (1 - s), with the factors as depthwise convolutions of one pixel,
  it stays there, and the sum becomes part of the second convolution.
* Depthwise convolutions leave that layout unless their channels fill whole blocks of 16. Networks with pruned channels
  get the missing ones back, as zeros.
* ``Pad`` of channels leaves it, too; a convolution does not.
* Sums of the same tensors, made again and again.
* Branches that look at one tensor and tell a few numbers of each cell, as those of YuNet, fill a block each. Together
  they are a single branch whose answer is split.

All of it is plain ONNX, good for any machine: the blocked layout itself depends on the processor, and is chosen when a
session is opened.
"""

import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from models.branches import merge_branches
from models.network import Network, number, text
from models.runtime import onnxruntime as ort
from models.session import CPU, SEVERITY_ERROR

_BLOCK = 16  # channels: of AVX-512; AVX2 and NEON have 8 and 4
_MOST_ADDED = 1.25  # channels after over channels before

Array = NDArray[np.float64]


def rewritten(contents: bytes, unread: Collection[str] = ()) -> bytes:
    """The file of an equivalent network, of a model's file; the same file where the rules do not know its operators.

    It lacks the outputs ``unread``, and what only they need.
    """
    model = onnx.load_from_string(_folded(contents))
    for output in [one for one in model.graph.output if one.name in unread]:
        model.graph.output.remove(output)
    for rule in RULES:
        network = Network(model)
        network.drop_unread()
        rule(network)
        network.drop_unread()
        model = network.model
    model.graph.ClearField("value_info")  # the session infers what it needs
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError:  # as with operators of other domains
        return contents
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def _folded(contents: bytes) -> bytes:
    """After ONNX Runtime's own basic rewriting: constants computed, normalisations merged with convolutions."""
    with tempfile.TemporaryDirectory(prefix="facet-") as folder:
        options = ort.SessionOptions()
        options.log_severity_level = SEVERITY_ERROR
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        ort.InferenceSession(contents, options, providers=list(CPU))
        return Path(options.optimized_model_filepath).read_bytes()


def fill_channel_blocks(network: Network) -> None:
    """Adds channels of zeros where channels that only the network itself sees do not fill whole blocks."""
    seen: set[str] = set()
    for node in network.nodes:
        if node.op_type != "Conv" or node.output[0] in seen:
            continue
        tied = _tied(network, node.output[0])
        seen |= tied.tensors
        channels = _made_channels(network, node)
        missing = -channels % _BLOCK
        if tied.closed and tied.gains and missing and channels + missing <= _MOST_ADDED * channels:
            _pad(network, tied.tensors, channels, missing)


class _Tied:
    """Tensors that must have the same channels: what convolutions make, up to the convolutions that mix it."""

    def __init__(self) -> None:
        self.tensors: set[str] = set()
        self.closed = True  # whether nothing else makes or reads them
        self.gains = False  # whether something there is slow without whole blocks


_ELEMENTWISE = {"PRelu", "Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "MaxPool", "AveragePool", "GlobalAveragePool"}
_BOTH_SIDES = {"Add", "Mul"}


def _tied(network: Network, tensor: str) -> _Tied:
    tied, waiting = _Tied(), [tensor]
    while waiting:
        name = waiting.pop()
        if name in tied.tensors:
            continue
        tied.tensors.add(name)
        maker = network.maker(name)
        if maker is None or network.is_output(name):
            tied.closed = False
            continue
        for node in (maker, *network.readers(name)):
            if node.op_type == "Conv":
                if _is_depthwise(network, node):
                    tied.gains = True
                    waiting += [node.input[0], node.output[0]]
                elif number(node, "group", 1) != 1 or (name in node.input and name != node.input[0]):
                    tied.closed = False
            elif node.op_type in _ELEMENTWISE and len(node.output) == 1:
                tied.gains |= node.op_type == "PRelu"
                waiting += [node.input[0], node.output[0]]
                tied.closed &= node.op_type != "PRelu" or network.constant(node.input[1]) is not None
            elif node.op_type in _BOTH_SIDES and _have_same_channels(network, node):
                waiting += [*node.input, node.output[0]]
            else:
                tied.closed = False
    return tied


def _have_same_channels(network: Network, node: onnx.NodeProto) -> bool:
    """Whether no channel of one input of a node meets several of the other."""
    shapes = [network.shape(name) for name in node.input]
    return all(shape is not None and len(shape) == 4 and shape[1] is not None for shape in shapes) and (
        len({shape[1] for shape in shapes if shape is not None}) == 1
    )


def _is_depthwise(network: Network, node: onnx.NodeProto) -> bool:
    """Whether each channel has a convolution of its own, one output each."""
    weights = network.constant(node.input[1]) if node.op_type == "Conv" else None
    if weights is None or weights.shape[1] != 1:
        return False
    return bool(weights.shape[0] == number(node, "group", 1) > 1)


def _made_channels(network: Network, node: onnx.NodeProto) -> int:
    weights = network.constant(node.input[1])
    return 0 if weights is None else int(weights.shape[0])


def _pad(network: Network, tensors: set[str], channels: int, missing: int) -> None:
    """Gives the tied ``tensors`` more channels, zeros that no convolution looks at."""
    for node in network.model.graph.node:
        makes, reads = node.output[0] in tensors, bool(node.input) and node.input[0] in tensors
        if node.op_type == "PRelu" and makes:
            slope = network.constant(node.input[1])
            if slope is not None and slope.size > 1:
                network.set_constant(node, 1, _grown(slope.reshape(-1, 1, 1), 0, missing))
        elif node.op_type == "Conv" and (makes or reads):
            weights = network.constant(node.input[1])
            assert weights is not None
            depthwise = _is_depthwise(network, node)
            if reads and not depthwise:
                weights = _grown(weights, 1, missing)
            if makes:
                weights = _grown(weights, 0, missing)
                if len(node.input) > 2:
                    bias = network.constant(node.input[2])
                    assert bias is not None
                    network.set_constant(node, 2, _grown(bias, 0, missing))
            network.set_constant(node, 1, weights)
            if depthwise:
                _set_group(node, channels + missing)


def _grown(array: NDArray[np.generic], axis: int, missing: int) -> NDArray[np.generic]:
    widths = [(0, missing if each == axis else 0) for each in range(array.ndim)]
    return np.pad(array, widths)


def _set_group(node: onnx.NodeProto, group: int) -> None:
    for one in node.attribute:
        if one.name == "group":
            one.i = group


def spread_rectifiers(network: Network) -> None:
    """Writes each ``PRelu`` of four-sided tensors as sums of depthwise convolutions and rectifiers.

    With the slope s of a channel, it is x s + relu(x) (1 - s); where no slope is above 1, the second factor goes into
    the rectifier, which then is part of its convolution: x s + relu(x (1 - s)).
    """
    for node in network.nodes:
        slope = network.constant(node.input[1]) if node.op_type == "PRelu" else None
        if slope is None or slope.dtype != np.float32 or len(network.shape(node.input[0]) or ()) != 4:
            continue
        channels = (network.shape(node.input[0]) or ())[1]
        if channels is None or (slope.size != 1 and (slope.size != channels or slope.shape[-2:] != (1, 1))):
            continue
        slopes = np.broadcast_to(slope.reshape(-1), (channels,)).astype(np.float64)
        network.replace([node], _spread(network, node, slopes))


def _spread(network: Network, node: onnx.NodeProto, slopes: Array) -> list[onnx.NodeProto]:
    source, target = node.input[0], node.output[0]
    positive, scaled = network.new_name(), network.new_name()
    if (slopes <= 1).all():
        before = network.new_name()
        rectifier = [_scaling(network, source, 1 - slopes, before), helper.make_node("Relu", [before], [positive])]
    else:
        plain = network.new_name()
        rectifier = [helper.make_node("Relu", [source], [plain]), _scaling(network, plain, 1 - slopes, positive)]
    line = _scaling(network, source, slopes, scaled)
    return [*rectifier, line, helper.make_node("Add", [scaled, positive], [target], node.name)]


def _scaling(network: Network, source: str, factors: Array, target: str) -> onnx.NodeProto:
    """Each channel times its factor."""
    weights = network.add_constant(factors.astype(np.float32).reshape(-1, 1, 1, 1))
    return helper.make_node("Conv", [source, weights], [target], target, group=len(factors), kernel_shape=[1, 1])


def convolve_added_channels(network: Network) -> None:
    """Writes each ``Pad`` that only adds channels of zeros as a convolution, which needs no other layout."""
    for node in network.nodes:
        if node.op_type != "Pad" or text(node, "mode", "constant") != "constant" or len(node.input) > 3:
            continue
        pads = network.constant(node.input[1]) if len(node.input) > 1 else None
        value = network.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(1)
        channels = (network.shape(node.input[0]) or (None, None))[1]
        if pads is None or pads.size != 8 or value is None or value.any() or channels is None:
            continue
        before, after = int(pads[1]), int(pads[5])
        if np.delete(pads, [1, 5]).any() or min(before, after) < 0:
            continue
        weights = np.zeros((before + channels + after, channels, 1, 1), np.float32)
        weights[before : before + channels, :, 0, 0] = np.eye(channels)
        name = network.add_constant(weights)
        one = helper.make_node("Conv", [node.input[0], name], [node.output[0]], node.name, kernel_shape=[1, 1])
        network.replace([node], [one])


def reuse_sums(network: Network) -> None:
    """Makes a sum of several tensors from an earlier sum of all but one of them.

    Dense blocks add up all that came before, again for each layer. From the last sum on, what a layer adds is part of
    its convolution. The order of the additions changes, and with it the rounding.
    """
    terms: dict[str, tuple[str, ...]] = {}
    sums: dict[tuple[str, ...], str] = {}
    for node in network.nodes:
        if node.op_type != "Add" or len({network.shape(name) for name in (*node.input, *node.output)}) != 1:
            continue
        sides = network.shape(node.output[0]) or ()
        if len(sides) != 4 or None in sides[1:]:
            continue
        total = [term for name in node.input for term in terms.get(name, (name,))]
        terms[node.output[0]] = tuple(sorted(total))
        for term in total if len(total) > 2 else ():
            others = total.copy()
            others.remove(term)
            earlier = sums.get(tuple(sorted(others)))
            if earlier is not None and {earlier, term} != set(node.input):
                network.replace([node], [helper.make_node("Add", [earlier, term], list(node.output), node.name)])
                break
        sums.setdefault(terms[node.output[0]], node.output[0])


RULES: tuple[Callable[[Network], None], ...] = (
    fill_channel_blocks,
    spread_rectifiers,
    convolve_added_channels,
    merge_branches,
    reuse_sums,
)
