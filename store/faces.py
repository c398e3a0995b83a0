"""Faces and images: enrolled, listed, removed, in the transaction that is given."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, String, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.attributes import Box
from schemas.template import decode
from store import events
from store.array_conditions import one_of
from store.errors import Duplicate, NotFound
from store.paging import Paging, fetch_page
from store.records import Face, Member, NewFace, Page, StoredImage
from store.tables import face, image, member, membership, template_model

_IMAGES = (face.c.photo, face.c.crop)


async def add_faces(transaction: Transaction, owner: Member, model: int, faces: Sequence[NewFace]) -> list[UUID]:
    """Enrols faces of a member, all with templates of the model of this number; returns their identities.

    Raises ``Duplicate`` where there is a face with the identity of one, after which the transaction is lost.
    """
    kept: dict[int, UUID] = {}  # by the identity of the object: faces of one photo share it
    pictures = {id(each): each for new in faces for each in (new.photo, new.crop) if each is not None}
    for which, picture in pictures.items():
        kept[which] = await _keep(transaction, picture)
    rows: list[dict[str, Any]] = [
        {
            "id": new.id or uuid4(),
            "member": owner.number,
            "model": model,
            "template": new.template,
            "vector": decode(new.template).vector,
            "box": None if new.box is None else list(new.box),
            "confidence": new.confidence,
            "quality": new.quality,
            "photo": kept.get(id(new.photo)),
            "crop": kept.get(id(new.crop)),
            "details": dict(new.details),
        }
        for new in faces
    ]
    if rows:
        try:
            await transaction.execute(face.insert(), rows)
        except IntegrityError as error:  # of what else is inserted here nothing can be there twice
            raise Duplicate("There is a face with this identity already") from error
        await events.record_event(transaction, "enrolled", owner.space, owner.key, faces=len(rows))
    return [row["id"] for row in rows]


async def _keep(transaction: Transaction, picture: StoredImage) -> UUID:
    identity = uuid4()
    await transaction.execute(image.insert().values(id=identity, **picture._asdict()))
    return identity


def _selected() -> Select[Any]:
    named = template_model.c.name + " version " + func.cast(template_model.c.version, String)
    columns = [named.label("model") if column is face.c.model else column for column in face.columns]
    wanted = [column for column in columns if column.name not in {"vector", "changed"}]
    return select(*wanted).join(template_model, template_model.c.number == face.c.model)


def _read(row: Any) -> Face:
    found = Face._make(row)
    return found._replace(box=None if found.box is None else Box(*found.box))


async def get_face(transaction: Transaction, space: str, identity: UUID) -> tuple[Face, Member]:
    """A face and whose it is; raises ``NotFound`` where there is none in this space."""
    query = _selected().add_columns(*member.columns).join(member, member.c.number == face.c.member)
    row = (await transaction.execute(query.where(face.c.id == identity, member.c.space == space))).one_or_none()
    if row is None:
        raise NotFound(f"There is no face {identity}")
    many = len(Face._fields)
    return _read(row[:many]), Member._make(row[many:])


async def faces_of_member(transaction: Transaction, owner: int) -> list[Face]:
    """All faces of the member with this number, in the order in which they were enrolled."""
    query = _selected().where(face.c.member == owner).order_by(face.c.number)
    return [_read(row) for row in await transaction.execute(query)]


async def list_face_owners(
    transaction: Transaction, space: str, paging: Paging, key: str | None = None
) -> Page[tuple[UUID, Member]]:
    """Some of the faces of a space, or of its member with this key, and whose they are; in the order of enrolment."""
    query = select(face.c.id, *member.columns, face.c.number.label("face_number"))
    query = query.join(member, member.c.number == face.c.member).where(member.c.space == space)
    if key is not None:
        query = query.where(member.c.key == key)
    return await fetch_page(transaction, query, face.c.number, paging, lambda row: (row[0], Member._make(row[1:-1])))


async def list_faces(transaction: Transaction, space: str, paging: Paging, key: str | None = None) -> Page[Face]:
    """Some of the faces of a space, or of its member with this key, as they are stored; in the order of enrolment."""
    query = _selected().join(member, member.c.number == face.c.member).where(member.c.space == space)
    if key is not None:
        query = query.where(member.c.key == key)
    return await fetch_page(transaction, query, face.c.number, paging, _read)


async def delete_faces(transaction: Transaction, space: str, identities: Sequence[UUID]) -> list[tuple[UUID, Member]]:
    """Removes faces and the images that no other face has; returns those that were there, and whose they were."""
    # Members are locked before their faces, and those before images, as by whoever removes members.
    owners = select(face.c.member).where(one_of(face.c.id, identities))
    locked = select(member.c.number).where(member.c.space == space, member.c.number.in_(owners))
    await transaction.execute(locked.order_by(member.c.key).with_for_update())
    query = select(face.c.id, *member.columns).join(member, member.c.number == face.c.member)
    query = query.where(member.c.space == space, one_of(face.c.id, identities)).order_by(face.c.id)
    gone = [(row[0], Member._make(row[1:])) for row in await transaction.execute(query.with_for_update(of=face))]
    await _delete_faces(transaction, one_of(face.c.id, [identity for identity, _ in gone]))
    for owner in {each.number: each for _, each in gone}.values():
        count = sum(each.number == owner.number for _, each in gone)
        await events.record_event(transaction, "faces removed", space, owner.key, faces=count)
    return gone


async def delete_faces_of(transaction: Transaction, space: str, key: str | None = None) -> int:
    """Removes the faces of all members of a space, or of the one with this key, who stay; returns how many."""
    owners = select(member.c.number).where(member.c.space == space)
    if key is not None:
        owners = owners.where(member.c.key == key)
    count = await _delete_faces(transaction, face.c.member.in_(owners))
    if count:
        await events.record_event(transaction, "faces removed", space, key, faces=count)
    return count


async def _delete_faces(transaction: Transaction, which: ColumnElement[bool]) -> int:
    images = await lock_images_of_faces(transaction, which)
    count = (await transaction.execute(face.delete().where(which))).rowcount
    await delete_unused_images(transaction, images)
    return count


async def lock_images_of_faces(transaction: Transaction, which: ColumnElement[bool]) -> list[UUID]:
    """The images of some faces, which may be those of others, too; locked until the transaction ends."""
    rows = await transaction.execute(select(*_IMAGES).where(which, or_(*(each.is_not(None) for each in _IMAGES))))
    found = sorted({each for row in rows for each in row if each is not None})
    # Of two that remove the last faces of a photo at once, the second waits, and then sees that nobody has it.
    await transaction.execute(
        select(image.c.id).where(one_of(image.c.id, found)).order_by(image.c.id).with_for_update()
    )
    return found


async def delete_unused_images(transaction: Transaction, identities: Sequence[UUID]) -> None:
    """Removes those of the images that no face has any more."""
    if identities:
        used = or_(*(each == image.c.id for each in _IMAGES))
        free = ~select(face.c.id).where(used).exists()
        await transaction.execute(image.delete().where(one_of(image.c.id, identities), free))


async def get_image(transaction: Transaction, identity: UUID, space: str | None = None) -> StoredImage:
    """A stored image, in a ``space`` only one of its faces; raises ``NotFound``."""
    query = select(*(image.c[name] for name in StoredImage._fields)).where(image.c.id == identity)
    if space is not None:
        owned = select(face.c.id).join(member, member.c.number == face.c.member)
        shown = or_(*(each == image.c.id for each in _IMAGES))
        query = query.where(owned.where(shown, member.c.space == space).exists())
    row = (await transaction.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {identity}")
    return StoredImage._make(row)


async def has_faces_of_other_models(transaction: Transaction, spaces: str, name: str, version: int) -> bool:
    """Whether a face in a space that begins with ``spaces`` has a template of another model than this."""
    this = (template_model.c.name == name) & (template_model.c.version == version)
    query = select(face.c.id).join(template_model, template_model.c.number == face.c.model)
    query = query.join(member, member.c.number == face.c.member).where(~this)
    query = query.where(member.c.space.startswith(spaces, autoescape=True)).limit(1)
    return (await transaction.execute(query)).first() is not None


async def count_faces(transaction: Transaction, collection: int) -> int:
    """How many faces the members of a collection have."""
    inside = select(membership.c.member).where(membership.c.collection == collection)
    query = select(func.count()).select_from(face).where(face.c.member.in_(inside))
    return int((await transaction.execute(query)).scalar_one())
