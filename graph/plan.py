"""From what is wanted to the services that must run, and in which order."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
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
    """One service to run, once those it is ``after`` are done; of these it ``needs`` the results of some."""

    name: str
    subject: str
    detects: bool
    needs: frozenset[str]
    after: frozenset[str]
    when: Condition = ANY
    optional: bool = False


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
    behind it: in a graph they stand for the facts that they provide.
    """

    services: Mapping[str, Service]
    aliases: Mapping[str, Service]
    providers: Mapping[Fact, Service]

    @classmethod
    def of(cls, services: Iterable[Service], aliases: Iterable[Service] = ()) -> "Planner":
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
        needed: set[str] = set()
        goals = [(fact, "the request") for name in spec.outputs for fact in self._facts(name)]
        for node in spec.nodes:
            goals += self._goals(node, present, needed)
        while goals:
            fact, asker = goals.pop()
            if fact in given:
                continue
            provider = self._provider(fact, asker, present)
            if provider.name not in needed:
                needed.add(provider.name)
                goals += [(each, provider.name) for each in _required(provider)]
        asked = {node.service: node for node in spec.nodes}
        return self._ordered([self._step(name, asked.get(name), given, needed) for name in sorted(needed)])

    def _goals(self, node: NodeSpec, present: AbstractSet[str], needed: set[str]) -> list[tuple[Fact, str]]:
        """The facts to reach for a wanted service, which is noted as needed itself."""
        if node.service in self.aliases:
            alias = self.aliases[node.service]
            return [(Fact(alias.subject, attribute), alias.name) for attribute in alias.provides]
        service = self._known(node.service)
        if node.when.subject not in {None, service.subject}:
            raise PlanError(f"{service.name} looks at class {service.subject}, never at {node.when.subject!r:.40}")
        if _detects(service) and service.subject in present:
            return []
        needed.add(service.name)
        return [(fact, service.name) for fact in _required(service)]

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

    def _provider(self, fact: Fact, asker: str, present: AbstractSet[str]) -> Service:
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
        asked = frozenset(self._known(other).name for other in node.after)
        return Step(name, service.subject, _detects(service), needs, needs | (asked & needed), node.when, node.optional)

    @staticmethod
    def _ordered(steps: Iterable[Step]) -> Plan:
        named = {step.name: step for step in steps}
        try:
            order = list(TopologicalSorter({name: sorted(step.after) for name, step in named.items()}).static_order())
        except CycleError as error:
            raise PlanError(f"these wait for each other: {' -> '.join(error.args[1])}") from None
        return Plan({name: named[name] for name in order})


def _required(service: Service) -> list[Fact]:
    return [Fact(service.subject, attribute) for attribute in service.requires]


def _detects(service: Service) -> bool:
    """Whether a service finds objects, rather than saying something about objects found."""
    return not service.requires
