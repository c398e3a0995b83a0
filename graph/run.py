"""Running a plan: every service starts as soon as those it waits for are done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from graph.plan import Plan, Step
from schemas import Attributes, Frame

Objects = Sequence[Attributes]
ObjectsByClass = Mapping[str, Objects]  # the objects of an image, by class
Call = Callable[[Step, Objects], Awaitable[Objects]]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a service gave no result; ``waited_for`` names another whose failure is the reason."""

    error: Exception
    waited_for: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found about the objects of each class, and which services failed."""

    objects: ObjectsByClass
    failures: Mapping[str, Failure]


async def run_plan(plan: Plan, call: Call, scene: ObjectsByClass, frame: Frame) -> Outcome:
    """Call every service of ``plan`` with the objects of its class, as those before it left them.

    ``call`` of a detector returns the objects it found, of any other service what is to be added to each object it
    was given. A failure stops only what depends on it. Found attributes do not repeat those in ``scene``.
    """
    work = _Run(plan, call, dict(scene), frame, {}, {}, {})
    async with asyncio.TaskGroup() as group:
        for step in plan.steps.values():
            work.tasks[step.name] = group.create_task(work.visit(step))
    for name in plan.steps.keys() - work.results.keys() - work.failures.keys():
        work.failures[name] = Failure(RuntimeError(f"{name} was cancelled"))  # by itself: this run was not
    return Outcome(work.found(), work.failures)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run in progress: one task a service, each awaiting those before it."""

    plan: Plan
    call: Call
    known: dict[str, Objects]  # the objects of each class with all that was found until now
    frame: Frame
    results: dict[str, Objects]
    failures: dict[str, Failure]
    tasks: dict[str, asyncio.Task[None]]

    async def visit(self, step: Step) -> None:
        for other in sorted(step.after):
            await self.tasks[other]
            if other in self.failures and _stops(self.plan, step, other):
                self.failures[step.name] = Failure(self.failures[other].error, waited_for=other)
                return
        try:
            found = await _conditional(step, self.call, self.known.get(step.subject, ()), self.frame)
        except Exception as error:  # noqa: BLE001 - whatever a service raises is its outcome
            self.failures[step.name] = Failure(error)
        else:
            self.results[step.name] = found
            self.known[step.subject] = overlay(self.known.get(step.subject, ()), found)

    def found(self) -> ObjectsByClass:
        """What was found, laid over in the plan's order, whichever was done first."""
        found: dict[str, Objects] = {}
        for name, step in self.plan.steps.items():
            if name in self.results:
                found[step.subject] = overlay(found.get(step.subject, ()), self.results[name])
        return found


def _stops(plan: Plan, step: Step, other: str) -> bool:
    """Whether the failure of ``other`` stops ``step``.

    Not where it is merely used, nor where it is optional and only the order was asked for.
    """
    return other in step.needs or not (other in step.reuses or plan.steps[other].optional)


async def _conditional(step: Step, call: Call, objects: Objects, frame: Frame) -> Objects:
    """Calls a service for the objects that meet its condition; to the others it adds nothing.

    Of what a detector finds, those that do not meet its condition are left out.
    """
    if step.detects:
        return [each for each in await call(step, ()) if step.when.holds(each, frame)]
    chosen = [index for index, each in enumerate(objects) if step.when.holds(each, frame)]
    found: list[Attributes] = [Attributes()] * len(objects)
    if chosen:
        answers = await call(step, [objects[index] for index in chosen])
        for index, attributes in zip(chosen, answers, strict=True):
            found[index] = attributes
    return found


def overlay(below: Objects, above: Objects) -> Objects:
    """The objects ``below`` with the attributes ``above`` laid over them; either may hold none yet."""
    if not below or not above:
        return above or below
    return [lower | upper for lower, upper in zip(below, above, strict=True)]
