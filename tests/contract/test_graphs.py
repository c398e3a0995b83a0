"""The graph endpoint, over services that answer as they are told to."""

from typing import Any

import httpx
import pytest

from models import MissingModel
from serving.settings import Settings
from tests.contract.scripted import FACE, Scripted, client, sample


async def test_a_threshold_reaches_the_detector(http: httpx.AsyncClient, stages: dict[str, Scripted]) -> None:
    path = "/face-detector-face-fitter/v2/process/sample"
    await http.post(path, json=sample())
    await http.post(f"{path}?min_confidence=0.3", json=sample())
    await http.post("/graph/v2/process/sample?outputs=face&min_confidence=0.2", json=sample())
    assert stages["face-detector-face-fitter"].thresholds == [None, 0.3, 0.2]


async def test_a_threshold_of_nought_is_not_the_default(http: httpx.AsyncClient, stages: dict[str, Scripted]) -> None:
    for path in ("/face-detector-face-fitter/v2/process/sample?", "/graph/v2/process/sample?outputs=face&"):
        await http.post(f"{path}min_confidence=0", json=sample())
    assert stages["face-detector-face-fitter"].thresholds == [0.0, 0.0]


async def test_request_and_node_come_before_the_setting_and_the_setting_before_the_default(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    http = client(settings, stages, thresholds={"face-detector-face-fitter": 0.6})
    graph = "/graph/v2/process/sample"
    node = {"nodes": [{"service": "face-detector-face-fitter", "when": {"min_confidence": 0.35}}]}
    await http.post("/face-detector-face-fitter/v2/process/sample", json=sample())
    await http.post(f"{graph}?outputs=face", json=sample())
    await http.post(f"{graph}?outputs=face&min_confidence=0.3", json=sample())
    await http.post(graph, json=sample(graph=node))
    await http.post(f"{graph}?min_confidence=0.2", json=sample(graph=node))
    await http.post(f"{graph}?min_confidence=0.4", json=sample(graph=node))
    assert stages["face-detector-face-fitter"].thresholds == [0.6, 0.6, 0.3, 0.35, 0.35, 0.4]


async def test_a_graph_can_be_named_in_three_ways(http: httpx.AsyncClient) -> None:
    answers = [
        (await http.post(f"/graph/v2/process/sample{query}", json=sample(**body))).json()["objects"]
        for query, body in (
            ("", {}),
            ("?graph=all", {}),
            ("?services=gender-estimator", {}),
            ("?outputs=gender", {}),
            ("", {"graph": "all"}),
            ("", {"graph": {"name": "all"}}),
            ("", {"graph": {"outputs": ["gender"]}}),
            ("", {"graph": {"nodes": [{"service": "gender-estimator", "when": {"min_size": 1}}]}}),
        )
    ]
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0]["gender"] == "female"


@pytest.mark.parametrize(
    ("query", "body", "word"),
    [
        ("?graph=all&outputs=age", {}, "once"),
        ("?outputs=age", {"graph": "all"}, "once"),
        ("?outputs=wings", {}, "wings"),
        ("?services=horoscope", {}, "horoscope"),
        ("", {"graph": {"outputs": []}}, "wanted"),
        ("", {"graph": 7}, "object"),
    ],
)
async def test_a_graph_that_cannot_be_is_explained(
    http: httpx.AsyncClient, query: str, body: dict[str, Any], word: str
) -> None:
    answer = await http.post(f"/graph/v2/process/sample{query}", json=sample(**body))
    assert answer.status_code == 422
    assert word in answer.json()["detail"][0]["msg"]


async def test_a_failure_in_a_graph_fails_it_unless_part_of_it_will_do(
    settings: Settings, stages: dict[str, Scripted]
) -> None:
    stages["gender-estimator"].error = MissingModel("age-gender: the model x is not installed")
    path = "/graph/v2/process/sample?services=gender-estimator"
    async with client(settings, stages) as http:
        whole = await http.post(path, json=sample())
        part = await http.post(f"{path}&on_failure=partial", json=sample())
    assert whole.status_code == 503
    assert part.status_code == 200
    assert part.json()["errors"] == [{"node": "gender-estimator", "detail": "age-gender: the model x is not installed"}]
    assert part.json()["objects"][0]["bbox"] == [0.25, 0.25, 0.75, 0.75]


async def test_what_waited_for_a_failure_is_told_with_it(settings: Settings, stages: dict[str, Scripted]) -> None:
    stages["face-detector-face-fitter"].error = MissingModel("no detector")
    async with client(settings, stages) as http:
        answer = await http.post("/graph/v2/process/sample?outputs=gender&on_failure=partial", json=sample())
    assert answer.json()["errors"] == [
        {"node": "face-detector-face-fitter", "detail": "no detector"},
        {"node": "gender-estimator", "detail": "no detector", "waited_for": "face-detector-face-fitter"},
    ]
    assert answer.json()["objects"] == []


async def test_objects_that_were_sent_are_not_detected_again(
    http: httpx.AsyncClient, stages: dict[str, Scripted]
) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender", json=sample(objects=[{"class": "cat"}, FACE]))
    assert answer.json()["objects"] == [{"class": "cat"}, FACE | {"gender": "female"}]
    assert stages["face-detector-face-fitter"].thresholds == []


async def test_a_condition_counts_for_each_object_that_says_how_sure_it_is(http: httpx.AsyncClient) -> None:
    objects = [FACE | {"confidence": 0.2}, FACE]
    nodes = [{"service": "gender-estimator", "when": {"min_confidence": 0.5}}]
    answer = await http.post("/graph/v2/process/sample", json=sample(objects=objects, graph={"nodes": nodes}))
    assert ["gender" in each for each in answer.json()["objects"]] == [False, True]


async def test_a_comparison_without_templates_says_why(settings: Settings, stages: dict[str, Scripted]) -> None:
    stages["template-extractor"] = Scripted()
    stages["face-detector-face-fitter"].error = MissingModel("no detector")
    body = {"samples": [sample(), sample()]}
    async with client(settings, stages) as http:
        answer = await http.post("/graph/v2/process/sample?services=verify-matcher&on_failure=partial", json=body)
    assert (answer.status_code, answer.json()) == (503, {"detail": "no detector"})


async def test_services_may_be_named_one_by_one(http: httpx.AsyncClient) -> None:
    path = "/graph/v2/process/sample?services=gender-estimator&services=horoscope"
    answer = await http.post(path, json=sample())
    assert "horoscope" in answer.json()["detail"][0]["msg"]


async def test_errors_of_a_run_before_are_not_told_again(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender", json=sample(errors=[{"node": "x"}]))
    assert "errors" not in answer.json()


async def test_a_huge_number_in_a_graph_is_refused(http: httpx.AsyncClient) -> None:
    nodes = [{"service": "gender-estimator", "when": {"min_size": 10**400}}]
    answer = await http.post("/graph/v2/process/sample", json=sample(graph={"nodes": nodes}))
    assert answer.status_code == 422


async def test_timings_are_told(http: httpx.AsyncClient) -> None:
    answer = await http.post("/graph/v2/process/sample?outputs=gender&timings=true", json=sample())
    assert {"decode", "face-detector-face-fitter", "gender-estimator", "total"} <= answer.json()["timings"].keys()
    assert answer.headers["server-timing"].startswith("decode;dur=")
