"""Ray Serve as one writes it first: a deployment an estimator, each sent the whole JPEG file, which each decodes.

``serve run bench.naive:app`` answers the photos of ``/graph/v2/process/image`` as Facet does, from the same estimators
and model files. Everything else is as Serve has it by default, but for the processors that a replica reserves: nine
replicas of one each would not start on a small machine.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bench.pipeline import FITTER, Faces, ordered, settings, single_answer
from bench.plain import encoded
from schemas import Attributes
from schemas.wire import JSON
from serving.engine.loading import Loader

_RESERVED = {"num_cpus": 0.1}


class Service:
    """One estimator."""

    def __init__(self, name: str) -> None:
        self._node = Loader(settings()).node(name)

    async def __call__(self, photo: bytes, faces: Sequence[Attributes]) -> Faces:
        return single_answer(self._node, photo, faces)


class Graph:
    """Asks the detector, then all others about what it found."""

    def __init__(self, detector: "DeploymentHandle[Any]", *others: "DeploymentHandle[Any]") -> None:
        self._detector, self._others = detector, others

    async def __call__(self, request: Request) -> Response:
        if request.method != "POST":
            return PlainTextResponse("ready")
        form = await request.form()
        file = form["image"]
        photo = file.encode() if isinstance(file, str) else await file.read()
        faces = await self._detector.remote(photo, [])
        for said in await asyncio.gather(*(each.remote(photo, faces) for each in self._others)):
            faces = [face | more for face, more in zip(faces, said, strict=True)]
        return Response(encoded(faces), media_type=JSON)


def _bound(name: str) -> Any:
    return serve.deployment(name=name, ray_actor_options=_RESERVED)(Service).bind(name)


def _application() -> Any:
    others = [_bound(name) for name in ordered(settings()) if name != FITTER]
    return serve.deployment(name="graph", ray_actor_options=_RESERVED)(Graph).bind(_bound(FITTER), *others)


app = _application()
