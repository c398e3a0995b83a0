"""Rebuilds networks of npm @vladmandic/face-api, which come as weights alone; their code is the architecture.

Both take faces in RGB 0..255, subtract a mean and divide by 255, then reduce 112 x 112 pixels to a feature vector.
Layers, names and strides are those of the upstream's FaceFeatureExtractor and TinyXception.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.recipes.builder import GraphBuilder, same_padding
from models.recipes.weights import Weights, read_weights

SIZE = 112  # pixels
MEAN = np.array([122.782, 117.001, 104.298], np.float32).reshape(1, 3, 1, 1)  # upstream's, RGB


def age_gender(folder: Path) -> bytes:
    """Age [N, 1] in years and gender [N, 2] as probabilities of (male, female)."""
    network = _Network(folder, "age_gender_model")
    features = network.xception()
    age = network.dense(features, "fc/age")
    gender = network.graph.node("Softmax", network.dense(features, "fc/gender"), axis=1)
    return network.graph.model({"input": (3, SIZE, SIZE)}, {"age": (age, (1,)), "gender": (gender, (2,))})


def face_expression(folder: Path) -> bytes:
    """Probabilities [N, 7] of neutral, happy, sad, angry, fearful, disgusted and surprised."""
    network = _Network(folder, "face_expression_model")
    expressions = network.graph.node("Softmax", network.dense(network.dense_blocks(), "fc"), axis=1)
    return network.graph.model({"input": (3, SIZE, SIZE)}, {"expressions": (expressions, (7,))})


class _Network:
    """The layers, each on a tensor [N, channels, size, size] whose size is kept track of."""

    def __init__(self, folder: Path, name: str) -> None:
        root = folder / "package" / "model"
        manifest = json.loads((root / f"{name}-weights_manifest.json").read_text(encoding="utf-8"))
        self.weights: Weights = read_weights(root, manifest)
        self.graph = GraphBuilder()
        self.sizes = {"input": SIZE}

    def dense_blocks(self) -> str:
        """Four blocks of four convolutions, each of which sees the sum of all before it."""
        tensor = self._normalised()
        for index in range(4):
            tensor = self._dense_block(tensor, f"dense{index}", separable=index > 0)
        return self._pooled(tensor)

    def xception(self) -> str:
        """A small Xception: two reductions, two residual blocks, one more reduction."""
        tensor = self._relu(self._convolution(self._normalised(), "entry_flow/conv_in", 2))
        tensor = self._reduction(tensor, "entry_flow/reduction_block_0", activate=False)
        tensor = self._reduction(tensor, "entry_flow/reduction_block_1")
        for block in range(2):
            inner = tensor
            for layer in range(3):
                inner = self._separable(self._relu(inner), f"middle_flow/main_block_{block}/separable_conv{layer}", 1)
            tensor = self._sum(inner, tensor)
        tensor = self._reduction(tensor, "exit_flow/reduction_block")
        return self._pooled(self._relu(self._separable(tensor, "exit_flow/separable_conv", 1)))

    def dense(self, tensor: str, name: str) -> str:
        """A fully connected layer."""
        return self.graph.node("Gemm", tensor, self._constant(f"{name}/weights"), self._constant(f"{name}/bias"))

    def _dense_block(self, tensor: str, name: str, *, separable: bool) -> str:
        first = self._separable if separable else self._convolution
        tensor = total = self._relu(first(tensor, f"{name}/conv0", 2))
        for layer in (1, 2, 3):
            total = self._sum(total, self._separable(tensor, f"{name}/conv{layer}", 1))
            tensor = self._relu(total)
        return tensor

    def _reduction(self, tensor: str, name: str, *, activate: bool = True) -> str:
        inner = self._relu(tensor) if activate else tensor
        inner = self._separable(inner, f"{name}/separable_conv0", 1)
        inner = self._separable(self._relu(inner), f"{name}/separable_conv1", 1)
        inner = self._spatial(inner, "MaxPool", 3, 2)
        return self._sum(inner, self._convolution(tensor, f"{name}/expansion_conv", 2))

    def _normalised(self) -> str:
        centred = self.graph.node("Sub", "input", self.graph.constant(MEAN))
        return self._sized(self.graph.node("Mul", centred, self.graph.constant(np.float32(1 / 255))), SIZE)

    def _convolution(self, tensor: str, name: str, stride: int) -> str:
        filters = self.weights[f"{name}/filters"]  # (height, width, in, out)
        return self._convolve(tensor, filters.transpose(3, 2, 0, 1), stride, bias=f"{name}/bias")

    def _separable(self, tensor: str, name: str, stride: int) -> str:
        depthwise = self.weights[f"{name}/depthwise_filter"].transpose(2, 3, 0, 1)  # (in, 1, height, width)
        pointwise = self.weights[f"{name}/pointwise_filter"].transpose(3, 2, 0, 1)
        tensor = self._convolve(tensor, depthwise, stride, groups=depthwise.shape[0])
        return self._convolve(tensor, pointwise, 1, bias=f"{name}/bias")

    def _convolve(
        self, tensor: str, filters: NDArray[np.generic], stride: int, bias: str | None = None, groups: int = 1
    ) -> str:
        constants = [self.graph.constant(filters)] + ([self._constant(bias)] if bias else [])
        return self._spatial(tensor, "Conv", filters.shape[-1], stride, *constants, group=groups)

    def _spatial(self, tensor: str, operator: str, kernel: int, stride: int, *constants: str, **more: int) -> str:
        before, after = same_padding(self.sizes[tensor], kernel, stride)
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [before, before, after, after]}
        output = self.graph.node(operator, tensor, *constants, **window, **more)
        return self._sized(output, -(-self.sizes[tensor] // stride))

    def _pooled(self, tensor: str) -> str:
        pooled = self.graph.node("AveragePool", tensor, kernel_shape=[7, 7], strides=[2, 2])
        return self.graph.node("Flatten", pooled, axis=1)  # [N, channels], as one position is left

    def _relu(self, tensor: str) -> str:
        return self._sized(self.graph.node("Relu", tensor), self.sizes[tensor])

    def _sum(self, one: str, other: str) -> str:
        return self._sized(self.graph.node("Add", one, other), self.sizes[one])

    def _constant(self, name: str) -> str:
        return self.graph.constant(self.weights[name])

    def _sized(self, tensor: str, size: int) -> str:
        self.sizes[tensor] = size
        return tensor
