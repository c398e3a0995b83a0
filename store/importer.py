"""Records of an export as they become rows, in one transaction."""

from collections import Counter, defaultdict
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.attributes import Box
from schemas.template import Template, decode
from store import bulk, events, template_models
from store.archive import CollectionRecord, FaceRecord, Header, ImageRecord, MemberRecord
from store.bulk import BulkFace, BulkImage, BulkMember
from store.errors import ModelMismatch
from store.records import StoredImage
from store.tables import collection, face, membership, template_model
from store.template_models import TemplateModel

_FACES = 2000  # records that are gathered before they are written,
_BYTES = 32 * 2**20  # or so many bytes of images


class Importer:
    """Takes records in the order of the file, and writes them some at a time."""

    def __init__(self, transaction: Transaction, *, skip: bool) -> None:
        self._transaction, self._skip = transaction, skip
        self._models: dict[tuple[str, int], TemplateModel] = {}
        self._collections: dict[tuple[str, str], int] = {}
        self._there: dict[int, str] = {}  # the keys of the collections that were there already, by number
        self._received: defaultdict[int, set[int]] = defaultdict(set)  # the models of the faces in each collection
        self._people: list[BulkMember] = []
        self._faces: list[BulkFace] = []  # of the last of them
        self._images: list[BulkImage] = []
        self._gathered = 0  # records
        self._bytes = 0  # of images
        self.counts: Counter[str] = Counter()  # of what is new
        self.is_written = False  # whether the last record made the ones before it be written

    async def take(self, record: msgspec.Struct) -> None:
        """Takes one record; raises ``ValueError``, ``BadTemplate`` or ``NotFound`` for what cannot be in its place."""
        self.is_written = False
        match record:
            case Header():
                for each in record.models:
                    known = Template(each.name, each.version, np.zeros(each.dimension, np.float32))
                    self._models[each.name, each.version] = await template_models.get_or_create_template_model(
                        self._transaction, known
                    )
            case CollectionRecord():
                await self._take_collection(record)
            case MemberRecord():
                if self._gathered >= _FACES:
                    await self._write()
                self._take_member(record)
            case ImageRecord():
                picture = StoredImage(record.data, record.media_type, record.width, record.height, record.thumbnail)
                self._images.append(BulkImage(record.id, picture, record.created_at))
                self._bytes += len(record.data)
                if self._bytes >= _BYTES:  # however many photos a member has
                    await self._write_images()
            case FaceRecord():
                self._take_face(record)
        self._gathered += 1

    async def finish(self) -> None:
        """Writes the rest; raises ``ModelMismatch`` where a collection now holds templates of a model of its own."""
        await self._write()
        for number, key in self._there.items():
            if self._received[number]:
                await self._check_models(number, key)
        await events.record_event(self._transaction, "imported", None, None, **self.counts)

    async def _take_collection(self, record: CollectionRecord) -> None:
        where = (collection.c.kind == record.kind) & (collection.c.key == record.key)
        query = insert(collection).values(msgspec.structs.asdict(record)).on_conflict_do_nothing()
        added = (await self._transaction.execute(query.returning(collection.c.number))).scalar_one_or_none()
        number = added or (await self._transaction.execute(select(collection.c.number).where(where))).scalar_one()
        if added is None:
            self._there[number] = record.key
        self._collections[record.kind, record.key] = number
        self.counts["collection"] += added is not None

    async def _check_models(self, number: int, key: str) -> None:
        """Raises ``ModelMismatch`` where a collection holds templates of a model that the file has none of for it."""
        mine = list(self._received[number])
        inside = select(face.c.id).join(membership, membership.c.member == face.c.member)
        inside = inside.where(face.c.model == template_model.c.number, membership.c.collection == number)
        query = select(template_model).where(template_model.c.number.not_in(mine), inside.exists()).limit(1)
        row = (await self._transaction.execute(query)).one_or_none()
        if row is not None:
            raise ModelMismatch(
                f"The collection {key!r} holds templates of {TemplateModel._make(row)}, the file others"
            )

    def _take_member(self, record: MemberRecord) -> None:
        values = msgspec.structs.asdict(record)
        missing = [key for kind, key in record.collections if (kind, key) not in self._collections]
        if missing:
            raise ValueError(f"a member of the collection {missing[0]!r:.40}, which is not before it")
        values["collections"] = [self._collections[kind, key] for kind, key in record.collections]
        self._faces = []
        self._people.append(BulkMember(**values, faces=self._faces))

    def _take_face(self, record: FaceRecord) -> None:
        if not self._people:
            raise ValueError("a face without a member")
        template = decode(record.template)
        values: dict[str, Any] = msgspec.structs.asdict(record)
        values["box"] = None if record.box is None else Box(*record.box)
        model = self._models.get((template.model, template.version))
        if model is None:
            raise ValueError("the template of a model that the header does not name")
        self._faces.append(BulkFace(**values, model=model.number))
        for number in self._people[-1].collections:
            self._received[number].add(model.number)

    async def _write(self) -> None:
        await self._write_images()
        loaded = await bulk.load(self._transaction, self._people, skip=self._skip)
        self.counts.update({"member": loaded.members, "face": loaded.faces})
        self._people, self._gathered, self.is_written = [], 0, True

    async def _write_images(self) -> None:
        loaded = await bulk.load(self._transaction, [], self._images, skip=self._skip)
        self.counts.update({"image": loaded.images})
        self._images, self._bytes = [], 0
