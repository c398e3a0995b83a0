"""Comparing embeddings instead of images: the vectors that the calculator plugin gave earlier."""

import math
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import numpy as np
from starlette.responses import JSONResponse, Response

from compat.compreface.answers import most_alike_first, similarity
from compat.compreface.body import json_object
from compat.compreface.call import Call
from compat.compreface.errors import Code, Refusal, constraints, empty_field
from compat.compreface.examples import image_id, stored
from compat.compreface.images import alike
from compat.compreface.query import predictions
from compat.compreface.services import Gallery
from estimators.template import Identity
from schemas.fields import Json
from schemas.template import Template, encode
from serving.engine.context import Context
from serving.engine.loading import template_identity
from serving.http.admission import Body
from serving.settings import Settings

S = TypeVar("S")
Vector = list[float]


class Embedding(NamedTuple):
    """A vector as the client sent it, and the template that it stands for."""

    vector: Vector
    template: bytes


async def read_recognition(call: Call[S], body: Body) -> tuple[int, list[Embedding]]:
    """How many subjects are wanted of each embedding, and the embeddings."""
    return predictions(call.request.query_params), await _read_many(call, body)


async def read_comparison(call: Call[S], body: Body) -> tuple[UUID, list[Embedding]]:
    """An example, and embeddings to compare it with."""
    return image_id(call.request), await _read_many(call, body)


async def read_pairs(call: Call[S], body: Body) -> tuple[Embedding, list[Embedding]]:
    """An embedding, and those to compare it with."""
    members = await json_object(call.request, call.people.settings, body)
    made_by = template_identity(call.people.settings)
    [source] = [_embedding(_filled(members, "source"), made_by)]
    return source, _embeddings(members, "targets", call.people.settings)


async def recognise(call: Call[Gallery], _: Context, carried: tuple[int, list[Embedding]]) -> Response:
    """The subjects that each embedding is most like."""
    count, embeddings = carried
    answers = [
        {"embedding": each.vector, "similarities": await alike(call, each.template, count)} for each in embeddings
    ]
    return JSONResponse({"result": answers})


async def verify_example(call: Call[Gallery], _: Context, carried: tuple[UUID, list[Embedding]]) -> Response:
    """How much each embedding is like an example, the most alike first."""
    example, embeddings = carried
    template, _subject = await stored(call, example)
    return JSONResponse({"result": _compared(call, template, embeddings)})


async def verify(call: Call[None], _: Context, carried: tuple[Embedding, list[Embedding]]) -> Response:
    """How much each of the targets is like the source, the most alike first."""
    source, targets = carried
    return JSONResponse({"result": _compared(call, source.template, targets)})


def _compared(call: Call[S], template: bytes, embeddings: list[Embedding]) -> list[Json]:
    said = call.people.compare([(template, each.template) for each in embeddings])
    answers = [
        {"embedding": each.vector, "similarity": similarity(verification)}
        for each, verification in zip(embeddings, said, strict=True)
    ]
    return most_alike_first(answers)


async def _read_many(call: Call[S], body: Body) -> list[Embedding]:
    members = await json_object(call.request, call.people.settings, body)
    return _embeddings(members, "embeddings", call.people.settings)


def _embeddings(members: dict[str, Any], name: str, settings: Settings) -> list[Embedding]:
    raw = _filled(members, name)
    if len(raw) > settings.max_objects:
        raise Refusal(f"At most {settings.max_objects} embeddings can be given", Code.EMBEDDINGS)
    made_by = template_identity(settings)
    return [_embedding(each, made_by) for each in raw]


def _filled(members: dict[str, Any], name: str) -> list[Any]:
    raw = members.get(name)
    if raw is None or raw == []:
        raise empty_field(name)
    if not isinstance(raw, list):
        raise constraints(f"{name} should be a list")
    return raw


def _embedding(raw: Any, made_by: Identity) -> Embedding:
    """The embedding in some JSON; raises ``Refusal``."""
    if not isinstance(raw, list) or not all(type(each) in {int, float} for each in raw):
        raise constraints("An embedding should be a list of numbers")
    if len(raw) != made_by.dimension:
        said = f"{made_by.dimension} components of an embedding were expected, but {len(raw)} were provided"
        raise Refusal(said, Code.EMBEDDINGS)
    try:
        vector = [float(each) for each in raw]
    except OverflowError:
        vector = [math.inf]
    largest = max(map(abs, vector))
    if not math.isfinite(largest) or largest == 0:
        raise constraints("An embedding should be finite and not zero")
    direction = np.asarray([each / largest for each in vector], np.float32)  # however large or small they are
    template = encode(Template(made_by.model, made_by.version, direction))
    return Embedding(vector, template)
