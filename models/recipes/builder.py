"""Writes an ONNX graph node by node, with the same bytes each time."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13  # the newest that every supported ONNX Runtime build runs; axes of ReduceMean are attributes in it
IR_VERSION = 8
Attribute = int | float | str | Sequence[int]
Shape = Sequence[int]  # without the batch dimension


class GraphBuilder:
    """A float32 network under construction: every method returns the name of a tensor."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, array: NDArray[np.generic] | np.float32) -> str:
        """A tensor of fixed contents."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """The output of an ONNX operator."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name, None, None, None, **attributes))
        return name

    def model(self, inputs: Mapping[str, Shape], outputs: Mapping[str, tuple[str, Shape]]) -> bytes:
        """The finished file, with any batch size.

        ``inputs`` gives the shape of each input by name; ``outputs`` the tensor and the shape of each output.
        """
        ends = [helper.make_node("Identity", [tensor], [name]) for name, (tensor, _) in outputs.items()]
        graph = helper.make_graph(
            self._nodes + ends,
            "facet",
            [_value(name, shape) for name, shape in inputs.items()],
            [_value(name, shape) for name, (_, shape) in outputs.items()],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return model_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="facet"))


def model_bytes(model: onnx.ModelProto) -> bytes:
    """The file of a model, checked; the same bytes for the same model."""
    onnx.checker.check_model(model, full_check=True)
    contents: bytes = model.SerializeToString(deterministic=True)
    return contents


def same_padding(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TensorFlow's SAME padding adds before and after one axis, in samples."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
