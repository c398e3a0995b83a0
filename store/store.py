"""The identity store: a database, and what is remembered of it between requests."""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template, decode
from store import faces, members, search, template_models
from store.ann.cache import AnnIndexCache
from store.database import Database
from store.errors import ModelMismatch
from store.records import Match, Member, NewFace
from store.template_models import TemplateModel

_REMEMBERED = 10.0  # seconds that the size of a collection holds: it only decides how to search it
# Faces that are compared exactly, of a large collection: docs/identity.md has which share of the closest is among them.
_CANDIDATES = 50
_SPARE = 4  # candidates for each member that is wanted, where that is more
_THERE = 0.8  # of the candidates that must still be there


class Store:
    """Members and their faces; every process that uses it makes its own, in one event loop."""

    def __init__(self, url: str, connections: int = 8) -> None:
        self.database = Database(url, connections)
        self._ann_indexes = AnnIndexCache(self.database)
        self._models: dict[tuple[str, int], TemplateModel] = {}
        self._large: dict[tuple[int, ...], tuple[float, bool]] = {}  # whether collections are, and when that was found

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for the functions of this package; raises ``StoreUnavailable``."""
        return self.database.begin()

    @property
    def memory(self) -> int:
        """Bytes of what is kept in memory to search large collections."""
        return self._ann_indexes.size

    async def close(self) -> None:
        await self._ann_indexes.close()
        await self.database.close()

    async def get_or_create_model(self, template: Template) -> TemplateModel:
        """The model of a template, made known where it is new; to be asked outside any transaction."""
        identity = (template.model, template.version)
        if identity not in self._models:
            async with self.begin() as transaction:
                self._models |= await template_models.template_models_by_name(transaction)
            if identity not in self._models:
                async with self.begin() as transaction:
                    self._models[identity] = await template_models.get_or_create_template_model(transaction, template)
        return self._models[identity]

    async def common_model(self, new: Sequence[NewFace]) -> TemplateModel | None:
        """The one model of the templates of some faces, None where there are none; raises ``ModelMismatch``.

        Outside any transaction, as it makes a new model known in one of its own.
        """
        found = {str(model): model for model in [await self.get_or_create_model(decode(each.template)) for each in new]}
        if len(found) > 1:
            raise ModelMismatch(f"templates of {' and '.join(sorted(found))} cannot be enrolled together")
        return next(iter(found.values()), None)

    async def enrol_faces(
        self, transaction: Transaction, owner: Member, model: TemplateModel, new: Sequence[NewFace]
    ) -> list[UUID]:
        """Adds faces of a member of some collections; raises ``ModelMismatch`` where these hold another model's.

        ``model`` is what ``common_model`` says of the faces.
        """
        inside = await members.collections_of_member(transaction, owner.number)
        await template_models.check_same(transaction, model, inside)
        return await faces.add_faces(transaction, owner, model.number, new)

    async def search(
        self, template: bytes, collections: Sequence[int], limit: int, *, exact: bool | None = None
    ) -> list[Match]:
        """The members of the collections whose faces are closest to a template, at most ``limit``, closest first.

        Small collections are searched exactly, large ones by candidates; ``exact`` says otherwise. Raises
        ``ModelMismatch`` where the collections hold templates of another model.
        """
        probe = decode(template)
        wanted = sorted(set(collections))
        if not wanted or limit < 1:
            return []
        model = await self.get_or_create_model(probe)
        if exact is None:
            exact = not await self._is_large(wanted)
        if not exact:
            return await self._nearest_candidates(model, probe, wanted, limit)
        async with self.begin() as transaction:
            await template_models.check_same(transaction, model, wanted)
            return await search.search_exactly(transaction, model, probe, wanted, limit)

    async def _nearest_candidates(
        self, model: TemplateModel, probe: Template, collections: list[int], limit: int
    ) -> list[Match]:
        most = max(_CANDIDATES, _SPARE * limit)
        again = True
        while True:
            candidates = (await self._ann_indexes.candidates(model, probe.vector, collections, most)).tolist()
            async with self.begin() as transaction:
                await template_models.check_same(transaction, model, collections)
                found, there = await search.re_rank(transaction, model, probe, collections, limit, candidates)
            if there < _THERE * len(candidates) and again:  # many were removed
                self._ann_indexes.forget(model, collections)
                again = False
            elif len(found) < limit and len(candidates) >= most:  # few members have many faces
                most *= 8
            else:
                return found

    async def _is_large(self, collections: list[int]) -> bool:
        now, key = time.monotonic(), tuple(collections)
        at, large = self._large.get(key, (-_REMEMBERED, False))
        if now - at >= _REMEMBERED:
            async with self.begin() as transaction:
                large = await search.count_faces_up_to(transaction, collections, search.EXACT + 1) > search.EXACT
            if len(self._large) > 1000:
                self._large.clear()
            self._large[key] = (now, large)
        return large
