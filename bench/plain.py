"""How peers serve models: a Starlette application in one uvicorn process, with threads that run the models.

``python -m bench.plain PORT`` answers the photos of ``/graph/v2/process/image`` as Facet does, from the same estimators
and model files, in one process: no deployments, no limits, no batches.
"""

import sys
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bench.pipeline import graph_answer, nodes, ordered, settings
from schemas import Attributes, Document
from schemas.v2 import V2
from schemas.wire import JSON, encode_body
from serving.engine.loading import Loader


def encoded(faces: Sequence[Attributes]) -> bytes:
    """The faces of a photo as Facet's JSON of version 2, which counts in fractions of the image."""
    return encode_body(Document({}, V2).detected("face", faces).answer(), JSON)


def application() -> Starlette:
    """The application, with the models loaded."""
    chosen = settings()
    services = nodes(ordered(chosen), Loader(chosen))

    def answer(photo: bytes) -> bytes:
        return encoded(graph_answer(photo, services))

    async def image(request: Request) -> Response:
        async with request.form() as form:
            file = form["image"]
            photo = file.encode() if isinstance(file, str) else await file.read()
        return Response(await run_in_threadpool(answer, photo), media_type=JSON)

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready")

    return Starlette(
        routes=[Route("/ready", ready), Route("/graph/v2/process/image", image, methods=["POST"])],
    )


if __name__ == "__main__":
    uvicorn.run(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
