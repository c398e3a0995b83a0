"""Settings that cannot work are refused before the port opens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from compat.app import FACADES
from estimators import CATALOGUE
from estimators.face import fitter
from graph import GraphSpec
from models import MissingModel, load_manifest
from serving.cluster.app import resolved
from serving.engine.checks import BadSettings, check
from serving.engine.engine import planner
from serving.engine.graphs import Wanted, compiled
from serving.engine.loading import chosen
from serving.settings import Settings

GRAPH = {"services": ["age-estimator"]}
QUALITY = "quality-assessment-estimator"


def test_the_settings_of_the_repository_can_work(settings: Settings) -> None:
    check(settings)


def test_the_graph_that_checks_masks_looks_harder_for_faces(settings: Settings) -> None:
    plan = compiled(planner(CATALOGUE).plan, Wanted(GraphSpec.parse(settings.graphs["masks"])))
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
        (
            {"models": {"expression": "human_emotion+yunet_n_dynamic"}},
            r"there are faceapi_face_expression\+human_emotion, faceapi_face_expression, human_emotion$",
        ),
        ({"providers": {"horoscope": ("cpu",)}}, r"providers: there is no 'horoscope'"),
        ({"providers": {"age-estimator": ("tpu",)}}, r"age-estimator: there is no 'tpu'; there are cpu"),
        ({"providers": {"age-estimator": ()}}, "name at least one"),
        ({"graphs": {"a": {"services": ["horoscope"]}}, "default_graph": "a"}, r"graphs: a: there is no service"),
        ({"graphs": {"a": {"wishes": []}}, "default_graph": "a"}, r"graphs: a.wishes: Unknown member"),
        ({"graphs": {"a": GRAPH}, "default_graph": "b"}, r"default_graph: there is no 'b'; there are a"),
        ({"model_mirror": "/nowhere"}, r"/nowhere is not a folder"),
        ({"facades": ("horoscope",)}, r"facades: there is no 'horoscope'; there are compreface, smartface"),
        ({"database_url": "mysql://user:secret@host/name"}, r"database_url: the database must be PostgreSQL"),
        ({"database_url": "no url with a secret"}, r"database_url: that is no URL; write postgresql://user"),
    ],
)
def test_what_cannot_work_is_named(chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSettings, match=message):
        check(Settings(**{"graphs": {"face-analytics": GRAPH}, "model_mirror": None, **chosen}), FACADES)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(BadSettings, match=r"(?s)services.*thresholds"):
        check(Settings(services=("horoscope",), thresholds={"horoscope": 1.0}))


@pytest.mark.parametrize("chosen", [{"api_keys": ("",)}, {"api_keys": ("short",)}, {"horoscope": 1}, {"threads": 0}])
def test_values_that_make_no_sense_are_refused(chosen: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**chosen)


@pytest.fixture
def having(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a machine that has files of the models named; only their names matter until they are loaded."""

    def of(*models: str, **chosen: Any) -> Settings:
        for name in models:
            (tmp_path / f"{name}.onnx").touch()
        return Settings(cache=tmp_path / "cache", model_mirror=tmp_path, **chosen)

    return of


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("expression", "faceapi_face_expression+human_emotion"),
        ("expression", "faceapi_face_expression"),
        ("liveness", "MiniFASNetV2_2.7"),
    ],
)
def test_models_are_chosen_as_a_whole_or_by_one_name(task: str, name: str, having: Callable[..., Settings]) -> None:
    settings = having(models={task: name}, graphs={"face-analytics": GRAPH})
    check(settings)
    assert resolved(settings)[task] == name


def test_what_a_head_chose_is_what_later_replicas_use(having: Callable[..., Settings], tmp_path: Path) -> None:
    alone = resolved(having("faceapi_face_expression"))
    settings = having("human_emotion")
    store, both = settings.store(), resolved(settings)
    assert [spec.name for spec in store.resolve("expression", alone["expression"])] == ["faceapi_face_expression"]
    assert both["expression"] == "faceapi_face_expression+human_emotion"
    (tmp_path / "human_emotion.onnx").unlink()
    with pytest.raises(MissingModel, match="the model human_emotion is not installed"):
        store.resolve("expression", both["expression"])


def test_an_optional_task_whose_chosen_model_is_missing_is_left_out(having: Callable[..., Settings]) -> None:
    needed = [name for task in CATALOGUE[QUALITY].tasks for name in load_manifest().tasks[task][0]]
    settings = having(*needed, models={"mask": "aizoo_mask_dyn"})
    assert set(chosen(QUALITY, settings)) == set(CATALOGUE[QUALITY].tasks)
    settings = having("aizoo_mask_dyn", models={"mask": "aizoo_mask_dyn"})
    assert [spec.name for spec in chosen(QUALITY, settings)["mask"]] == ["aizoo_mask_dyn"]
