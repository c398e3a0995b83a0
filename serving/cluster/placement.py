"""Where each service runs: in every gateway's own process, or in deployments of its own. The one planner of that.

Placed ``local``, a service costs a request no call between processes, and scales with the gateways. Placed ``remote``,
it has replicas, resources and autoscaling of its own, and a call costs 1 to 3 ms. ``auto`` decides:

* remote where the service is to run on something else than a CPU: one GPU serves many gateways;
* remote where it is heavy and the machines have more than ``SMALL`` cores between them, so that it can be scaled alone;
* local otherwise. On two cores everything local gave about twice as many images a second as everything remote
  (docs/performance.md).

The answers are the same either way.
"""

import os
from collections.abc import Iterable, Mapping
from enum import StrEnum

import ray

from estimators import CATALOGUE
from serving.settings import Placement, Settings

DEFAULT = "default"  # the key of ``Settings.placement`` for all services that it does not name
SMALL = 8  # CPU cores of a machine, or of a cluster, on which ``auto`` keeps even heavy services local
_MOST_GATEWAYS = 8  # that are started where nobody says how many; a cluster's operator does


class Place(StrEnum):
    """Where a service runs."""

    LOCAL = "local"
    REMOTE = "remote"


def planned(settings: Settings, names: Iterable[str], cores: float) -> dict[str, Place]:
    """The place of each of the services ``names`` on machines with so many CPU cores."""
    return {name: _place(settings, name, cores) for name in names}


def _place(settings: Settings, name: str, cores: float) -> Place:
    wanted = settings.placement.get(name, settings.placement.get(DEFAULT, Placement.AUTO))
    if wanted is not Placement.AUTO:
        return Place(wanted.value)
    return Place.REMOTE if settings.accelerated(name) or (CATALOGUE[name].heavy and cores > SMALL) else Place.LOCAL


def cores() -> float:
    """The CPU cores of the Ray cluster, or of this machine where there is none."""
    if ray.is_initialized():
        return float(ray.cluster_resources().get("CPU", 1.0))  # type: ignore[no-untyped-call]
    return float(os.cpu_count() or 1)


def gateways(settings: Settings, available: float) -> int:
    """How many gateways to start on so many cores: each computes on one."""
    return settings.gateways or min(max(int(available), 1), _MOST_GATEWAYS)


def remote(places: Mapping[str, Place]) -> frozenset[str]:
    """The services that run in deployments of their own."""
    return frozenset(name for name, place in places.items() if place is Place.REMOTE)
