"""Reads a TensorFlow.js graph model: the operations that an output needs, in order, with their weights."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.recipes.weights import Weights, read_weights


@dataclass(frozen=True)
class Operation:
    """One TensorFlow operation; its name is also that of its first output."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]  # strings, truth values, numbers, or lists of these


@dataclass(frozen=True)
class GraphModel:
    """A network as TensorFlow.js keeps it."""

    operations: Mapping[str, Operation]
    weights: Weights

    def needed(self, outputs: Sequence[str]) -> list[Operation]:
        """The operations that ``outputs`` need, each after those that it reads; weights are left out."""
        done: dict[str, Operation] = {}
        waiting = [self.operations[name] for name in reversed(outputs)]
        while waiting:
            operation = waiting[-1]
            first = [name for name in operation.inputs if name not in done and name not in self.weights]
            if operation.name in done or not first:
                done.setdefault(waiting.pop().name, operation)
            else:
                waiting += [self.operations[name] for name in reversed(first)]
        return list(done.values())


def read_graph_model(path: Path) -> GraphModel:
    """The model whose topology is in the JSON file at ``path``, its weights in files beside it."""
    document = json.loads(path.read_text(encoding="utf-8"))
    operations = (
        Operation(
            name=node["name"],
            kind=node["op"],
            inputs=tuple(name.removesuffix(":0") for name in node.get("input", []) if not name.startswith("^")),
            attributes={key: _attribute(value) for key, value in node.get("attr", {}).items()},
        )
        for node in document["modelTopology"]["node"]
    )
    return GraphModel(
        {operation.name: operation for operation in operations},
        read_weights(path.parent, document["weightsManifest"]),
    )


def _attribute(value: Mapping[str, Any]) -> Any:
    """The value of a TensorFlow attribute; its JSON has numbers as strings and strings in base64."""
    match value:
        case {"s": text}:
            return base64.b64decode(text).decode()
        case {"i": number}:
            return int(number)
        case {"shape": {"dim": sizes}}:
            return [int(size["size"]) for size in sizes]
        case {"list": entries}:
            return [_attribute({kind: entry}) for kind, values in entries.items() for entry in values]
    return next(iter(value.values()), None)
