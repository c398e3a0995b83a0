"""Models small enough to make up, for tests of the registry: each adds a number to its input [N, 2]."""

import hashlib

import numpy as np

from models import Manifest, ModelSpec
from models.manifest import MirrorSource, Source
from models.recipes.builder import GraphBuilder


def network(addend: float) -> bytes:
    """A model that adds a number to its input [N, 2]."""
    graph = GraphBuilder()
    total = graph.node("Add", "input", graph.constant(np.float32(addend)))
    return graph.model({"input": (2,)}, {"output": (total, (2,))})


CONTENTS = {"first": network(1), "second": network(2), "left": network(3), "right": network(4)}


def spec(name: str, *sources: Source) -> ModelSpec:
    digest = hashlib.sha256(CONTENTS[name]).hexdigest()
    return ModelSpec(name, f"{name}.onnx", "adder", "MIT", "none", "here", "N,2", digest, sources or (MirrorSource(),))


def manifest(*specs: ModelSpec) -> Manifest:
    models = {name: spec(name) for name in CONTENTS} | {one.name: one for one in specs}
    return Manifest(models, {"adding": (("first",), ("second",)), "both": (("left", "right"),)})
