"""The planner over small made-up services."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from graph import Condition, Fact, GraphSpec, Plan, PlanError, Planner
from schemas import BadDocument, TooLarge
from schemas.attributes import AGE, BOX, CONFIDENCE, EMOTIONS, GENDER, KEYPOINTS, MALE, TEMPLATE, Attribute


@dataclass(frozen=True)
class Made:
    name: str
    requires: frozenset[Attribute[Any]]
    provides: frozenset[Attribute[Any]]
    subject: str = "face"
    uses: frozenset[Attribute[Any]] = frozenset()
    reveals: frozenset[Attribute[Any]] = frozenset()


def made(name: str, requires: set[Attribute[Any]], provides: set[Attribute[Any]], subject: str = "face") -> Made:
    return Made(name, frozenset(requires), frozenset(provides), subject)


FITTER = made("fitter", set(), {BOX, KEYPOINTS})
BODIES = made("bodies", set(), {BOX}, "body")
AGES = made("ages", {BOX}, {AGE})
TEMPLATES = made("templates", {BOX, KEYPOINTS}, {TEMPLATE})
BOTH = made("fitter-with-templates", set(), {BOX, TEMPLATE})
PLANNER = Planner.over([FITTER, BODIES, AGES, TEMPLATES], [BOTH])


def planned(given: set[Fact] = frozenset(), present: set[str] = frozenset(), **spec: Any) -> Plan:  # type: ignore[assignment]  # empty by default
    return PLANNER.plan(GraphSpec.parse(spec), given, present)


def test_what_an_output_needs_is_inferred() -> None:
    assert list(planned(outputs=["template"]).stages()) == [("fitter",), ("templates",)]


def test_independent_services_share_a_stage() -> None:
    stages = list(planned(services=["ages", "templates", "bodies"]).stages())
    assert stages == [("bodies", "fitter"), ("ages", "templates")]


def test_only_the_least_set_runs() -> None:
    assert list(planned(outputs=["age"]).steps) == ["fitter", "ages"]


def test_the_class_of_an_object_is_an_output() -> None:
    assert list(planned(outputs=["body"]).steps) == ["bodies"]
    assert list(planned(outputs=["face"]).steps) == ["fitter"]


def test_a_composite_service_stands_for_what_it_provides() -> None:
    assert list(planned(services=["fitter-with-templates"]).steps) == ["fitter", "templates"]


def test_a_fault_of_several_is_always_the_same() -> None:
    planner = Planner.over([made("moods", {KEYPOINTS, BOX, AGE}, {EMOTIONS})])
    with pytest.raises(PlanError, match="nothing provides keypoints of face, which moods needs"):
        planner.plan(GraphSpec.parse({"outputs": ["emotions"]}))


def test_options_of_a_composite_service_hold_for_what_follows_its_detector() -> None:
    when = {"class": "face", "min_confidence": 0.5, "min_size": 60}
    node = {"service": "fitter-with-templates", "when": when, "optional": True, "after": ["ages"]}
    steps = planned(nodes=[node], services=["ages"]).steps
    assert steps["templates"].when == Condition("face", 0.5, 60)
    assert steps["templates"].optional
    assert steps["templates"].after == {"fitter", "ages"}
    assert steps["fitter"] == planned(outputs=["face"]).steps["fitter"]


def test_the_detector_of_a_composite_service_takes_options_under_its_own_name() -> None:
    nodes = [{"service": "fitter-with-templates"}, {"service": "fitter", "when": {"min_confidence": 0.5}}]
    steps = planned(nodes=nodes).steps
    assert (steps["fitter"].when.min_confidence, steps["templates"].when.min_confidence) == (0.5, 0)


def test_after_a_composite_service_is_after_all_that_it_stands_for() -> None:
    nodes = [{"service": "fitter-with-templates"}, {"service": "bodies", "after": ["fitter-with-templates"]}]
    assert planned(nodes=nodes).steps["bodies"].after == {"fitter", "templates"}


@pytest.mark.parametrize("order", [1, -1])
def test_options_of_a_composite_service_and_of_one_behind_it_add_up(order: int) -> None:
    whole = {"service": "fitter-with-templates", "after": ["ages"], "when": {"min_size": 60, "class": "face"}}
    part = {"service": "templates", "after": ["bodies"], "when": {"min_size": 60}, "optional": True}
    step = planned(nodes=[whole, part][::order], services=["ages", "bodies"]).steps["templates"]
    assert step.when == Condition(min_size=60)
    assert step.optional
    assert step.after == {"fitter", "ages", "bodies"}


@pytest.mark.parametrize("order", [1, -1])
def test_one_condition_of_two_is_enough(order: int) -> None:
    nodes = [{"service": "fitter-with-templates", "when": {"min_size": 60}}, {"service": "templates"}]
    assert planned(nodes=nodes[::order]).steps["templates"].when == Condition(min_size=60)


def test_a_node_says_how_a_service_runs_that_is_also_named_plainly() -> None:
    plan = planned(services=["ages", "ages"], nodes=[{"service": "ages", "optional": True}])
    assert plan.steps["ages"].optional


def test_a_composite_service_adds_to_objects_that_were_sent() -> None:
    given = {Fact("face", KEYPOINTS), Fact("face", BOX)}
    whole = made("sighted", set(), {BOX, CONFIDENCE, TEMPLATE})
    planner = Planner.over([made("fitter", set(), {BOX, CONFIDENCE, KEYPOINTS}), TEMPLATES], [whole])
    assert list(planner.plan(GraphSpec.parse({"services": ["sighted"]}), given, {"face"}).steps) == ["templates"]


def test_objects_that_were_sent_are_authoritative() -> None:
    plan = planned(services=["ages", "fitter"], given={Fact("face", BOX)}, present={"face"})
    assert list(plan.steps) == ["ages"]


def test_a_service_asked_for_by_name_runs_although_its_facts_are_given() -> None:
    given = {Fact("face", BOX), Fact("face", AGE)}
    assert list(planned(services=["ages"], given=given, present={"face"}).steps) == ["ages"]
    assert list(planned(outputs=["age"], given=given, present={"face"}).steps) == []


def test_objects_that_lack_what_a_service_needs_are_named() -> None:
    with pytest.raises(PlanError, match=r"templates needs keypoints of face.*fitter"):
        planned(outputs=["template"], given={Fact("face", BOX)}, present={"face"})


def test_faces_that_were_sent_do_not_keep_bodies_from_being_found() -> None:
    plan = planned(services=["ages", "bodies"], given={Fact("face", BOX)}, present={"face"})
    assert set(plan.steps) == {"ages", "bodies"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"services": ["horoscope"]}, "no service 'horoscope'"),
        ({"outputs": ["aura"]}, "nothing provides 'aura'"),
        ({"nodes": [{"service": "ages", "after": ["horoscope"]}]}, "no service 'horoscope'"),
        ({"nodes": [{"service": "ages", "when": {"class": "body"}}]}, "looks at class face"),
        (
            {"nodes": [{"service": "ages", "after": ["templates"]}, {"service": "templates", "after": ["ages"]}]},
            r"wait for each other: .*ages.*templates|wait for each other: .*templates.*ages",
        ),
        ({"nodes": [{"service": "fitter", "after": ["ages"]}, {"service": "ages"}]}, "wait for each other"),
        ({"nodes": [{"service": "ages", "after": ["ages"]}]}, "wait for each other"),
        (
            {"nodes": [{"service": "fitter-with-templates", "when": {"class": "body"}}]},
            "fitter-with-templates looks at class face, never at 'body'",
        ),
        ({"nodes": [{"service": "fitter-with-templates", "after": ["horoscope"]}]}, "no service 'horoscope'"),
        ({"nodes": [{"service": "fitter", "after": ["fitter-with-templates"]}]}, "is not in this graph"),
        (
            {"nodes": [{"service": "fitter", "after": ["fitter-with-templates"]}], "outputs": ["template"]},
            "wait for each other",
        ),
        ({"nodes": [{"service": "ages"}, {"service": "ages", "optional": True}]}, "ages is in two nodes"),
        ({"nodes": [{"service": "fitter-with-templates"}] * 2}, "fitter-with-templates is in two nodes"),
        (
            {
                "nodes": [
                    {"service": "fitter-with-templates", "when": {"min_size": 60}},
                    {"service": "templates", "when": {"min_size": 61}},
                ]
            },
            "fitter-with-templates and templates .* different conditions",
        ),
        (
            {"nodes": [{"service": "ages", "after": ["templates"]}]},
            "ages is to run after templates, which is not in this graph",
        ),
        (
            {"nodes": [{"service": "ages", "after": ["fitter-with-templates"]}]},
            "ages is to run after fitter-with-templates, which is not in this graph",
        ),
    ],
)
def test_what_cannot_be_planned_is_named(spec: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        planned(**spec)


def test_a_service_whose_needs_nobody_provides_is_named() -> None:
    planner = Planner.over([made("moods", {BOX}, {EMOTIONS})])
    with pytest.raises(PlanError, match="nothing provides bbox of face, which moods needs"):
        planner.plan(GraphSpec.parse({"outputs": ["emotions"]}))


def test_services_that_need_each_other_are_a_cycle() -> None:
    planner = Planner.over([made("a", {AGE}, {GENDER}), made("b", {GENDER}, {AGE})])
    with pytest.raises(PlanError, match=r"a -> b|b -> a"):
        planner.plan(GraphSpec.parse({"outputs": ["age"]}))


def test_two_providers_of_a_fact_are_refused_at_the_start() -> None:
    with pytest.raises(PlanError, match="both ages and guesses provide age of face"):
        Planner.over([AGES, made("guesses", {BOX}, {AGE})])


def test_an_order_that_was_asked_for_is_kept() -> None:
    plan = planned(nodes=[{"service": "templates", "after": ["ages"]}, {"service": "ages"}])
    assert list(plan.stages()) == [("fitter",), ("ages",), ("templates",)]


def test_an_order_may_name_a_service_whose_facts_were_sent() -> None:
    nodes = [{"service": "ages", "after": ["templates", "fitter"]}]
    given = {Fact("face", BOX), Fact("face", TEMPLATE)}
    plan = planned(given=given, present={"face"}, nodes=nodes, outputs=["template"])
    assert list(plan.steps) == ["ages"]


def test_a_composite_service_without_what_it_stands_for_is_named() -> None:
    planner = Planner.over([FITTER, AGES], [BOTH])
    for spec in ({"services": [BOTH.name]}, {"nodes": [{"service": "ages", "after": [BOTH.name]}]}):
        with pytest.raises(PlanError, match="nothing provides template of face, which fitter-with-templates needs"):
            planner.plan(GraphSpec.parse(spec))


def test_a_plan_draws_itself() -> None:
    drawing = planned(nodes=[{"service": "ages", "optional": True}]).mermaid()
    assert drawing.splitlines() == [
        "flowchart LR",
        "    image([image])",
        '    fitter["fitter"]',
        "    image --> fitter",
        '    ages["ages?"]',
        "    fitter --> ages",
    ]


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        ([], ()),
        ({}, ()),
        ({"wishes": []}, ("wishes",)),
        ({"services": "ages"}, ("services",)),
        ({"services": ["ages", 7]}, ("services", 1)),
        ({"nodes": {"service": "ages"}}, ("nodes",)),
        ({"nodes": [{}]}, ("nodes", 0, "service")),
        ({"nodes": [{"service": "ages", "when": {"min_confidence": 2}}]}, ("nodes", 0, "when", "min_confidence")),
        ({"nodes": [{"service": "ages", "optional": "yes"}]}, ("nodes", 0, "optional")),
        ({"nodes": [{"service": "ages", "when": {"min_size": -1}}]}, ("nodes", 0, "when", "min_size")),
        ({"nodes": [{"service": "ages", "when": {"min_size": 1e7}}]}, ("nodes", 0, "when", "min_size")),
        ({"nodes": [{"service": "ages", "when": {"min_size": 10**400}}]}, ("nodes", 0, "when", "min_size")),
    ],
)
def test_a_malformed_specification_says_where(raw: Any, where: tuple[str | int, ...]) -> None:
    with pytest.raises(BadDocument) as caught:
        GraphSpec.parse(raw)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "raw",
    [
        {"services": ["ages", "bodies"], "outputs": ["age"], "nodes": [{"service": "templates"}]},
        {"services": ["ages"] * 4},
        {"nodes": [None] * 4},
        {"nodes": [{"service": "ages", "after": ["bodies"] * 4}]},
    ],
)
def test_a_specification_beyond_the_limit_is_refused_before_it_is_read(raw: Any) -> None:
    with pytest.raises(TooLarge) as caught:
        GraphSpec.parse(raw, max_names=3)
    assert caught.value.message == "The graph names more than 3 services and outputs"


def test_as_many_names_as_are_allowed_pass() -> None:
    raw = {"services": ["bodies"], "outputs": ["age"], "nodes": [{"service": "ages", "after": ["bodies", "ages"]}]}
    assert len(GraphSpec.parse(raw, max_names=3).nodes) == 2


SEEING = replace(made("seeing", {BOX}, {AGE}), reveals=frozenset({MALE}))
ASKING = replace(made("asking", {BOX}, {GENDER}), uses=frozenset({MALE}))
USING = Planner.over([FITTER, SEEING, ASKING])


def test_a_service_waits_for_the_one_that_spares_it_work() -> None:
    plan = USING.plan(GraphSpec.parse({"services": ["asking", "seeing"]}))
    assert list(plan.stages()) == [("fitter",), ("seeing",), ("asking",)]
    assert plan.steps["asking"].reuses == {"seeing"}
    assert plan.steps["asking"].needs == {"fitter"}


def test_what_a_service_could_use_is_not_run_for_it() -> None:
    plan = USING.plan(GraphSpec.parse({"services": ["asking"]}))
    assert list(plan.steps) == ["fitter", "asking"]


def test_an_order_that_the_caller_wants_comes_before_saving_work() -> None:
    nodes = [{"service": "seeing", "after": ["asking"]}, {"service": "asking"}]
    plan = USING.plan(GraphSpec.parse({"nodes": nodes}))
    assert list(plan.stages()) == [("fitter",), ("asking",), ("seeing",)]
    assert not plan.steps["asking"].reuses
