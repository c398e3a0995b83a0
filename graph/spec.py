"""What a caller wants of a graph: named results, named services, or nodes spelled out.

    {"services": ["age-estimator", "gender-estimator"]}
    {"outputs": ["age", "template"]}
    {"nodes": [{"service": "age-estimator"},
               {"service": "template-extractor", "after": ["age-estimator"], "optional": true,
                "when": {"class": "face", "min_confidence": 0.8, "min_size": 60}}]}

The three may be combined; what a node says of a service holds where it is named plainly too. ``when.class`` must be the
class that the service looks at, ``when.min_confidence`` lies in [0, 1], and ``when.min_size`` is the shorter side of
the object's box in pixels, up to a million. A node runs for the objects that meet its condition; the others stay as
they are.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas import Attributes, BadDocument, Frame, TooLarge
from schemas.attributes import BOX, CONFIDENCE
from schemas.fields import boolean, number, text, within

_LARGEST = 1e6  # pixels, beyond the side of any image


class Condition(NamedTuple):
    """Which objects a node runs for."""

    subject: str | None = None
    min_confidence: float = 0.0
    min_size: float = 0.0  # pixels, the shorter side of the box

    def holds(self, attributes: Attributes, frame: Frame) -> bool:
        """Whether an object meets the condition; one that lacks a confidence or a box does not fail for that."""
        if attributes.get(CONFIDENCE, 1.0) < self.min_confidence:
            return False
        box = attributes.get(BOX)
        if box is None:
            return True
        return bool(min(box.width * frame.width, box.height * frame.height) >= self.min_size)


ANY = Condition()  # holds for every object


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One service in a graph, with what the caller says about it."""

    service: str
    after: tuple[str, ...] = ()
    when: Condition = ANY
    optional: bool = False


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """A wanted result."""

    nodes: tuple[NodeSpec, ...] = ()
    outputs: tuple[str, ...] = ()
    description: str = field(default="", compare=False)

    @classmethod
    def parse(cls, raw: Any, max_names: int = 64) -> "GraphSpec":
        """The specification in JSON or YAML; raises ``BadDocument`` where it has another form.

        Raises ``TooLarge``, before reading any of them, where it names more than ``max_names`` services and outputs.
        """
        raw = _object(raw, {"services", "outputs", "nodes", "description"})
        _limit(max_names, raw, "services", "outputs", "nodes")
        services = within("services", _names, raw.get("services") or [])
        nodes = [within("nodes", _at, raw.get("nodes"), index, max_names) for index in range(_length(raw.get("nodes")))]
        outputs = within("outputs", _names, raw.get("outputs") or [])
        if not (services or nodes or outputs):
            raise BadDocument("Say what is wanted: services, outputs or nodes", (), "missing")
        known = {node.service for node in nodes}
        extra = (NodeSpec(service) for service in dict.fromkeys(services) if service not in known)
        description = within("description", text, raw.get("description") or "")
        return cls((*nodes, *extra), tuple(outputs), description)


def _limit(max_names: int, raw: dict[str, Any], *members: str) -> None:
    """Raises ``TooLarge`` where the lists under ``members`` together are longer than ``max_names``."""
    if sum(len(raw[key]) for key in members if isinstance(raw.get(key), list)) > max_names:
        raise TooLarge(f"The graph names more than {max_names} services and outputs")


def _length(raw: Any) -> int:
    if raw is not None and not isinstance(raw, list):
        raise BadDocument("Input should be a list", ("nodes",), "list_type")
    return len(raw or ())


def _at(raw: list[Any], index: int, max_names: int) -> NodeSpec:
    spec: NodeSpec = within(index, _node, raw[index], max_names)
    return spec


def _node(raw: Any, max_names: int) -> NodeSpec:
    raw = _object(raw, {"service", "after", "when", "optional"})
    _limit(max_names, raw, "after")
    if "service" not in raw:
        raise BadDocument("Field required", ("service",), "missing")
    return NodeSpec(
        service=within("service", text, raw["service"]),
        after=tuple(within("after", _names, raw.get("after") or [])),
        when=within("when", _condition, raw.get("when") or {}),
        optional=within("optional", boolean, raw.get("optional", False)),
    )


def _condition(raw: Any) -> Condition:
    raw = _object(raw, {"class", "min_confidence", "min_size"})
    subject = raw.get("class")
    return Condition(
        subject=None if subject is None else within("class", text, subject),
        min_confidence=within("min_confidence", number, raw.get("min_confidence", 0.0), 0.0, 1.0),
        min_size=within("min_size", number, raw.get("min_size", 0.0), 0.0, _LARGEST),
    )


def _object(raw: Any, members: set[str]) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadDocument("Input should be an object", (), "dict_type")
    for key in raw:
        if key not in members:
            known = ", ".join(sorted(members))
            raise BadDocument(f"Unknown member; known are {known}", (str(key),), "extra_forbidden")
    return raw


def _names(raw: Any) -> list[str]:
    if not isinstance(raw, list):
        raise BadDocument("Input should be a list of names", (), "list_type")
    return [within(index, text, each) for index, each in enumerate(raw)]
