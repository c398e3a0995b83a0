"""The Serve application that serve_config.yaml names: one deployment a service, and the gateway in front of them."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from estimators import CATALOGUE
from serving.api import application
from serving.engine import Engine
from serving.settings import Settings
from serving.stages import Local, Remote

GATEWAY = "gateway"
_CPUS = 0.1  # what a replica reserves, so that all start on two cores; serve_config.yaml has the last word
_ONGOING, _QUEUED = 16, 256  # requests of a replica, and those that wait for it, before 503 is answered


@serve.ingress()
class Gateway:
    """Takes requests, decodes images once, cuts what each service looks at, and asks the services."""

    def __init__(self, settings: Settings, services: "dict[str, DeploymentHandle[Any]]") -> None:
        self._engine = Engine(settings, {name: Remote(handle) for name, handle in services.items()})

    def __serve_build_asgi_app__(self) -> Starlette:
        return application(self._engine)


def build(args: Settings) -> Application:
    """The application with the services that the settings name, by default all."""
    names = args.services or tuple(CATALOGUE)
    unknown = set(names) - set(CATALOGUE)
    if unknown:
        raise ValueError(f"services: no such service as {', '.join(sorted(unknown))}; there are {', '.join(CATALOGUE)}")
    reserved = {"num_cpus": _CPUS}
    services = {
        name: serve.deployment(
            name=name, ray_actor_options=reserved, max_ongoing_requests=_ONGOING, max_queued_requests=_QUEUED
        )(Local).bind(name, args)
        for name in names
    }
    gateway = serve.deployment(name=GATEWAY, ray_actor_options=reserved, max_ongoing_requests=128)(Gateway)
    return gateway.bind(args, services)
