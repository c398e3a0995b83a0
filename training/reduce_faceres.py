"""Makes ``estimators/calibration/faceres_reduction.npy``: FaceRes' 1024 features to the 256 that a template holds.

    python -m training.reduce_faceres FOLDER/human_faceres.onnx

The features are the output of a 1 x 1 convolution. Its left singular vectors say, without looking at any face, along
which directions the features can differ most; the file has the first 256, (1024, 256) float16, columns of length 1.
The order and signs of the columns do not change the cosine of two templates, but templates of one version must all be
made with one file: another file is another version of the templates.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from estimators import calibration

_OUTPUT = Path(calibration.__file__).with_name("faceres_reduction.npy")
_COMPONENTS = 256


def main() -> None:
    parser = argparse.ArgumentParser(description="Reduces the features of FaceRes.")
    parser.add_argument("model", type=Path, help="human_faceres.onnx")
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    arguments = parser.parse_args()
    np.save(arguments.output, reduction(last_convolution(arguments.model)))


def reduction(weight: NDArray[np.float32]) -> NDArray[np.float16]:
    """(outputs, 256) of the weights (outputs, inputs) of a convolution: orthogonal directions, strongest first."""
    directions = np.linalg.svd(weight.astype(np.float64), full_matrices=False)[0][:, :_COMPONENTS]
    return np.asarray(directions, np.float16)


def last_convolution(path: Path) -> NDArray[np.float32]:
    """The weights (outputs, inputs) of the last convolution of a network, which must be 1 x 1."""
    graph = onnx.load(path).graph
    name = [node.input[1] for node in graph.node if node.op_type == "Conv"][-1]
    weight = next(numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name == name)
    return np.asarray(weight, np.float32).reshape(weight.shape[:2])


if __name__ == "__main__":
    main()
