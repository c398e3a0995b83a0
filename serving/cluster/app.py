"""The Serve application that serve_config.yaml names: one deployment a service, and the gateway in front of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from models import choice_name
from serving.cluster.placement import Place, cores, gateways, planned
from serving.cluster.stages import Hosted, Local, Remote
from serving.cluster.telemetry import start_telemetry
from serving.engine.checks import check, names
from serving.engine.engine import Engine
from serving.engine.loading import Loader
from serving.facade import Maker
from serving.http.application import application
from serving.identity.people import People
from serving.settings import Settings
from store import Store

GATEWAY = "gateway"
_CPUS = 0.1  # what a replica reserves, so that all start on two cores; serve_config.yaml has the last word
_ONGOING = 16  # calls that a replica takes at a time, and may answer in one run of its models
_CHECKED = 1  # seconds between two looks whether a replica lives, so that a dead one is soon replaced
_ENTERING = 1024  # requests that Serve hands to a gateway, which itself refuses those beyond its own limit

# A service that runs inside the gateways still has its deployment, which anything in the cluster may call and an
# operator may scale; until then it has no replica.
_ASLEEP = AutoscalingConfig(min_replicas=0, initial_replicas=0, max_replicas=1, target_ongoing_requests=2)


@serve.ingress()
class Gateway:
    """Takes requests, decodes images once, cuts what each service looks at, and asks the services."""

    def __init__(
        self,
        settings: Settings,
        places: Mapping[str, Place],
        services: "dict[str, DeploymentHandle[Any]]",
        facades: Sequence[Maker] = (),
    ) -> None:
        start_telemetry(settings.traces)
        loader = Loader(settings)
        stages = {
            name: Local(name, settings, loader) if places[name] is Place.LOCAL else Remote(handle, settings)
            for name, handle in services.items()
        }
        engine = Engine(settings, stages)
        url = settings.database_url
        store = None if url is None else Store(url.get_secret_value(), settings.database_connections)
        people = People(engine, store)
        self._application = application(engine, people, [make(people) for make in facades])

    def __serve_build_asgi_app__(self) -> Starlette:
        return self._application


def resolved(settings: Settings) -> dict[str, str]:
    """The models for each task by name, chosen once: a gateway and replicas that start later must not choose otherwise.

    Tasks without a model here are left open; a machine of the cluster that has one may still serve them.
    """
    store = settings.store()
    here = {task: choice_name(store.resolve(task)) for task in store.manifest.tasks if store.can_serve(task)}
    return here | settings.models


def build(args: Settings) -> Application:
    """The Image API alone: the services that the settings name, by default all; refuses settings that cannot work."""
    return assembled(args, {})


def assembled(args: Settings, facades: Mapping[str, Maker]) -> Application:
    """The application with those of the façades that the settings name, by default all."""
    check(args, facades)
    args = args.model_copy(update={"models": resolved(args)})
    available = cores()
    places = planned(args, names(args), available)
    services = {name: _service(name, args, place) for name, place in places.items()}
    gateway = serve.deployment(
        name=GATEWAY,
        num_replicas=gateways(args, available),
        ray_actor_options={"num_cpus": _CPUS},
        max_ongoing_requests=_ENTERING,
        health_check_period_s=_CHECKED,
    )(Gateway)
    chosen = facades if args.facades is None else args.facades
    return gateway.bind(args, places, services, [facades[name] for name in chosen])


def _service(name: str, settings: Settings, place: Place) -> Application:
    scale: dict[str, Any] = {"num_replicas": 1} if place is Place.REMOTE else {"autoscaling_config": _ASLEEP}
    deployment = serve.deployment(
        name=name,
        ray_actor_options={"num_cpus": _CPUS},
        max_ongoing_requests=_ONGOING,
        max_queued_requests=settings.max_queued,
        health_check_period_s=_CHECKED,
        **scale,
    )(Hosted)
    return deployment.bind(name, settings)
