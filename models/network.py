"""A network as a graph that can be rewritten: who makes and who reads each tensor, and what is constant.

Only ``models.rewriting`` uses it, and only where a file has not been rewritten yet: it needs the package ``onnx``.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference

Array = NDArray[np.generic]
_PREFIX = "rewritten"  # of the names of new nodes and tensors


class Network:
    """The graph of a model; ``model`` is changed in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        model.graph.ClearField("value_info")  # what an earlier rule knew of shapes
        self.model = shape_inference.infer_shapes(model)
        self._count = 0
        self._index()

    @property
    def nodes(self) -> Sequence[onnx.NodeProto]:
        """The nodes, in the order of their execution."""
        return list(self.model.graph.node)

    @property
    def opset(self) -> int:
        """The version of ONNX's own operators."""
        return next(int(one.version) for one in self.model.opset_import if one.domain in {"", "ai.onnx"})

    def replace(self, old: Iterable[onnx.NodeProto], new: Sequence[onnx.NodeProto]) -> None:
        """Puts ``new`` where the first of the nodes ``old`` was; all inputs of ``new`` must be made before."""
        gone = {node.output[0] for node in old}
        places = [index for index, node in enumerate(self.model.graph.node) if node.output[0] in gone]
        kept = [node for node in self.model.graph.node if node.output[0] not in gone]
        place = places[0]
        graph = onnx.GraphProto()
        graph.node.extend([*kept[:place], *new, *kept[place:]])
        self.model.graph.ClearField("node")
        self.model.graph.node.extend(graph.node)
        self._index()

    def drop_unread(self) -> None:
        """Drops nodes and constants whose results nobody reads."""
        graph = self.model.graph
        read = {value.name for value in graph.output}
        for node in reversed(graph.node):
            if read.intersection(node.output):
                read.update(node.input)
        unread = [node for node in graph.node if not read.intersection(node.output)]
        for node in unread:
            graph.node.remove(node)
        constants = onnx.GraphProto()
        constants.initializer.extend(tensor for tensor in graph.initializer if tensor.name in read)
        graph.ClearField("initializer")
        graph.initializer.extend(constants.initializer)
        self._index()

    def constant(self, tensor: str) -> Array | None:
        """The contents of a tensor; None if they are not fixed."""
        found = self._constants.get(tensor)
        return None if found is None else numpy_helper.to_array(found)

    def add_constant(self, array: Array) -> str:
        """The name of a new tensor of fixed contents."""
        name = self.new_name()
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.model.graph.initializer.append(tensor)
        self._constants[name] = tensor
        return name

    def set_constant(self, node: onnx.NodeProto, position: int, array: Array) -> None:
        """Gives the node another constant as its input; other nodes that read the old one keep it."""
        node.input[position] = self.add_constant(array)

    def new_name(self) -> str:
        """A name that nothing has."""
        self._count += 1
        name = f"{_PREFIX}_{self._count}"
        return name if name not in self._taken else self.new_name()

    def maker(self, tensor: str) -> onnx.NodeProto | None:
        """The node that a tensor comes from; None for inputs and constants."""
        return self._makers.get(tensor)

    def readers(self, tensor: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor, each once."""
        return self._readers.get(tensor, [])

    def is_output(self, tensor: str) -> bool:
        """Whether the tensor is an answer of the network."""
        return tensor in self._outputs

    def shape(self, tensor: str) -> tuple[int | None, ...] | None:
        """The sides of a tensor as far as they are known, None for a side that is not; None if nothing is."""
        return self._shapes.get(tensor)

    def _index(self) -> None:
        graph = self.model.graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._makers: dict[str, onnx.NodeProto] = {}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            self._makers.update(dict.fromkeys(node.output, node))
            for name in dict.fromkeys(node.input):
                self._readers.setdefault(name, []).append(node)
        self._outputs = {value.name for value in graph.output}
        values = [*graph.input, *graph.output, *graph.value_info]
        self._shapes = {value.name: _sides(value.type.tensor_type) for value in values}
        self._taken = {*self._makers, *self._readers, *self._constants, *self._shapes}


def _sides(kind: onnx.TypeProto.Tensor) -> tuple[int | None, ...] | None:
    if not kind.HasField("shape"):
        return None
    return tuple(side.dim_value if side.HasField("dim_value") else None for side in kind.shape.dim)


def number(node: onnx.NodeProto, name: str, default: int) -> int:
    """A whole number among the attributes of a node, or what the operator takes where there is none."""
    return next((int(one.i) for one in node.attribute if one.name == name), default)


def text(node: onnx.NodeProto, name: str, default: str) -> str:
    """A text among the attributes of a node, or what the operator takes where there is none."""
    return next((bytes(one.s).decode() for one in node.attribute if one.name == name), default)


def numbers(node: onnx.NodeProto, name: str) -> list[int]:
    """Whole numbers among the attributes of a node; none where there is no such attribute."""
    return next((list(one.ints) for one in node.attribute if one.name == name), [])
