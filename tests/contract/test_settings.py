"""Settings that cannot work are refused before the port opens."""

from typing import Any

import pytest
from pydantic import ValidationError

from estimators import CATALOGUE
from estimators.face import fitter
from graph import GraphSpec
from serving.checks import BadSettings, check
from serving.engine import planner
from serving.graphs import Wanted, compiled
from serving.settings import Settings

GRAPH = {"services": ["age-estimator"]}


def test_the_settings_of_the_repository_can_work(settings: Settings) -> None:
    check(settings)


def test_the_graph_that_checks_masks_looks_harder_for_faces(settings: Settings) -> None:
    plan = compiled(planner(CATALOGUE), Wanted(GraphSpec.of(settings.graphs["masks"])))
    assert set(plan.steps) == {"face-detector-face-fitter", "mask-estimator"}
    asked = plan.steps["face-detector-face-fitter"].when.min_confidence
    assert asked < min(fitter.THRESHOLDS.values())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"services": ("horoscope",)}, r"services: there is no 'horoscope'; there are body-detector"),
        ({"services": ()}, "name at least one"),
        ({"services": ("age-estimator", "age-estimator")}, "only once"),
        ({"thresholds": {"horoscope": 0.5}}, r"thresholds: there is no 'horoscope'"),
        ({"thresholds": {"age-estimator": 0.5}}, r"thresholds: there is no 'age-estimator'"),
        ({"thresholds": {"body-detector": 7.0}}, r"body-detector: 7.0 is not between"),
        ({"thresholds": {"body-detector": float("nan")}}, r"nan is not between"),
        ({"models": {"horoscope": "x"}}, r"models: there is no 'horoscope'"),
        ({"models": {"mask": "yunet_n_dynamic"}}, r"models: mask: there is no 'yunet_n_dynamic'"),
        ({"providers": {"horoscope": ("cpu",)}}, r"providers: there is no 'horoscope'"),
        ({"providers": {"age-estimator": ("tpu",)}}, r"age-estimator: there is no 'tpu'; there are cpu"),
        ({"providers": {"age-estimator": ()}}, "name at least one"),
        ({"graphs": {"a": {"services": ["horoscope"]}}, "default_graph": "a"}, r"graphs: a: there is no service"),
        ({"graphs": {"a": {"wishes": []}}, "default_graph": "a"}, r"graphs: a.wishes: Unknown member"),
        ({"graphs": {"a": GRAPH}, "default_graph": "b"}, r"default_graph: there is no 'b'; there are a"),
        ({"model_mirror": "/nowhere"}, r"/nowhere is not a folder"),
    ],
)
def test_what_cannot_work_is_named(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSettings, match=message):
        check(Settings(**{"graphs": {"face-analytics": GRAPH}, "model_mirror": None, **chosen}))


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(BadSettings, match=r"(?s)services.*thresholds"):
        check(Settings(services=("horoscope",), thresholds={"horoscope": 1.0}))


@pytest.mark.parametrize("chosen", [{"api_keys": ("",)}, {"api_keys": ("short",)}, {"horoscope": 1}, {"threads": 0}])
def test_values_that_make_no_sense_are_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**chosen)
