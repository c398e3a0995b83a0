"""Translates a TensorFlow.js graph model into ONNX, operation by operation.

TensorFlow keeps images as [N, height, width, channels], ONNX wants [N, channels, height, width]. Here every tensor of
four dimensions is kept the ONNX way from the input on, and turned back only where it is reshaped or leaves the network.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.recipes.builder import GraphBuilder, same_padding
from models.recipes.graph_model import GraphModel, Operation, read_graph_model

TO_ONNX = (0, 3, 1, 2)
TO_TENSORFLOW = (0, 2, 3, 1)
Shape = tuple[int, ...]


class Tensor(NamedTuple):
    """A tensor of the ONNX graph and its shape without the batch, in TensorFlow's order."""

    name: str
    shape: Shape

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3


def convert(path: Path, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> bytes:
    """The ONNX file of the graph model at ``path``.

    ``inputs`` and ``outputs`` give the name of the TensorFlow operation for each ONNX name. Images stay
    [N, height, width, channels] at both ends.
    """
    translation = _Translation(read_graph_model(path))
    placeholders = {placeholder: name for name, placeholder in inputs.items()}
    for operation in translation.source.needed(list(outputs.values())):
        if operation.kind == "Placeholder":
            translation.read(operation, placeholders[operation.name])
        else:
            translation.translate(operation)
    results = {name: translation.result(operation) for name, operation in outputs.items()}
    shapes = {name: translation.tensors[operation].shape for name, operation in inputs.items()}
    return translation.graph.model(shapes, results)


class _Translation:
    """The tensors so far, by the name of the TensorFlow operation that gave them."""

    def __init__(self, source: GraphModel) -> None:
        self.source = source
        self.graph = GraphBuilder()
        self.tensors: dict[str, Tensor] = {}

    def read(self, operation: Operation, name: str) -> None:
        """Takes an input of the network."""
        shape = tuple(operation.attributes["shape"][1:])
        self.tensors[operation.name] = Tensor(self.graph.node("Transpose", name, perm=TO_ONNX), shape)

    def result(self, name: str) -> tuple[str, Shape]:
        """An output of the network."""
        return self._plain(self.tensors[name]), self.tensors[name].shape

    def translate(self, operation: Operation) -> None:
        """Adds one operation to the graph."""
        if operation.kind in SIMPLE:
            self.tensors[operation.name] = self._elementwise(operation, SIMPLE[operation.kind])
        elif operation.kind in OPERATIONS:
            self.tensors[operation.name] = OPERATIONS[operation.kind](self, operation)
        else:
            raise NotImplementedError(f"{operation.name}: no translation of {operation.kind}")

    def convolution(self, operation: Operation) -> Tensor:
        tensor, filters = self.tensors[operation.inputs[0]], self._weight(operation, 1)  # (height, width, in, out)
        depthwise = "Depthwise" in operation.kind
        groups = filters.shape[2] if depthwise else 1
        kernel = filters.transpose(2, 3, 0, 1) if depthwise else filters.transpose(3, 2, 0, 1)
        kernel = kernel.reshape(-1, filters.shape[2] // groups, *filters.shape[:2])
        constants = [self.graph.constant(kernel)]
        fused = list(operation.attributes.get("fused_ops") or ())
        if "BiasAdd" in fused:
            constants.append(self.graph.constant(self._weight(operation, 2).reshape(-1)))
        window, sizes = self._window(operation, tensor, kernel.shape[2:])
        output = self.graph.node("Conv", tensor.name, *constants, group=groups, **window)
        result = Tensor(output, (*sizes, kernel.shape[0]))
        return self._activated(result, [name for name in fused if name != "BiasAdd"], operation)

    def pooling(self, operation: Operation) -> Tensor:
        tensor = self.tensors[operation.inputs[0]]
        window, sizes = self._window(operation, tensor, operation.attributes["ksize"][1:3])
        window.pop("dilations")
        return Tensor(self.graph.node("MaxPool", tensor.name, **window), (*sizes, tensor.shape[-1]))

    def padding(self, operation: Operation) -> Tensor:
        tensor, amounts = self.tensors[operation.inputs[0]], self._weight(operation, 1)  # (4, 2): before, after
        pads = self.graph.constant(amounts[list(TO_ONNX)].T.reshape(-1).astype(np.int64))
        shape = [size + int(amount.sum()) for size, amount in zip(tensor.shape, amounts[1:], strict=True)]
        return Tensor(self.graph.node("Pad", tensor.name, pads), tuple(shape))

    def concatenation(self, operation: Operation) -> Tensor:
        *tensors, axis = [self.tensors.get(name) for name in operation.inputs]
        parts = [tensor for tensor in tensors if tensor is not None]
        if axis is not None or len(parts) != len(tensors) or int(self._weight(operation, -1)) not in (-1, 3):
            raise NotImplementedError(f"{operation.name}: concatenates something other than channels")
        channels = sum(part.shape[-1] for part in parts)
        output = self.graph.node("Concat", *(part.name for part in parts), axis=1)
        return Tensor(output, (*parts[0].shape[:-1], channels))

    def resizing(self, operation: Operation) -> Tensor:
        tensor, sizes = self.tensors[operation.inputs[0]], self._weight(operation, 1).tolist()
        if operation.attributes["align_corners"] or operation.attributes["half_pixel_centers"]:
            raise NotImplementedError(f"{operation.name}: resizes other than by the plain ratio of coordinates")
        ratios = [size / before for size, before in zip(sizes, tensor.shape, strict=False)]
        scales = self.graph.constant(np.array([1, 1, *ratios], np.float32))
        output = self.graph.node(
            "Resize", tensor.name, "", scales, mode="linear", coordinate_transformation_mode="asymmetric"
        )
        return Tensor(output, (*sizes, tensor.shape[-1]))

    def mean(self, operation: Operation) -> Tensor:
        tensor, keeps = self.tensors[operation.inputs[0]], bool(operation.attributes.get("keep_dims"))
        if not tensor.is_image or sorted(self._weight(operation, 1).tolist()) != [1, 2]:
            raise NotImplementedError(f"{operation.name}: averages something other than positions")
        output = self.graph.node("ReduceMean", tensor.name, axes=[2, 3], keepdims=int(keeps))
        return Tensor(output, (1, 1, tensor.shape[-1]) if keeps else (tensor.shape[-1],))

    def reshaping(self, operation: Operation) -> Tensor:
        tensor, shape = self.tensors[operation.inputs[0]], tuple(self._weight(operation, 1).tolist()[1:])
        if np.prod(shape) != np.prod(tensor.shape) or len(shape) > 1:
            raise NotImplementedError(f"{operation.name}: reshapes {tensor.shape} to {shape}")
        target = self.graph.constant(np.array([0, *shape], np.int64))  # 0 keeps the batch
        return Tensor(self.graph.node("Reshape", self._plain(tensor), target), shape)

    def dense(self, operation: Operation) -> Tensor:
        tensor, weights = self.tensors[operation.inputs[0]], self._weight(operation, 1)
        bias, *activations = operation.attributes["fused_ops"]
        if operation.attributes.get("transpose_a") or bias != "BiasAdd":
            raise NotImplementedError(f"{operation.name}: a product other than with weights and a bias")
        if operation.attributes.get("transpose_b"):
            weights = weights.T
        constants = [self.graph.constant(array) for array in (weights, self._weight(operation, 2))]
        result = Tensor(self.graph.node("Gemm", tensor.name, *constants), (weights.shape[1],))
        return self._activated(result, activations, operation)

    def parametric(self, operation: Operation) -> Tensor:
        tensor = self.tensors[operation.inputs[0]]
        return self._slope(tensor, self._weight(operation, 1))

    def limited(self, operation: Operation) -> Tensor:
        return self._activated(self.tensors[operation.inputs[0]], ["Relu6"], operation)

    def softmax(self, operation: Operation) -> Tensor:
        tensor = self.tensors[operation.inputs[0]]
        if len(tensor.shape) != 1:
            raise NotImplementedError(f"{operation.name}: a softmax over an image")
        return Tensor(self.graph.node("Softmax", tensor.name, axis=1), tensor.shape)

    def identity(self, operation: Operation) -> Tensor:
        return self.tensors[operation.inputs[0]]

    def _elementwise(self, operation: Operation, operator: str) -> Tensor:
        tensors = [self.tensors[name] for name in operation.inputs if name in self.tensors]
        is_image = any(tensor.is_image for tensor in tensors)
        shapes = [tensor.shape for tensor in tensors]
        names = []
        for index, name in enumerate(operation.inputs):
            if name in self.tensors:
                names.append(self.tensors[name].name)
            else:
                array = self._weight(operation, index)
                shapes.append(tuple(array.shape[1:] if array.ndim == 4 else array.shape))
                names.append(self.graph.constant(_as_image(array) if is_image and array.ndim else array))
        return Tensor(self.graph.node(operator, *names), np.broadcast_shapes(*shapes))

    def _activated(self, tensor: Tensor, names: Sequence[str], operation: Operation) -> Tensor:
        for name in names:
            if name == "Relu6":
                limits = [self.graph.constant(np.float32(limit)) for limit in (0, 6)]
                tensor = Tensor(self.graph.node("Clip", tensor.name, *limits), tensor.shape)
            elif name == "Prelu":
                tensor = self._slope(tensor, self._weight(operation, -1))
            elif name in SIMPLE:
                tensor = Tensor(self.graph.node(SIMPLE[name], tensor.name), tensor.shape)
            else:
                raise NotImplementedError(f"{operation.name}: no translation of the activation {name}")
        return tensor

    def _slope(self, tensor: Tensor, slopes: NDArray[np.generic]) -> Tensor:
        constant = self.graph.constant(_as_image(slopes)[0] if tensor.is_image else slopes)
        return Tensor(self.graph.node("PRelu", tensor.name, constant), tensor.shape)

    def _window(self, operation: Operation, tensor: Tensor, kernel: Sequence[int]) -> tuple[dict[str, Any], list[int]]:
        """The ONNX attributes of a sliding window, and the height and width of what comes out."""
        strides = operation.attributes["strides"][1:3]
        dilations = (operation.attributes.get("dilations") or [1, 1, 1, 1])[1:3]
        reaches = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
        lengths = tensor.shape[:2]
        pads = [(0, 0), (0, 0)]
        if operation.attributes["padding"] == "SAME":
            pads = [same_padding(*axis) for axis in zip(lengths, reaches, strides, strict=True)]
        elif operation.attributes["padding"] != "VALID":
            raise NotImplementedError(f"{operation.name}: padding {operation.attributes['padding']}")
        sizes = [
            (length + sum(pad) - reach) // stride + 1
            for length, pad, reach, stride in zip(lengths, pads, reaches, strides, strict=True)
        ]
        (top, bottom), (left, right) = pads
        window = {"kernel_shape": list(kernel), "strides": strides, "pads": [top, left, bottom, right]}
        return {**window, "dilations": dilations}, sizes

    def _plain(self, tensor: Tensor) -> str:
        """The tensor in TensorFlow's order."""
        return self.graph.node("Transpose", tensor.name, perm=TO_TENSORFLOW) if tensor.is_image else tensor.name

    def _weight(self, operation: Operation, index: int) -> NDArray[np.generic]:
        return self.source.weights[operation.inputs[index]]


def _as_image(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """An array that broadcasts to [N, height, width, channels], as one that broadcasts to ONNX's order."""
    return array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(TO_ONNX)


SIMPLE = {  # TensorFlow's name to ONNX's, for what happens to each number by itself
    "Add": "Add",
    "AddV2": "Add",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "Relu": "Relu",
    "Sigmoid": "Sigmoid",
}
OPERATIONS: Mapping[str, Callable[[_Translation, Operation], Tensor]] = {
    "ConcatV2": _Translation.concatenation,
    "Conv2D": _Translation.convolution,
    "DepthwiseConv2dNative": _Translation.convolution,
    "FusedDepthwiseConv2dNative": _Translation.convolution,
    "Identity": _Translation.identity,
    "MaxPool": _Translation.pooling,
    "Mean": _Translation.mean,
    "Pad": _Translation.padding,
    "Prelu": _Translation.parametric,
    "Relu6": _Translation.limited,
    "Reshape": _Translation.reshaping,
    "ResizeBilinear": _Translation.resizing,
    "Softmax": _Translation.softmax,
    "_FusedConv2D": _Translation.convolution,
    "_FusedMatMul": _Translation.dense,
}
