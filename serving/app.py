"""The Serve application that serve_config.yaml names: one deployment a service, and the gateway in front of them."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from models import choice_name
from serving.api import application
from serving.checks import check, names
from serving.engine import Engine
from serving.settings import Settings
from serving.stages import Local, Remote

GATEWAY = "gateway"
_CPUS = 0.1  # what a replica reserves, so that all start on two cores; serve_config.yaml has the last word
_ONGOING, _QUEUED = 16, 256  # requests of a replica, and those that wait for it, before 503 is answered
_ENTERING = 1024  # requests that Serve hands to a gateway, which itself refuses those beyond its own limit


@serve.ingress()
class Gateway:
    """Takes requests, decodes images once, cuts what each service looks at, and asks the services."""

    def __init__(self, settings: Settings, services: "dict[str, DeploymentHandle[Any]]") -> None:
        self._engine = Engine(settings, {name: Remote(handle) for name, handle in services.items()})

    def __serve_build_asgi_app__(self) -> Starlette:
        return application(self._engine)


def resolved(settings: Settings) -> dict[str, str]:
    """The models for each task by name, chosen once: a gateway and replicas that start later must not choose otherwise.

    Tasks without a model here are left open; a machine of the cluster that has one may still serve them.
    """
    store = settings.store()
    here = {task: choice_name(store.resolve(task)) for task in store.manifest.tasks if store.available(task)}
    return here | settings.models


def build(args: Settings) -> Application:
    """The application with the services that the settings name, by default all; refuses settings that cannot work."""
    check(args)
    args = args.model_copy(update={"models": resolved(args)})
    reserved = {"num_cpus": _CPUS}
    services = {
        name: serve.deployment(
            name=name, ray_actor_options=reserved, max_ongoing_requests=_ONGOING, max_queued_requests=_QUEUED
        )(Local).bind(name, args)
        for name in names(args)
    }
    gateway = serve.deployment(name=GATEWAY, ray_actor_options=reserved, max_ongoing_requests=_ENTERING)(Gateway)
    return gateway.bind(args, services)
