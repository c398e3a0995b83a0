"""Where services run."""

from typing import Any

import pytest

from estimators import CATALOGUE
from serving.cluster.placement import Place, gateways, planned
from serving.engine.checks import BadSettings, check
from serving.settings import Settings


def places(cores: float = 2, **chosen: Any) -> dict[str, Place]:
    return planned(Settings(**chosen), CATALOGUE, cores)


def test_on_a_small_machine_everything_is_local() -> None:
    assert set(places(cores=2).values()) == {Place.LOCAL}


def test_on_many_cores_what_is_heavy_is_remote() -> None:
    heavy = {name for name, place in places(cores=64).items() if place is Place.REMOTE}
    assert heavy == {name for name, kind in CATALOGUE.items() if kind.heavy}
    assert heavy


def test_what_runs_on_a_gpu_is_remote() -> None:
    found = places(providers={"age-estimator": ("cuda", "cpu"), "mask-estimator": ("cpu",)})
    assert [name for name, place in found.items() if place is Place.REMOTE] == ["age-estimator"]


def test_the_operator_has_the_last_word() -> None:
    chosen = {"default": "remote", "body-detector": "local", "age-estimator": "auto"}
    found = places(cores=64, placement=chosen)
    assert found.pop("body-detector") is Place.LOCAL
    assert found.pop("age-estimator") is Place.LOCAL
    assert set(found.values()) == {Place.REMOTE}


def test_a_service_that_is_not_there_cannot_be_placed() -> None:
    with pytest.raises(BadSettings, match="placement: there is no 'horoscope'"):
        check(Settings(placement={"horoscope": "local"}))  # type: ignore[dict-item]  # as it stands in a file


@pytest.mark.parametrize(("cores", "started"), [(0.5, 1), (2, 2), (64, 8)])
def test_a_gateway_a_core(cores: float, started: int) -> None:
    assert gateways(Settings(), cores) == started
    assert gateways(Settings(gateways=3), cores) == 3
