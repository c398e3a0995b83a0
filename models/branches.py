"""Branches of a network that look at the same tensor, made one: a rule of ``models.rewriting``."""

from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from models.network import Network, number, numbers, text

_CHANNELS_LAST = [0, 2, 3, 1]
Array = NDArray[np.generic]


class Branch(NamedTuple):
    """A convolution of one pixel, one of each channel by itself, and the channels put last."""

    mixing: onnx.NodeProto
    deep: onnx.NodeProto
    last: onnx.NodeProto

    @property
    def settings(self) -> tuple[list[int], ...]:
        """What branches must have in common."""
        return tuple(numbers(self.deep, name) for name in ("kernel_shape", "pads", "strides", "dilations"))


def merge_branches(network: Network) -> None:
    """Makes branches that look at the same tensor in the same way one, whose answer is split.

    A convolution computes whole blocks of channels, however few are wanted; a few branches of a few channels each cost
    as much as one of as many blocks.
    """
    for source in dict.fromkeys(name for node in network.nodes for name in node.input):
        found = [branch for node in network.readers(source) if (branch := _branch(network, node, source)) is not None]
        alike = [branch for branch in found if branch.settings == found[0].settings]
        if len(alike) > 1:
            network.replace([node for branch in alike for node in branch], _merged(network, source, alike))


def _branch(network: Network, mixing: onnx.NodeProto, source: str) -> Branch | None:
    """The branch that begins with a node, if that is what it is and nothing else sees what lies between."""
    deep = _only_reader(network, mixing)
    last = None if deep is None else _only_reader(network, deep)
    if deep is None or last is None or mixing.input[0] != source:
        return None
    if [mixing.op_type, deep.op_type, last.op_type] != ["Conv", "Conv", "Transpose"]:
        return None
    weights = [_weights(network, node) for node in (mixing, deep)]
    if weights[0] is None or weights[1] is None or numbers(last, "perm") != _CHANNELS_LAST:
        return None
    count = len(weights[0])
    single = weights[0].shape[2:] == (1, 1) and number(mixing, "group", 1) == 1
    plain = all(
        set(numbers(mixing, name)) <= {value} for name, value in (("strides", 1), ("pads", 0), ("dilations", 1))
    )
    by_itself = weights[1].shape[:2] == (count, 1) and number(deep, "group", 1) == count
    padded = all(text(node, "auto_pad", "NOTSET") == "NOTSET" for node in (mixing, deep))
    return Branch(mixing, deep, last) if single and plain and by_itself and padded else None


def _only_reader(network: Network, node: onnx.NodeProto) -> onnx.NodeProto | None:
    readers = network.readers(node.output[0])
    return readers[0] if len(readers) == 1 and not network.is_output(node.output[0]) else None


def _weights(network: Network, node: onnx.NodeProto) -> Array | None:
    """The weights of a convolution that has weights and biases of fixed contents."""
    fixed = len(node.input) == 3 and network.constant(node.input[2]) is not None
    return network.constant(node.input[1]) if fixed else None


def _merged(network: Network, source: str, branches: list[Branch]) -> list[onnx.NodeProto]:
    def together(nodes: list[onnx.NodeProto]) -> list[str]:
        """Weights and biases of all the nodes, one after the other."""
        return [
            network.add_constant(np.concatenate([_known(network, node.input[place]) for node in nodes]))
            for place in (1, 2)
        ]

    names = [network.new_name() for _ in range(3)]
    counts = [len(_known(network, branch.mixing.input[1])) for branch in branches]
    mixing = [branch.mixing for branch in branches]
    deep = helper.make_node(
        "Conv", [names[0], *together([branch.deep for branch in branches])], names[1:2], group=sum(counts)
    )
    deep.attribute.extend(one for one in branches[0].deep.attribute if one.name != "group")
    return [
        helper.make_node("Conv", [source, *together(mixing)], names[:1], kernel_shape=[1, 1]),
        deep,
        helper.make_node("Transpose", names[1:2], names[2:], perm=_CHANNELS_LAST),
        _split(network, names[2], counts, [branch.last.output[0] for branch in branches]),
    ]


def _split(network: Network, source: str, counts: list[int], targets: list[str]) -> onnx.NodeProto:
    if network.opset < 13:
        return helper.make_node("Split", [source], targets, axis=3, split=counts)
    return helper.make_node("Split", [source, network.add_constant(np.array(counts, np.int64))], targets, axis=3)


def _known(network: Network, tensor: str) -> Array:
    contents = network.constant(tensor)
    if contents is None:
        raise ValueError(f"{tensor} is not fixed")
    return contents
