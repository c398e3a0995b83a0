"""Running plans with functions in place of services."""

import asyncio
from dataclasses import replace

from graph import Failure, GraphSpec, Objects, ObjectsByClass, Outcome, Planner, Step, run_plan
from schemas import Attributes, Frame
from schemas.attributes import AGE, BOX, CONFIDENCE, EMOTIONS, GENDER, MALE, Box, Gender
from tests.unit.test_plan import made

BIG, SMALL = Box(0.0, 0.0, 0.5, 0.5), Box(0.5, 0.5, 0.75, 0.625)
PLANNER = Planner.over(
    [
        made("finder", set(), {BOX, CONFIDENCE}),
        made("ages", {BOX}, {AGE}),
        made("genders", {AGE}, {GENDER}),
        made("moods", {BOX}, {EMOTIONS}),
    ],
    [made("finder-with-ages", set(), {BOX, CONFIDENCE, AGE})],
)


async def answer(step: Step, objects: Objects) -> Objects:
    if step.name == "finder":
        return [Attributes({BOX: BIG, CONFIDENCE: 0.9}), Attributes({BOX: SMALL, CONFIDENCE: 0.4})]
    if step.name == "ages":
        return [Attributes({AGE: each[BOX].right * 100}) for each in objects]
    if step.name == "genders":
        return [Attributes({GENDER: Gender.MALE if each[AGE] > 55 else Gender.FEMALE}) for each in objects]
    raise RuntimeError("moods are out of order")


async def ran(spec: dict[str, object], scene: ObjectsByClass | None = None) -> Outcome:
    return await run_plan(PLANNER.plan(GraphSpec.parse(spec)), answer, scene or {}, Frame(200, 100))


async def test_each_service_sees_what_those_before_it_found() -> None:
    outcome = await ran({"outputs": ["gender"]})
    assert [each[GENDER] for each in outcome.objects["face"]] == [Gender.FEMALE, Gender.MALE]
    assert [each[AGE] for each in outcome.objects["face"]] == [50, 75]


async def test_a_failure_stops_only_what_depends_on_it() -> None:
    outcome = await ran({"outputs": ["gender", "emotions"]})
    assert set(outcome.failures) == {"moods"}
    assert GENDER in outcome.objects["face"][0]


async def test_what_waited_for_a_failure_says_so() -> None:
    outcome = await ran({"nodes": [{"service": "moods"}, {"service": "ages", "after": ["moods"]}]})
    assert outcome.failures["ages"] == Failure(outcome.failures["moods"].error, waited_for="moods")


async def test_a_failed_optional_service_does_not_stop_what_only_comes_after_it() -> None:
    outcome = await ran({"nodes": [{"service": "moods", "optional": True}, {"service": "ages", "after": ["moods"]}]})
    assert set(outcome.failures) == {"moods"}


async def test_a_condition_leaves_the_other_objects_as_they_are() -> None:
    outcome = await ran({"nodes": [{"service": "ages", "when": {"min_confidence": 0.5}}]})
    assert [AGE in each for each in outcome.objects["face"]] == [True, False]


async def test_a_condition_on_a_composite_service_keeps_all_objects() -> None:
    outcome = await ran({"nodes": [{"service": "finder-with-ages", "when": {"min_size": 13}}]})
    assert [AGE in each for each in outcome.objects["face"]] == [True, False]


async def test_a_size_is_the_shorter_side_in_pixels() -> None:
    at_most = await ran({"nodes": [{"service": "ages", "when": {"min_size": 12.5}}]})
    beyond = await ran({"nodes": [{"service": "ages", "when": {"min_size": 13}}]})
    assert [AGE in each for each in at_most.objects["face"]] == [True, True]  # an eighth of 100 rows
    assert [AGE in each for each in beyond.objects["face"]] == [True, False]


async def test_a_condition_on_a_detector_leaves_objects_out() -> None:
    outcome = await ran({"nodes": [{"service": "finder", "when": {"min_confidence": 0.5}}]})
    assert len(outcome.objects["face"]) == 1


async def test_independent_services_run_at_the_same_time() -> None:
    started = asyncio.Barrier(2)

    async def call(step: Step, objects: Objects) -> Objects:
        if step.name == "finder":
            return [Attributes({BOX: BIG})]
        async with asyncio.timeout(5):
            await started.wait()  # passes only when both have come here
        return [Attributes()] * len(objects)

    plan = PLANNER.plan(GraphSpec.parse({"services": ["ages", "moods"]}))
    outcome = await run_plan(plan, call, {}, Frame(1, 1))
    assert not outcome.failures


async def test_no_objects_no_calls() -> None:
    calls: list[str] = []

    async def call(step: Step, _: Objects) -> Objects:
        calls.append(step.name)
        return []

    outcome = await run_plan(PLANNER.plan(GraphSpec.parse({"outputs": ["age"]})), call, {}, Frame(1, 1))
    assert calls == ["finder"]
    assert not outcome.objects["face"]


async def test_a_failure_does_not_stop_what_would_only_have_used_the_result() -> None:
    seeing = replace(made("seeing", {BOX}, {AGE}), reveals=frozenset({MALE}))
    asking = replace(made("asking", {BOX}, {GENDER}), uses=frozenset({MALE}))
    plan = Planner.over([made("finder", set(), {BOX}), seeing, asking]).plan(
        GraphSpec.parse({"services": ["asking", "seeing"]})
    )

    async def failing(step: Step, objects: Objects) -> Objects:
        if step.name == "seeing":
            raise RuntimeError("out of order")
        return [Attributes({BOX: BIG})] if step.detects else [Attributes({GENDER: Gender.MALE}) for _ in objects]

    outcome = await run_plan(plan, failing, {}, Frame(200, 100))
    assert list(outcome.failures) == ["seeing"]
    assert [each[GENDER] for each in outcome.objects["face"]] == [Gender.MALE]


async def test_a_service_that_gives_up_by_itself_has_failed() -> None:
    plan = Planner.over([made("finder", set(), {BOX}), made("ages", {BOX}, {AGE})]).plan(
        GraphSpec.parse({"services": ["ages"]})
    )

    async def cancelled(step: Step, _: Objects) -> Objects:
        if step.name == "ages":
            raise asyncio.CancelledError
        return [Attributes({BOX: BIG})]

    outcome = await run_plan(plan, cancelled, {}, Frame(200, 100))
    assert list(outcome.failures) == ["ages"]
