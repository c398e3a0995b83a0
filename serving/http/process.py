"""The work behind the ``process`` routes of a single service: a document in, the document out."""

from estimators import Detector, Matcher
from schemas import BadDocument, Document, Picture
from schemas.attributes import TEMPLATE
from schemas.fields import Json
from serving.engine.context import Context
from serving.engine.engine import Engine


async def sample(engine: Engine, service: str, document: Document, context: Context) -> Json:
    """The answer of one service to a document."""
    kind = engine.kind(service)
    if issubclass(kind, Matcher):
        return await _verified(engine, document, context)
    picture = document.picture()
    if issubclass(kind, Detector):
        found = await _detected(engine, service, document, picture, context)
        return found.answer(echo=context.options.echo, **context.beside())
    if document.payload.get("objects") is None:
        raise BadDocument("Field required", ("objects",), "missing")
    async with engine.photo(picture, context) as photo:
        document = document.framed(photo.image)
        indices = document.indices(kind.subject)
        objects = [document.read(index, kind.requires) for index in indices]
        said = await engine.estimate(service, photo, objects, context)
    enriched = document.enriched(dict(zip(indices, said, strict=True)))
    return enriched.answer(echo=context.options.echo, **context.beside())


async def _detected(engine: Engine, service: str, document: Document, picture: Picture, context: Context) -> Document:
    async with engine.photo(picture, context) as photo:
        found = await engine.detect(service, photo.image, context.options.threshold, context)
        document = document.framed(photo.image)
    return document.detected(engine.kind(service).subject, found)


async def _verified(engine: Engine, document: Document, context: Context) -> Json:
    if len(document.objects) != 2:
        raise BadDocument("Input should be a list of exactly 2 objects", ("objects",), "list_length")
    first, second = (document.read(index, {TEMPLATE}) for index in (0, 1))
    with context.timings.measure("verify-matcher"):
        [found] = await engine.match([(first, second)], context)
    verification = document.dialect.verification(found)
    return document.answer(echo=context.options.echo, verification=verification, **context.beside())
