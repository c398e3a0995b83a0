"""The OpenAPI document is valid, tells of every route, and its schemas fit the documents that really travel."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from openapi_spec_validator import validate
from starlette.routing import Route

from estimators import CATALOGUE, Detector
from schemas.fields import Json
from serving.cluster.stages import Local
from serving.engine.engine import Engine
from serving.http.application import application
from serving.openapi import document
from serving.settings import Settings

# The services by the titles that the source document gives them.
SECTIONS = {
    "Body detection": "body-detector",
    "Gender estimation": "gender-estimator",
    "Age estimation": "age-estimator",
    "Emotion estimation": "emotion-estimator",
    "Face mask check": "mask-estimator",
    "Fitting of face landmarks": "face-detector-face-fitter",
    "Image quality assessment": "quality-assessment-estimator",
    "Face verification": "verify-matcher",
}


def engine(tmp_path: Path, **settings: Any) -> Engine:
    """All services, without a single model."""
    chosen = Settings(cache=tmp_path, model_mirror=None, **settings)
    return Engine(chosen, {name: Local(name, chosen) for name in CATALOGUE})


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Json:
    return document(engine(tmp_path_factory.mktemp("cache")))


def conforms(whole: Json, schema: Json, value: Any) -> None:
    jsonschema.Draft202012Validator({**schema, "components": whole["components"]}).validate(value)


def operations(whole: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


class Shown(NamedTuple):
    place: str
    schema: Json
    value: Any


def examples(whole: Json) -> Iterator[Shown]:
    for place, operation in operations(whole):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (content["content"]["application/json"] for content in contents if _has_json(content)):
            for name, example in media.get("examples", {}).items():
                yield Shown(f"{place} {name}", media["schema"], example["value"])
    for status, response in whole["components"]["responses"].items():
        media = response["content"]["application/json"]
        if "example" in media:
            yield Shown(status, media["schema"], media["example"])


def _has_json(content: Json) -> bool:
    return "application/json" in content.get("content", {})


def test_the_document_is_valid_openapi(described: Json) -> None:
    assert described["openapi"].startswith("3.1")
    validate(described)


def test_every_route_is_in_the_document(tmp_path: Path) -> None:
    whole_engine = engine(tmp_path)
    told = set(document(whole_engine)["paths"])
    for service, kind in CATALOGUE.items():
        for version in ("v1", "v2"):
            assert f"/{service}/{version}/process/sample" in told
            assert (f"/{service}/{version}/process/image" in told) == issubclass(kind, Detector)
    pages = {"/", "/docs", "/openapi.json"}
    plain = {route.path for route in application(whole_engine).routes if isinstance(route, Route)}
    assert {path.replace(":path", "").rstrip("/") or "/" for path in plain if "process" not in path} - pages <= told
    assert {f"/graph/{version}/process/{way}" for version in ("v1", "v2") for way in ("sample", "image")} <= told


def test_a_service_that_does_not_run_is_not_in_the_document(tmp_path: Path) -> None:
    settings = Settings(cache=tmp_path, model_mirror=None)
    told = document(Engine(settings, {"age-estimator": Local("age-estimator", settings)}))["paths"]
    assert "/age-estimator/v2/process/sample" in told
    assert not any(path.startswith("/gender-estimator") for path in told)


def test_the_examples_conform_to_the_schemas(described: Json) -> None:
    shown = list(examples(described))
    assert len(shown) > 2 * 2 * len(CATALOGUE)
    for place, schema, value in shown:
        try:
            conforms(described, schema, value)
        except jsonschema.ValidationError as error:
            pytest.fail(f"{place}: {error.message}")


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("bbox", [0.1, 0.2, 0.3]),
        ("confidence", 1.5),
        ("age", 25),
        ("gender", "MALE"),
        ("emotions", []),
        ("keypoints", {"chin": {"proj": [0.5, 0.5]}}),
        ("quality", {"total_score": 0.5}),
        ("has_medical_mask", {"confidence": 0.5, "value": "no"}),
        ("template", {}),
    ],
)
def test_the_schemas_refuse_what_no_answer_holds(described: Json, member: str, wrong: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        conforms(described, {"$ref": "#/components/schemas/FaceObjectV2"}, {"id": 0, "class": "face", member: wrong})


def test_keys_are_asked_for_only_where_the_server_has_some(described: Json, tmp_path: Path) -> None:
    assert "security" not in described
    secured = document(engine(tmp_path, api_keys=("a-long-secret",)))
    validate(secured)
    assert secured["security"]
    assert secured["paths"]["/health"]["get"]["security"] == []
    assert all(
        "401" in operation["responses"] or operation.get("security") == [] for _, operation in operations(secured)
    )


def test_the_examples_of_the_source_document_conform_to_the_schemas(described: Json) -> None:
    given = json.loads((Path(__file__).parents[1] / "contract" / "image_api_examples.json").read_text())
    assert len(given) == 52
    for each in given:
        service = SECTIONS.get(each["sec"], each["sec"])
        operation = described["paths"][f"/{service}/{each['ver']}/process/sample"]["post"]
        schemas = {
            "req": operation["requestBody"]["content"],
            "resp": operation["responses"]["200"]["content"],
            "err": described["components"]["responses"]["400"]["content"],
        }
        try:
            conforms(described, schemas[each["kind"]]["application/json"]["schema"], each["doc"])
        except jsonschema.ValidationError as error:
            pytest.fail(f"{each['sec']} {each['ver']} {each['kind']}: {error.json_path} {error.message:.200}")
