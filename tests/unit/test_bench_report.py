"""What is computed from the measurements of a run, and how it is told."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.bare import GRAPH, REFERENCE
from bench.load import OK, Answer, Outcome
from bench.report import as_json, markdown, plots, service_rows, told, write_page
from bench.results import Cell, Endurance, Figures, Footprint, Measurement, Results, figures_of
from bench.statistics import Spread
from bench.targets import Target, beyond_the_model, targets

BEGIN, END = "<!-- begin: written by python -m bench -->", "<!-- end: written by python -m bench -->"
LIMIT, ALONE = Cell("a", GRAPH, "one", 2), Cell("a", GRAPH, "one", 1)
ABOUT = {
    "date": "2026-01-02",
    "cores": 2,
    "processor": "a processor",
    "python": "3.11",
    "onnxruntime": "1.0",
    "ray": "2.0",
    "repeats": 2,
    "seconds": 4.0,
    "load": 0.1,
    "faces": {"one": 1},
    "left_out": ["the reference pipeline, which needs the models of a mirror"],
    "problems": ["(c) in round 1: the server did not come up:\nTraceback"],
    "command": "python -m bench",
}


def figures(rate: float, cpu: float = 50.0, p50: float = 40.0, failures: int = 0) -> Figures:
    return Figures(rate, p50, 2 * p50, 3 * p50, cpu, 0.1, 100, {"status 503": failures} if failures else {})


def graph(system: str, concurrency: int) -> Cell:
    return Cell(system, GRAPH, "one", concurrency, "multipart")


def measured(cell: Cell, slot: str, *rounds: Figures) -> list[Measurement]:
    return [Measurement(cell, number, slot, each) for number, each in enumerate(rounds)]


def results(*measurements: Sequence[Measurement], endurance: Endurance | None = None) -> Results:
    footprints = [Footprint("e", number, 20.0 + number, 12, 1_500_000_000, 1_700_000_000) for number in range(2)]
    return Results(ABOUT, [each for part in measurements for each in part], footprints, endurance)


RUN = results(
    measured(LIMIT, "c", figures(20), figures(40)),
    measured(graph("c", 8), "c", figures(8), figures(20)),
    measured(ALONE, "e", figures(20, p50=50), figures(20, p50=50)),
    measured(LIMIT, "e", figures(40, cpu=30), figures(30, cpu=30)),
    measured(Cell("a", REFERENCE, "one", 2), "e", figures(20, cpu=60), figures(20, cpu=50)),
    measured(Cell("a", "age-estimator", "one", 2), "e", figures(200, cpu=5), figures(200, cpu=6)),
    measured(graph("e", 1), "e", figures(20, p50=60), figures(20, p50=54)),
    measured(graph("e", 8), "e", figures(40, failures=3), figures(27, failures=1)),
    measured(graph("e", 32), "e", figures(36), figures(27)),
    measured(Cell("e", "age-estimator", "one", 8, "msgpack"), "e", figures(150, cpu=6), figures(150, cpu=8)),
    endurance=Endurance([2000, 20_000], [1_000_000_000, 1_010_000_000], {}),
)


def target(found: Sequence[Target], name: str) -> Target:
    [one] = [each for each in found if name in each.name]
    return one


@pytest.mark.parametrize(
    ("name", "expected", "reached"),
    [
        ("(e) / (a) throughput, one face, c = 8", (1.0 + 0.9) / 2, False),  # 40/40 and 27/30
        ("throughput, one face, c = 32", 0.9, False),  # 36/40 and 27/30
        ("p50 at c = 1", (1.2 + 1.08) / 2, False),  # 60/50 and 54/50
        ("(e) / (c)", (1.0 / 0.4 + 0.9 / 0.5) / 2, False),  # each over the limit of its own slot
        ("reference pipeline", (0.5 + 0.6) / 2, True),  # 30/60 and 30/50
        ("CPU beyond the model", 1.5, True),  # 6-5 and 8-6
        ("memory once ready", 1.5, True),
        ("until ready", 20.5, True),
        ("20,000 requests", 1.0, True),
    ],
)
def test_a_target_is_computed_round_by_round(name: str, expected: float, reached: bool) -> None:
    found = target(targets(RUN), name)
    assert found.reached is not None
    assert found.reached.median == pytest.approx(expected)
    assert found.is_reached is reached


def test_what_was_not_measured_is_told_so() -> None:
    found = target(targets(RUN), "(d) / (a)")
    assert found.reached is None
    assert found.is_reached is None
    assert "| (d) / (a) throughput, one face, c = 8 | ≥ 0.8 | not measured | not measured |  |" in markdown(RUN, "x")


def test_shrinking_memory_is_no_better_than_growing() -> None:
    found = targets(results(measured(LIMIT, "e", figures(1)), endurance=Endurance([1, 9], [100, 90], {})))
    row = target(found, "9 requests")
    assert row.reached is not None
    assert row.reached.median == pytest.approx(10)
    assert row.is_reached is False


def test_a_run_without_photos_has_no_targets() -> None:
    assert targets(results()) == []


def test_only_rounds_that_have_both_are_compared() -> None:
    found = results(measured(LIMIT, "e", figures(40)), measured(graph("e", 8), "e", figures(40), figures(10)))
    assert found.ratios(graph("e", 8), LIMIT, lambda each: each.rate) == {0: 1.0}


def test_the_cost_of_a_service_is_what_is_beyond_the_model() -> None:
    assert beyond_the_model(RUN, "age-estimator", "one") == [1, 2]
    [[name, rate, _, cost, beyond]] = service_rows(RUN)
    assert (name, rate) == ("age-estimator", "150 (150 to 150)")
    assert (cost, beyond) == ("7.00 (6.00 to 8.00)", "1.50 (1.00 to 2.00)")


def test_a_spread_shows_its_ends_where_there_are_several() -> None:
    assert told(Spread(0.98, 0.9, 1.0, 3)) == "0.98 (0.90 to 1.00)"
    assert told(Spread(0.98, 0.98, 0.98, 1)) == "0.98"
    assert told(None) == "not measured"


def test_failures_of_all_rounds_are_told() -> None:
    [row] = [each for each in markdown(RUN, "x").splitlines() if "| 8 | multipart |" in each and "(e)" in each]
    assert row.endswith("| 4 status 503 of 204 |")


def test_the_page_tells_what_is_missing_and_what_went_wrong() -> None:
    text = markdown(RUN, "python -m bench --seconds 4")
    assert "`python -m bench --seconds 4`" in text
    assert "Left out: the reference pipeline" in text
    assert "Went wrong: (c) in round 1: the server did not come up:." in text


def test_every_table_has_as_many_cells_in_each_row() -> None:
    for table in markdown(RUN, "x").split("\n\n"):
        if table.startswith("|"):
            assert len({row.count("|") for row in table.splitlines()}) == 1


def test_the_limit_is_drawn_beside_the_others() -> None:
    throughput, latency = plots(RUN)
    assert [line.name[:3] for line in throughput.lines] == ["(a)", "(c)", "(e)"]
    limit, _, planned = throughput.lines
    assert list(limit.x) == [1, 8, 32]  # type: ignore[arg-type]  # an array-like that is a tuple here
    assert list(limit.y) == [20, 35, 35]  # type: ignore[arg-type]  # as above
    assert list(planned.y) == [20, 33.5, 31.5]  # type: ignore[arg-type]  # as above
    assert list(latency.lines[2].y) == [114, 80, 80]  # type: ignore[arg-type]  # as above


def test_a_page_keeps_what_is_outside_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    for _ in range(2):
        write_page(page, RUN, "x")
    text = page.read_text()
    assert text.startswith(f"before\n\n{BEGIN}\n\n")
    assert text.endswith(f"\n\n{END}\n\nafter\n")
    assert "old" not in text
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["performance-p95.png", "performance-throughput.png"]


def test_a_page_without_marks_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{END} {BEGIN}")
    with pytest.raises(ValueError, match="where the figures would go"):
        write_page(page, RUN, "x")


def test_the_file_for_programs_has_everything_that_was_measured() -> None:
    told_again = json.loads(json.dumps(as_json(RUN)))
    assert len(told_again["measurements"]) == len(RUN.measurements)
    first = {"system": "a", "work": "graph", "photo": "one", "concurrency": 2, "format": "", "round": 0, "slot": "c"}
    first |= {"rate": 20, "p50": 40, "p95": 80, "p99": 120, "cpu": 50, "driver": 0.1, "answers": 100, "failures": {}}
    assert told_again["measurements"][0] == first
    assert told_again["footprints"][1]["seconds"] == 21
    assert told_again["endurance"]["growth"] == pytest.approx(0.01)
    assert {each["reached"] for each in told_again["targets"]} == {True, False, None}


def test_figures_are_of_good_answers_only() -> None:
    answers = [Answer(0.1, 0.010, OK), Answer(0.2, 0.030, OK), Answer(0.3, 5.0, "timeout")]
    found = figures_of(Outcome(0.5, answers, driver=0.001, server=0.2))
    assert found.failures == {"timeout": 1}
    assert found[:-1] == pytest.approx((4.0, 10.0, 30.0, 30.0, 100.0, 0.5, 2))


def test_where_nothing_was_answered_there_are_no_figures() -> None:
    found = figures_of(Outcome(0.5, [Answer(0.3, 5.0, "timeout")], driver=0.001, server=0.2))
    assert found.rate == 0
    assert all(math.isnan(value) for value in (found.p50, found.p99, found.cpu, found.driver))
