"""Templates of another model, computed again from the images that were kept."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.attributes import Box
from schemas.template import decode
from store import events, template_models
from store.errors import ModelMismatch
from store.store import Store
from store.tables import CHANGED, face, image
from store.template_models import TemplateModel

_FACES = 16  # done in one transaction: so much is computed again after a crash

# Gives the template of the face in an encoded image: at the box, relative to it, or without one that of the only face,
# the largest. None where there is no face.
Embed = Callable[[bytes, Box | None], Awaitable[bytes | None]]


class Progress(NamedTuple):
    """How far it is."""

    done: int  # faces with a new template
    total: int  # faces that had an old one at the beginning
    without_image: tuple[UUID, ...]  # faces that stay as they are: neither photo nor crop was kept
    without_face: tuple[UUID, ...]  # the same: there is no face to be found in their image


async def re_embed(
    store: Store, name: str, version: int, embed: Embed, progress: Callable[[Progress], None] = lambda _: None
) -> Progress:
    """Gives every face a template of the model ``name`` of this version, by ``embed``.

    May be stopped at any time and called again: what is done has the new model. Until all is done, collections that
    hold both are not searched. What ``embed`` raises ends it; raises ``ModelMismatch`` where its templates are another
    model's.
    """
    async with store.begin() as transaction:
        query = select(func.count()).select_from(face).where(await _old(transaction, name, version))
        found = Progress(0, (await transaction.execute(query)).scalar_one(), (), ())
    after = 0
    while True:
        async with store.begin() as transaction:
            rows = await _next(transaction, name, version, after)
        if not rows:
            return found
        after = rows[-1].number
        done = []
        for row in rows:
            data = await _image(store, row)
            box = None if row.box is None or row.photo is None else Box(*row.box)
            template = None if data is None else await embed(data, box)
            if data is None:
                found = found._replace(without_image=(*found.without_image, row.id))
            elif template is None:
                found = found._replace(without_face=(*found.without_face, row.id))
            else:
                done.append((row, template))
        found = found._replace(done=found.done + await _write(store, name, version, done))
        progress(found)


async def _image(store: Store, row: Any) -> bytes | None:
    """The photo of a face, or its crop where there is no photo."""
    async with store.begin() as transaction:
        query = select(image.c.data).where(image.c.id == (row.photo or row.crop))
        return (await transaction.execute(query)).scalar_one_or_none()


async def _old(transaction: Transaction, name: str, version: int) -> Any:
    """Which faces have a template of another model."""
    new = (await template_models.template_models_by_name(transaction)).get((name, version))
    return face.c.model != (0 if new is None else new.number)


async def _next(transaction: Transaction, name: str, version: int, after: int) -> list[Any]:
    query = select(face.c.number, face.c.id, face.c.model, face.c.photo, face.c.crop, face.c.box)
    query = query.where(await _old(transaction, name, version), face.c.number > after)
    return list((await transaction.execute(query.order_by(face.c.number).limit(_FACES))).all())


async def _write(store: Store, name: str, version: int, done: list[tuple[Any, bytes]]) -> int:
    """Keeps new templates, each where the face still has the old one; returns how many."""
    count = 0
    decoded = [decode(template) for _, template in done]
    for each in decoded:
        if (each.model, each.version) != (name, version):
            raise ModelMismatch(f"expected templates of {name} version {version}, got {each.model} {each.version}")
    if not done:
        return 0
    model: TemplateModel = await store.get_or_create_model(decoded[0])
    async with store.begin() as transaction:
        for (row, template), each in zip(done, decoded, strict=True):
            query = face.update().where(face.c.number == row.number, face.c.model == row.model)
            query = query.values(template=template, vector=each.vector, model=model.number, changed=CHANGED)
            count += (await transaction.execute(query)).rowcount
        await events.record_event(transaction, "re-embedded", None, None, faces=count)
    return count
