"""What a run of the benchmark measures, and how loops become figures."""

from itertools import count

import pytest

from bench.bare import GRAPH, REFERENCE, Loop, looped, single_services
from bench.measure import CONCURRENCIES, CORES, Wanted, looped_figures
from bench.photos import Photo
from bench.results import Cell

PHOTOS = {name: Photo(name, b"", faces) for name, faces in (("one", 1), ("four", 4), ("twenty", 20))}
ALL = Wanted(PHOTOS, "bcde", (*PHOTOS, "formats", "services"), repeats=3, seconds=4, reference=True)


def test_every_server_is_asked_about_one_face_at_each_concurrency_and_about_the_others() -> None:
    for system in "bcd":
        assert ALL.cells(system) == [
            *(Cell(system, GRAPH, "one", concurrency, "multipart") for concurrency in CONCURRENCIES),
            Cell(system, GRAPH, "four", 8, "multipart"),
            Cell(system, GRAPH, "twenty", 8, "multipart"),
        ]


def test_formats_and_services_are_measured_of_facet_as_planned_only() -> None:
    cells = set(ALL.cells("e")) - {cell._replace(system="e") for cell in ALL.cells("d")}
    formats = {Cell("e", GRAPH, "one", 8, form) for form in ("json", "msgpack")}
    assert cells == formats | {Cell("e", name, "one", 8, "msgpack") for name in single_services()}


def test_whatever_is_compared_with_the_limit_has_one_beside_it() -> None:
    for system in ALL.systems:
        limits = {(cell.work, cell.photo) for cell in ALL.limits(system)}
        assert {(cell.work, cell.photo) for cell in ALL.cells(system)} <= limits


def test_the_reference_and_a_single_process_are_measured_beside_facet_as_planned() -> None:
    beside = {Cell("a", REFERENCE, "one", CORES), Cell("a", GRAPH, "one", 1)}
    assert beside <= set(ALL.limits("e"))
    assert Cell("a", REFERENCE, "one", CORES) not in ALL._replace(reference=False).limits("e")
    assert Cell("a", REFERENCE, "one", CORES) not in ALL.limits("d")


def test_only_chosen_workloads_are_measured() -> None:
    few = ALL._replace(workloads=("four",))
    assert {cell.photo for cell in [*few.cells("e"), *few.limits("e")]} == {"four"}
    assert {cell.work for cell in few.cells("e")} == {GRAPH}
    assert {cell.format for cell in few.cells("e")} == {"multipart"}


def test_services_alone_are_measured_with_the_first_photo() -> None:
    assert {cell.photo for cell in ALL._replace(workloads=("services",)).cells("e")} == {"one"}


def test_the_progress_counts_every_measurement() -> None:
    once = sum(len(ALL.cells(system)) + len(ALL.limits(system)) for system in "bcde")
    assert ALL.total() == 3 * once


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        (Cell("e", GRAPH, "one", 8), 4),
        (Cell("e", GRAPH, "four", 8), 4),
        (Cell("e", GRAPH, "twenty", 8), 10),
        (Cell("e", "age-estimator", "one", 8), 2),
    ],
)
def test_crowds_are_measured_longer_and_services_shorter(cell: Cell, seconds: float) -> None:
    assert ALL.length(cell) == seconds


def test_a_loop_calls_again_and_again_and_tells_of_whole_calls_only() -> None:
    calls = count()
    found = looped(lambda: [next(calls)], warm=0.01, seconds=0.05)
    assert len(found.latencies) < next(calls)
    assert found.faces == 1
    assert found.seconds >= 0.05
    assert sum(found.latencies) == pytest.approx(found.seconds)


def test_a_loop_without_time_calls_once_to_warm_up_and_once_to_measure() -> None:
    calls = count()
    assert len(looped(lambda: [next(calls)], warm=0, seconds=0).latencies) == 1
    assert next(calls) == 2


def test_loops_that_ran_at_once_are_added_up() -> None:
    found = looped_figures([Loop([0.1] * 10, 1.0, 0.9, 1), Loop([0.2] * 5, 1.0, 0.6, 1)])
    assert found.rate == 15
    assert found.answers == 15
    assert found.cpu == pytest.approx(100)
    assert (found.p50, found.p95) == pytest.approx((100, 200))
