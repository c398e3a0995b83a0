"""The Grafana dashboard asks for metrics that there are."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

from serving.telemetry.metrics import METRICS

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
WORDS = re.compile(r"\bray_\w+")


def _dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GRAFANA / "facet.json").read_text(encoding="utf-8"))
    return found


def _queries() -> list[str]:
    return [target["expr"] for panel in _dashboard()["panels"] for target in panel.get("targets", ())]


def metric_names() -> set[str]:
    """All metrics that the dashboard asks for."""
    return {name for query in _queries() for name in WORDS.findall(query)}


def test_every_metric_of_ours_that_it_asks_for_is_in_the_table() -> None:
    ours = {f"ray_{name}" for metric in METRICS for name in metric.names()}
    asked = {name for name in metric_names() if name.startswith("ray_facet_")}
    assert asked
    assert asked <= ours


def test_every_metric_of_ours_is_on_it() -> None:
    asked = metric_names()
    for metric in METRICS:
        assert {f"ray_{name}" for name in metric.names()} & asked, metric.name


def test_the_tags_it_groups_by_are_those_of_the_metrics() -> None:
    tags = {tag for metric in METRICS for tag in metric.tags} | {"le"}
    theirs = {"deployment", "application", "replica", "Component", "SessionName", "instance", "NodeAddress"}
    groups = [each for query in _queries() for each in re.findall(r"by \(([^)]*)\)", query)]
    grouped = {tag.strip() for group in groups for tag in group.split(",")}
    assert grouped <= tags | theirs


def test_panels_do_not_overlap_and_each_names_its_unit() -> None:
    taken: set[tuple[int, int]] = set()
    panels = _dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = set(product(across, down))
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["description"], panel["title"]


def test_the_source_of_the_data_is_chosen_on_the_dashboard() -> None:
    [variable] = _dashboard()["templating"]["list"]
    targets = [target for panel in _dashboard()["panels"] for target in panel.get("targets", ())]
    assert variable["type"] == "datasource"
    assert {target["datasource"]["uid"] for target in targets} == {f"${{{variable['name']}}}"}
