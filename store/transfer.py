"""Export of members with their faces and images to a file, and import of it: ``store/archive.py`` has its format."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import exists, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import BadTemplate
from store import archive
from store.archive import CollectionRecord, FaceRecord, Header, ImageRecord, MemberRecord, Model, Writer
from store.errors import Damaged, NotFound
from store.importer import Importer
from store.store import Store
from store.tables import collection, face, image, member, membership, template_model

_MEMBERS = 500  # read at a time
_MODELS = select(template_model.c.name, template_model.c.version, template_model.c.dimension).where(
    exists().where(face.c.model == template_model.c.number)
)

Progress = Callable[[str, int], None]  # told a kind of record, and how many of it were written or read so far


async def export_members(
    store: Store, file: BinaryIO, wanted: Sequence[tuple[str, str]] | None = None, progress: Progress | None = None
) -> dict[str, int]:
    """Writes collections, by kind and key, and their members; by default all there are, and all members.

    All is as it was at one moment. Returns how many records of each kind there are; raises ``NotFound``.
    """
    writer = Writer(file)
    async with store.begin() as transaction:
        await transaction.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        writer.write(
            Header(
                format=archive.FORMAT,
                version=archive.VERSION,
                created_at=datetime.now(UTC),
                models=[Model(*row) for row in await transaction.execute(_MODELS)],
            )
        )
        numbers = await _write_collections(transaction, writer, wanted)
        shared: set[UUID] = set()  # images of several faces that were written
        async for rows in _members(transaction, None if wanted is None else list(numbers)):
            await _write_members(transaction, writer, rows, numbers, shared)
            if progress is not None:
                progress("member", writer.counts["member"])
    writer.end()
    return dict(writer.counts)


async def _write_collections(
    transaction: Transaction, writer: Writer, wanted: Sequence[tuple[str, str]] | None
) -> dict[int, tuple[str, str]]:
    """Writes the collections; returns their kinds and keys by their numbers."""
    rows = (await transaction.execute(select(collection).order_by(collection.c.number))).all()
    found = {(row.kind, row.key): row for row in rows}
    missing = [] if wanted is None else [each for each in wanted if each not in found]
    if missing:
        raise NotFound(f"There is no collection {missing[0][1]!r} of the kind {missing[0][0]!r}")
    chosen = found.values() if wanted is None else [found[each] for each in dict.fromkeys(wanted)]
    for row in chosen:
        writer.write(_record(CollectionRecord, row))
    return {row.number: (row.kind, row.key) for row in chosen}


async def _members(transaction: Transaction, inside: list[int] | None) -> AsyncIterator[Sequence[Any]]:
    """All members, or those of some collections, in the order in which they were made, some at a time."""
    after = 0
    while True:
        query = select(member).where(member.c.number > after).order_by(member.c.number).limit(_MEMBERS)
        if inside is not None:
            linked = exists().where(membership.c.member == member.c.number, membership.c.collection.in_(inside))
            query = query.where(linked)
        rows = (await transaction.execute(query)).all()
        if rows:
            yield rows
        if len(rows) < _MEMBERS:
            return
        after = rows[-1].number


async def _write_members(
    transaction: Transaction,
    writer: Writer,
    rows: Sequence[Any],
    numbers: dict[int, tuple[str, str]],
    shared: set[UUID],
) -> None:
    these = [row.number for row in rows]
    inside: dict[int, list[tuple[str, str]]] = {number: [] for number in these}
    query = select(membership.c.member, membership.c.collection).where(membership.c.member.in_(these))
    for link in await transaction.execute(query.order_by(membership.c.member, membership.c.collection)):
        if link.collection in numbers:
            inside[link.member].append(numbers[link.collection])
    faces: dict[int, list[Any]] = {number: [] for number in these}
    for found in await transaction.execute(select(*_FACE).where(face.c.member.in_(these)).order_by(face.c.number)):
        faces[found.member].append(found)
    for row in rows:
        writer.write(_record(MemberRecord, row, collections=inside[row.number]))
        for found in faces[row.number]:
            for identity in dict.fromkeys([found.photo, found.crop]):
                if identity is not None and identity not in shared:
                    await _write_image(transaction, writer, identity)
                    if found.is_shared:
                        shared.add(identity)
            writer.write(_record(FaceRecord, found))


_other = face.alias()
_same = or_(_other.c.photo.in_([face.c.photo, face.c.crop]), _other.c.crop.in_([face.c.photo, face.c.crop]))
_FACE = [
    *(column for column in face.columns if column.name not in {"vector", "changed"}),
    exists().where(_other.c.number != face.c.number, _same).label("is_shared"),
]


async def _write_image(transaction: Transaction, writer: Writer, identity: UUID) -> None:
    row = (await transaction.execute(select(image).where(image.c.id == identity))).one()
    writer.write(_record(ImageRecord, row))


def _record(kind: type[Any], row: Any, **others: Any) -> Any:
    """A record of some columns of a row."""
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__ if name not in others}, **others)


async def import_members(
    store: Store, file: BinaryIO, *, skip: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Adds what a file holds, all or nothing: it is one transaction. Returns how many members, faces, images are new.

    Collections that are there already stay as they are, and get the members. Members, faces and images that are there
    already are refused, or, with ``skip``, left as they are; so an import can be repeated. Raises ``Damaged`` for a
    file that is no whole export, ``Duplicate``, and ``ModelMismatch`` where a collection holds templates of a model
    that the file does not.
    """
    async with store.begin() as transaction:
        incoming = Importer(transaction, skip=skip)
        position = 0
        try:
            for found in archive.read(file):
                position = found.position
                await incoming.take(found.record)
                if progress is not None and incoming.is_written:
                    progress("member", incoming.counts["member"])
            await incoming.finish()
        except (BadTemplate, NotFound, ValueError) as error:
            raise Damaged(f"byte {position} or before: {error}") from error
    return dict(incoming.counts)
