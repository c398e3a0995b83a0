"""From what is wanted to the services that must run, and in which order."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple, Protocol

from graph.spec import ANY, Condition, GraphSpec, NodeSpec
from schemas import Attribute


class Service(Protocol):
    """What the planner must know of a service."""

    @property
    def name(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def requires(self) -> frozenset[Attribute[Any]]: ...
    @property
    def provides(self) -> frozenset[Attribute[Any]]: ...
    @property
    def uses(self) -> frozenset[Attribute[Any]]: ...
    @property
    def reveals(self) -> frozenset[Attribute[Any]]: ...


class PlanError(ValueError):
    """What is wanted cannot be reached; the one message names what stands in the way."""


class Fact(NamedTuple):
    """An attribute of the objects of one class: faces and bodies live in one document."""

    subject: str
    attribute: Attribute[Any]

    def __str__(self) -> str:
        return f"{self.attribute} of {self.subject}"


@dataclass(frozen=True, slots=True)
class Step:
    """One service to run, once those it is ``after`` are done.

    Of these it ``needs`` the results of some; it ``reuses`` those of others where they have any.
    """

    name: str
    subject: str
    detects: bool
    needs: frozenset[str]
    after: frozenset[str]
    when: Condition = ANY
    optional: bool = False
    reuses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, by service name, in an order in which each comes after those it waits for."""

    steps: Mapping[str, Step]

    def stages(self) -> Iterator[tuple[str, ...]]:
        """The services in waves; those of one wave do not depend on each other."""
        sorter = TopologicalSorter({name: step.after for name, step in self.steps.items()})
        sorter.prepare()
        while sorter.is_active():
            ready = sorter.get_ready()
            yield tuple(sorted(ready))
            sorter.done(*ready)

    def mermaid(self) -> str:
        """The plan as a Mermaid flow chart."""
        lines = ["flowchart LR", "    image([image])"]
        for name, step in self.steps.items():
            mark = "?" if step.optional else ""
            lines.append(f'    {name}["{name}{mark}"]')
            lines += [f"    {other} --> {name}" for other in sorted(step.after) or ["image"]]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans over a fixed set of services, each the only one to provide its facts.

    ``aliases`` are services that do the work of several others in one, such as a detector with a template extractor
    behind it: in a graph they stand for the services that provide the same facts. What a node says of an alias holds
    for those that do not detect; the detector runs as it would without, unless another node names it.
    """

    services: Mapping[str, Service]
    aliases: Mapping[str, Service]
    providers: Mapping[Fact, Service]

    @classmethod
    def over(cls, services: Iterable[Service], aliases: Iterable[Service] = ()) -> "Planner":
        """A planner; raises ``PlanError`` where two services provide the same fact."""
        known = {service.name: service for service in services}
        providers: dict[Fact, Service] = {}
        for service in known.values():
            for attribute in service.provides:
                fact = Fact(service.subject, attribute)
                other = providers.setdefault(fact, service)
                if other is not service:
                    raise PlanError(f"both {other.name} and {service.name} provide {fact}")
        return cls(known, {alias.name: alias for alias in aliases}, providers)

    def plan(
        self, spec: GraphSpec, given: AbstractSet[Fact] = frozenset(), present: AbstractSet[str] = frozenset()
    ) -> Plan:
        """The least set of services that does what ``spec`` wants.

        ``given`` are the facts that the caller's objects carry; of a class of objects that is ``present`` nothing is
        detected, because the caller's objects are authoritative.
        """
        asked = self._asked(spec.nodes)
        self._check_orders(spec)
        needed: set[str] = set()
        goals = [(fact, "the graph") for name in spec.outputs for fact in self._facts(name)]
        for node in spec.nodes:
            goals += self._goals(node.service, present, needed)
        while goals:
            fact, asker = goals.pop()
            if fact in given:
                continue
            provider = self._provider(fact, asker, present)
            if provider.name not in needed:
                needed.add(provider.name)
                goals += [(each, provider.name) for each in _required(provider)]
        steps = [self._step(name, asked.get(name), given, needed) for name in sorted(needed)]
        try:
            return _ordered([self._using(step, needed) for step in steps])
        except PlanError:  # the caller wants another order than the one that saves work, and has the last word
            return _ordered(steps)

    def _goals(self, name: str, present: AbstractSet[str], needed: set[str]) -> list[tuple[Fact, str]]:
        """The facts to reach for a wanted service, which is noted as needed itself where it is no alias."""
        if name in self.aliases:
            facts = _provided(self.aliases[name])
            return [(fact, name) for fact in facts if not (fact.subject in present and _detects(self.providers[fact]))]
        service = self._known(name)
        if _detects(service) and service.subject in present:
            return []
        needed.add(name)
        return [(fact, name) for fact in _required(service)]

    def _asked(self, nodes: Iterable[NodeSpec]) -> dict[str, NodeSpec]:
        """What the nodes say of each service, by its own name or by that of an alias."""
        asked: dict[str, NodeSpec] = {}
        seen: set[str] = set()
        for node in nodes:
            behind = self._behind(node.service)
            if node.service in seen:
                raise PlanError(f"{node.service} is in two nodes; put all that is to be said of it in one")
            seen.add(node.service)
            for name in behind:
                _check_class(node, self.services[name].subject)
                if name == node.service or not _detects(self.services[name]):
                    asked[name] = _both(asked[name], node) if name in asked else node
        return asked

    def _check_orders(self, spec: GraphSpec) -> None:
        """Raises ``PlanError`` where a node is to run after what the graph never runs, whatever is given."""
        members = self._members(spec)
        for node in spec.nodes:
            for other in node.after:
                if not self._behind(other) <= members:
                    raise PlanError(f"{node.service} is to run after {other}, which is not in this graph")

    def _members(self, spec: GraphSpec) -> set[str]:
        """The services that the graph needs where nothing is given."""
        members: set[str] = set()
        pending = [name for node in spec.nodes for name in self._behind(node.service)]
        pending += [self.providers[fact].name for output in spec.outputs for fact in self._facts(output)]
        while pending:
            name = pending.pop()
            if name not in members:
                members.add(name)
                required = _required(self.services[name])
                pending += [self.providers[fact].name for fact in required if fact in self.providers]
        return members

    def _behind(self, name: str) -> frozenset[str]:
        """The services that a name stands for: those that provide the facts of an alias, or just itself."""
        if name in self.aliases:
            return frozenset(self._provider(fact, name).name for fact in _provided(self.aliases[name]))
        return frozenset({self._known(name).name})

    def _known(self, name: str) -> Service:
        if name not in self.services:
            known = ", ".join(sorted([*self.services, *self.aliases]))
            raise PlanError(f"there is no service {name!r:.60} here; there are {known}")
        return self.services[name]

    def _facts(self, output: str) -> list[Fact]:
        """What an output's name stands for: a class of objects, or an attribute of the class that has it."""
        if any(fact.subject == output for fact in self.providers):
            return [fact for fact in self.providers if fact.subject == output and not _required(self.providers[fact])]
        facts = [fact for fact in self.providers if fact.attribute.name == output]
        if not facts:
            raise PlanError(f"nothing provides {output!r:.60}; there are {', '.join(self.outputs())}")
        faces = [fact for fact in facts if fact.subject == "face"]
        return faces or facts

    def outputs(self) -> list[str]:
        """The names that ``GraphSpec.outputs`` may hold."""
        return sorted({fact.attribute.name for fact in self.providers} | {fact.subject for fact in self.providers})

    def _provider(self, fact: Fact, asker: str, present: AbstractSet[str] = frozenset()) -> Service:
        provider = self.providers.get(fact)
        if provider is None:
            raise PlanError(f"nothing provides {fact}, which {asker} needs")
        if _detects(provider) and fact.subject in present:
            raise PlanError(
                f"{asker} needs {fact}, which not every object of that class in the document has; "
                f"{provider.name} gives it only where no such objects are sent"
            )
        return provider

    def _step(self, name: str, node: NodeSpec | None, given: AbstractSet[Fact], needed: AbstractSet[str]) -> Step:
        service, node = self.services[name], node or NodeSpec(name)
        needs = frozenset(self.providers[fact].name for fact in _required(service) if fact not in given)
        asked = frozenset[str]().union(*(self._behind(other) for other in node.after))
        return Step(name, service.subject, _detects(service), needs, needs | (asked & needed), node.when, node.optional)

    def _using(self, step: Step, needed: AbstractSet[str]) -> Step:
        """The step, which also waits for those whose results spare it work."""
        service = self.services[step.name]
        others = (self.services[name] for name in needed)
        used = {
            other.name
            for other in others
            if other.subject == step.subject and service.uses & (other.provides | other.reveals)
        }
        return replace(step, after=step.after | used, reuses=frozenset(used - step.after))


