"""Reads the weight files of TensorFlow.js: a list of tensors and the binary files that hold them, end to end."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = Mapping[str, NDArray[np.generic]]


def read_weights(folder: Path, groups: Sequence[Mapping[str, Any]]) -> Weights:
    """The tensors of a weight manifest by name, float32 or int32.

    Stored as float32, int32, float16, or in 8 bits of which the manifest gives the scale and the least value.
    """
    weights: dict[str, NDArray[np.generic]] = {}
    for group in groups:
        contents = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            quantisation = entry.get("quantization") or {"dtype": entry["dtype"]}
            stored = np.dtype(quantisation["dtype"])
            count = math.prod(entry["shape"])
            values = np.frombuffer(contents, stored, count, offset).reshape(entry["shape"])
            offset += values.nbytes
            if "scale" in quantisation:
                values = values.astype(np.float64) * quantisation["scale"] + quantisation["min"]
            weights[entry["name"]] = values.astype(entry["dtype"])
        if offset != len(contents):
            raise ValueError(f"{folder}: {group['paths']} hold {len(contents)} bytes, the manifest tells of {offset}")
    return weights
