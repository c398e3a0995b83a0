"""ANN indexes in memory: read from the database at the first search, kept up with it, forgotten when others need room.

What changed since is found by the transactions that made the changes. A transaction that was not seen, as it was still
running, has a number from the snapshot's least running one on; so every change of such a number is looked at again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from store.ann.hashing import Compact
from store.ann.index import AnnIndex
from store.database import Database
from store.template_models import TemplateModel

_MEMBERS = 4000  # whose faces are read at a time
_CHANGES = 20_000  # changed faces beyond which reading all of a collection is quicker
_ALL = 2**31
_INLINE = 20_000  # faces that are compared sooner than a thread has started
_ROOM = 2**30  # bytes of all galleries of a process, some six million faces; those that were not asked lately go first

_SEEN = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
# Transactions to come have no changes yet; numbers like theirs are in a database that was restored from another server.
_BEFORE = "changed < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_LATEST = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS seen, greatest("  # noqa: S608 - words of ours
    f"(SELECT max(changed) FROM face WHERE {_BEFORE}), "
    f"(SELECT max((SELECT max(changed) FROM membership WHERE collection = which AND {_BEFORE})) "
    "FROM unnest(CAST(:collections AS bigint[])) AS which)) AS changed"
)
_PART = text(
    "WITH part AS MATERIALIZED (SELECT member FROM membership WHERE collection = :collection AND member > :after "
    "ORDER BY member LIMIT :most) SELECT max(part.member) AS last, "
    "string_agg(int8send(face.number) || halfvec_send(face.vector), ''::bytea) AS found "
    "FROM part LEFT JOIN face ON face.member = part.member AND face.model = :model"
)
_CHANGED = text(
    " UNION ALL ".join(
        "(SELECT membership.collection, face.number, halfvec_send(face.vector) AS vector, "  # noqa: S608 - words of ours
        f"{table}.changed FROM face JOIN membership ON membership.member = face.member "
        f"WHERE {table}.changed >= :seen AND {table}.{_BEFORE} AND face.model = :model "
        "AND membership.collection = ANY(:collections) LIMIT :most)"
        for table in ("face", "membership")
    )
)


class _Which(NamedTuple):
    model: int
    collection: int


class AnnIndexCache:
    """The galleries of a process, of all collections that were searched and are large."""

    def __init__(self, database: Database, room: int = _ROOM) -> None:
        self._database, self._room = database, room
        self._galleries: dict[_Which, AnnIndex] = {}  # those asked last at the end
        self._reading: dict[_Which, asyncio.Task[AnnIndex]] = {}
        self._following = asyncio.Lock()

    async def candidates(
        self, model: TemplateModel, vector: NDArray[np.float32], collections: Sequence[int], most: int
    ) -> NDArray[np.int64]:
        """The numbers of faces of the collections that may be closest to a vector, about ``most`` of each collection.

        Every face that was there when this was called is among those compared. Raises ``StoreUnavailable``.
        """
        galleries = await self._current(model, collections)
        found = []
        for gallery in galleries:
            if len(gallery) > _INLINE:
                found.append(await asyncio.to_thread(gallery.candidates, vector, most))
            else:
                found.append(gallery.candidates(vector, most))
        return np.unique(np.concatenate(found))

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(each.size for each in self._galleries.values())

    def forget(self, model: TemplateModel, collections: Sequence[int]) -> None:
        """Lets galleries be read again, as much of what they know is no longer there."""
        for number in collections:
            self._galleries.pop(_Which(model.number, number), None)

    async def close(self) -> None:
        """Stops reading."""
        for task in list(self._reading.values()):
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)

    async def _current(self, model: TemplateModel, collections: Sequence[int]) -> list[AnnIndex]:
        """The galleries with everything that is in the database now."""
        most = _CHANGES
        while True:
            found = {}
            for which in (_Which(model.number, number) for number in collections):
                known = self._galleries.get(which)
                found[which] = await self._read(model, which) if known is None else known
            async with self._following:
                if await self._follow(model, found, most):
                    return list(found.values())
            self.forget(model, collections)
            most = _ALL  # what changed while they were read, and then again, however much it is

    async def _read(self, model: TemplateModel, which: _Which) -> AnnIndex:
        """Reads a collection, once for all who wait for it; goes on where one of them stops waiting."""
        if which not in self._reading:
            task = asyncio.create_task(self._whole(model, which.collection))
            self._reading[which] = task
            task.add_done_callback(lambda done: self._keep(which, done))
        return await asyncio.shield(self._reading[which])

    def _keep(self, which: _Which, done: asyncio.Task[AnnIndex]) -> None:
        self._reading.pop(which, None)
        if not done.cancelled() and done.exception() is None:
            self._use(which, done.result())

    def _use(self, which: _Which, gallery: AnnIndex) -> None:
        self._galleries.pop(which, None)
        self._galleries[which] = gallery
        while len(self._galleries) > 1 and self.size > self._room:
            del self._galleries[next(iter(self._galleries))]

    async def _whole(self, model: TemplateModel, collection: int) -> AnnIndex:
        gallery, after = AnnIndex(model.dimension), 0
        async with self._database.begin() as transaction:
            gallery.seen = (await transaction.execute(_SEEN)).scalar_one()
            while True:
                parameters = {"collection": collection, "model": model.number, "after": after, "most": _MEMBERS}
                row = (await transaction.execute(_PART, parameters)).one()
                if row.last is None:
                    return gallery
                after = row.last
                if row.found:
                    gallery.add(*await asyncio.to_thread(_decoded, gallery, model.dimension, row.found))

    async def _follow(self, model: TemplateModel, galleries: Mapping[_Which, AnnIndex], most: int) -> bool:
        """Adds to galleries what changed since; whether it did: not where that is more than ``most`` faces."""
        oldest = min(gallery.seen for gallery in galleries.values())
        numbers = [which.collection for which in galleries]
        async with self._database.begin() as transaction:
            latest = (await transaction.execute(_LATEST, {"collections": numbers})).one()
            rows: Sequence[Any] = []
            if (latest.changed or 0) >= oldest:
                parameters = {"model": model.number, "collections": numbers, "seen": oldest, "most": most}
                rows = (await transaction.execute(_CHANGED, parameters)).all()
        if len(rows) >= most:
            return False
        for which, gallery in galleries.items():
            mine = [row for row in rows if row.collection == which.collection]
            gallery.follow(
                np.asarray([row.number for row in mine], np.int64),
                np.asarray([row.changed for row in mine], np.int64),
                _signed(gallery, model.dimension, b"".join(row.vector for row in mine)),
                latest.seen,
            )
            self._use(which, gallery)
        return True


def _signed(gallery: AnnIndex, dimension: int, vectors: bytes) -> Compact:
    """Vectors as PostgreSQL sends them, one after the other, as the gallery keeps them."""
    kind = np.dtype([("head", ">i2", 2), ("vector", ">f2", dimension)])
    return gallery.compact(np.frombuffer(vectors, kind)["vector"].astype(np.float32))


def _decoded(gallery: AnnIndex, dimension: int, rows: bytes) -> tuple[NDArray[np.int64], Compact]:
    """Numbers and vectors from what ``_PART`` gives."""
    kind = np.dtype([("number", ">i8"), ("head", ">i2", 2), ("vector", ">f2", dimension)])
    found = np.frombuffer(rows, kind)
    return found["number"].astype(np.int64), gallery.compact(found["vector"].astype(np.float32))