def _ordered(steps: Iterable[Step]) -> Plan:
    named = {step.name: step for step in steps}
    try:
        order = list(TopologicalSorter({name: sorted(step.after) for name, step in named.items()}).static_order())
    except CycleError as error:
        raise PlanError(f"these wait for each other: {' -> '.join(error.args[1])}") from None
    return Plan({name: named[name] for name in order})


def _check_class(node: NodeSpec, subject: str) -> None:
    if node.when.subject not in {None, subject}:
        raise PlanError(f"{node.service} looks at class {subject}, never at {node.when.subject!r:.40}")


def _both(one: NodeSpec, other: NodeSpec) -> NodeSpec:
    """What two nodes say of the same service, one of them by the name of an alias."""
    conditions = {node.when._replace(subject=None) for node in (one, other)} - {ANY}
    if len(conditions) > 1:
        raise PlanError(f"{one.service} and {other.service} put different conditions on the same service")
    after = (*one.after, *other.after)
    return NodeSpec(one.service, after, conditions.pop() if conditions else ANY, one.optional or other.optional)


def _required(service: Service) -> list[Fact]:
    return _facts(service.subject, service.requires)


def _provided(service: Service) -> list[Fact]:
    return _facts(service.subject, service.provides)


def _facts(subject: str, attributes: Iterable[Attribute[Any]]) -> list[Fact]:
    """The facts in one order, so that of several faults always the same one is reported."""
    return sorted((Fact(subject, attribute) for attribute in attributes), key=str)


def _detects(service: Service) -> bool:
    """Whether a service finds objects, rather than saying something about objects found."""
    return not service.requires
