"""The routes of CompreFace's interface, each with and without a slash at the end."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.routing import Route

from compat.compreface import embeddings, examples, images, subjects, system
from compat.compreface.call import Opener, Reader, Worker, endpoint, nothing
from compat.compreface.services import DETECTION, HEADER, VERIFICATION, Gallery, check, gallery
from serving.identity.keys import RECOGNITION
from serving.identity.people import People

S = TypeVar("S")
T = TypeVar("T")
API = "/api/v1"
PREFIXES = tuple(
    f"{API}/{name}"
    for name in ("recognition", "detection", "verification", "static", "config", "consistence", "migrate")
)


def routes(people: People) -> list[Route]:
    """All routes."""

    def at(method: str, path: str, opened: Opener[S], read: Reader[S, T], work: Worker[S, T]) -> list[Route]:
        answer = endpoint(people, opened, read, work)
        return [Route(f"{API}/{path}{end}", answer, methods=[method]) for end in ("", "/")]

    one = "recognition/subjects/{subject:path}"
    faces, recognition = "recognition/faces", _gallery
    detection, verification = _service(DETECTION), _service(VERIFICATION)
    return [
        *at("GET", "recognition/subjects", recognition, nothing, subjects.listed),
        *at("POST", "recognition/subjects", recognition, subjects.read_new, subjects.add),
        *at("DELETE", "recognition/subjects", recognition, nothing, subjects.remove_all),
        *at("PUT", one, recognition, subjects.read_renamed, subjects.rename),
        *at("DELETE", one, recognition, nothing, subjects.remove),
        *at("GET", faces, recognition, nothing, examples.listed),
        *at("POST", faces, recognition, examples.read_new, examples.add),
        *at("DELETE", faces, recognition, nothing, examples.remove_all),
        *at("POST", f"{faces}/delete", recognition, examples.read_several, examples.remove_several),
        *at("DELETE", f"{faces}/{{id}}", recognition, nothing, examples.remove),
        *at("GET", f"{faces}/{{id}}/img", recognition, nothing, examples.download),
        *at("POST", f"{faces}/{{id}}/verify", recognition, images.read_comparison, images.verify_example),
        *at("POST", "recognition/recognize", recognition, images.read_recognition, images.recognise),
        *at("POST", "recognition/embeddings/recognize", recognition, embeddings.read_recognition, embeddings.recognise),
        *at(
            "POST",
            "recognition/embeddings/faces/{id}/verify",
            recognition,
            embeddings.read_comparison,
            embeddings.verify_example,
        ),
        *at("POST", "detection/detect", detection, images.read_detection, images.detect),
        *at("POST", "verification/verify", verification, images.read_pair, images.verify),
        *at("POST", "verification/embeddings/verify", verification, embeddings.read_pairs, embeddings.verify),
        *at("GET", "static/{key}/images/{id}", _public, nothing, examples.download_by_link),
        *at("GET", "config", system.anybody, nothing, system.config),
        *at("GET", "consistence/status", system.anybody, nothing, system.status),
        *at("POST", "migrate", system.operator, nothing, system.migrate),
    ]


async def authorised(people: People, request: Request) -> None:
    """Raises ``Refusal`` unless the request may know what there is at its path: CompreFace looks at keys first."""
    for kind in (RECOGNITION, DETECTION, VERIFICATION):
        if request.url.path.startswith(f"{API}/{kind}"):
            await check(people, kind, request.headers.get(HEADER))


async def _gallery(people: People, request: Request) -> Gallery:
    return await gallery(people, request.headers.get(HEADER))


def _service(kind: str) -> Callable[[People, Request], Awaitable[None]]:
    async def opened(people: People, request: Request) -> None:
        await check(people, kind, request.headers.get(HEADER))

    return opened


async def _public(_: People, __: Request) -> None:
    """Whoever knows the address."""
