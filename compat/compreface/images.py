"""What is done with the faces in images: found, recognised, compared."""

from typing import NamedTuple, TypeVar
from uuid import UUID

from starlette.responses import JSONResponse, Response

from compat.compreface.answers import similarity
from compat.compreface.body import images
from compat.compreface.call import Call
from compat.compreface.errors import several_faces
from compat.compreface.examples import image_id, stored
from compat.compreface.query import Wanted, wanted
from compat.compreface.services import Gallery
from compat.compreface.sight import Seen, seen, versions
from schemas.attributes import TEMPLATE
from schemas.fields import Json
from serving.engine.context import Context
from serving.http.admission import Body

S = TypeVar("S")
MOST_SUBJECTS = 1000  # that are looked for


class Asked(NamedTuple):
    """An image, and what is wanted of its faces."""

    wanted: Wanted
    image: bytes


class Pair(NamedTuple):
    """Two images, and what is wanted of their faces."""

    wanted: Wanted
    source: bytes
    target: bytes


async def read_detection(call: Call[S], body: Body) -> Asked:
    return await _one(call, body, wanted(call.request.query_params))


async def read_recognition(call: Call[S], body: Body) -> Asked:
    return await _one(call, body, wanted(call.request.query_params, recognition=True)._replace(compare=True))


async def read_comparison(call: Call[S], body: Body) -> tuple[UUID, Asked]:
    """An example, and an image to compare it with."""
    asked = wanted(call.request.query_params)._replace(compare=True)
    return image_id(call.request), await _one(call, body, asked)


async def read_pair(call: Call[S], body: Body) -> Pair:
    asked = wanted(call.request.query_params)._replace(compare=True)
    source, target = await images(call.request, call.people.settings, body, ("source_image", "target_image"))
    return Pair(asked, source, target)


async def detect(call: Call[None], context: Context, asked: Asked) -> Response:
    """The faces in an image."""
    found = await seen(call.people, context, asked.image, asked.wanted)
    return JSONResponse(
        {"result": found.answers(asked.wanted, call.style), **await versions(call.people, asked.wanted)}
    )


async def recognise(call: Call[Gallery], context: Context, asked: Asked) -> Response:
    """The faces in an image, and the subjects that each is most like."""
    found = await seen(call.people, context, asked.image, asked.wanted)
    answers = found.answers(asked.wanted, call.style)
    for answer, face in zip(answers, found.faces, strict=True):
        answer["subjects"] = await alike(call, face[TEMPLATE], asked.wanted.predictions)
    return JSONResponse({"result": answers, **await versions(call.people, asked.wanted)})


async def verify_example(call: Call[Gallery], context: Context, carried: tuple[UUID, Asked]) -> Response:
    """The faces in an image, and how much each is like an example."""
    identity, asked = carried
    template, subject = await stored(call, identity)
    found = await seen(call.people, context, asked.image, asked.wanted)
    of = {"subject": subject} if call.style.names_subjects else {}
    answers = [answer | of for answer in _compared(call, template, found, asked.wanted)]
    return JSONResponse({"result": answers, **await versions(call.people, asked.wanted)})


async def verify(call: Call[None], context: Context, pair: Pair) -> Response:
    """The faces in the target image, and how much each is like the one face in the source image."""
    source = await seen(call.people, context, pair.source, pair.wanted)
    if len(source.faces) > 1:
        raise several_faces()
    target = await seen(call.people, context, pair.target, pair.wanted)
    [face] = source.answers(pair.wanted, call.style)
    matches = _compared(call, source.faces[0][TEMPLATE], target, pair.wanted)
    told = await versions(call.people, pair.wanted)
    return JSONResponse({"result": [{"source_image_face": face, "face_matches": matches, **told}]})


async def alike(call: Call[Gallery], template: bytes, count: int) -> list[Json]:
    """The subjects that a template is most like, the most alike first."""
    found = await call.people.find(template, [call.service.number], min(count, MOST_SUBJECTS))
    return [{"subject": each.match.member.name, "similarity": similarity(each.verification)} for each in found]


async def _one(call: Call[S], body: Body, asked: Wanted) -> Asked:
    [image] = await images(call.request, call.people.settings, body, ("file",))
    return Asked(asked, image)


def _compared(call: Call[S], template: bytes, found: Seen, wanted: Wanted) -> list[Json]:
    """What is told of the faces, each with how much it is like the face of a template."""
    said = call.people.compare([(template, face[TEMPLATE]) for face in found.faces])
    answers = found.answers(wanted, call.style)
    return [answer | {"similarity": similarity(each)} for answer, each in zip(answers, said, strict=True)]
