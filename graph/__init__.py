"""Composing services: what must run, in which order, and running it. Nothing here knows of Ray, HTTP or models."""

from graph.plan import Fact, Plan, PlanError, Planner, Step
from graph.run import Failure, Objects, ObjectsByClass, Outcome, run_plan
from graph.spec import Condition, GraphSpec, NodeSpec

__all__ = [
    "Condition",
    "Fact",
    "Failure",
    "GraphSpec",
    "NodeSpec",
    "Objects",
    "ObjectsByClass",
    "Outcome",
    "Plan",
    "PlanError",
    "Planner",
    "Step",
    "run_plan",
]
