"""The identity store: a database, and what is remembered of it between requests."""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from schemas.template import Template, decode
from store import faces, members, models, search
from store.database import Database
from store.errors import ModelMismatch
from store.galleries import Galleries
from store.models import TemplateModel
from store.records import Match, Member, NewFace

_REMEMBERED = 10.0  # seconds that the size of a collection holds: it only decides how to search it
# Faces that are compared exactly, of a large collection: docs/identity.md has which share of the closest is among them.
_CANDIDATES = 50
_SPARE = 4  # candidates for each member that is wanted, where that is more
_THERE = 0.8  # of the candidates that must still be there


class Store:
    """Members and their faces; every process that uses it makes its own, in one event loop."""

    def __init__(self, url: str, connections: int = 8) -> None:
        self.database = Database(url, connections)
        self._galleries = Galleries(self.database)
        self._models: dict[tuple[str, int], TemplateModel] = {}
        self._large: dict[tuple[int, ...], tuple[float, bool]] = {}  # whether collections are, and when that was found

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for the functions of this package; raises ``StoreUnavailable``."""
        return self.database.begin()

    @property
    def memory(self) -> int:
        """Bytes of what is kept in memory to search large collections."""
        return self._galleries.size

    async def close(self) -> None:
        await self._galleries.close()
        await self.database.close()

    async def model(self, template: Template) -> TemplateModel:
        """The model of a template, made known where it is new; to be asked outside any transaction."""
        identity = (template.model, template.version)
        if identity not in self._models:
            async with self.begin() as transaction:
                self._models |= await models.known(transaction)
            if identity not in self._models:
                async with self.begin() as transaction:
                    self._models[identity] = await models.add(transaction, template)
        return self._models[identity]

    async def models_of(self, new: Sequence[NewFace]) -> TemplateModel | None:
        """The one model of the templates of some faces, None where there are none; raises ``ModelMismatch``.

        Outside any transaction, as it makes a new model known in one of its own.
        """
        found = {str(model): model for model in [await self.model(decode(each.template)) for each in new]}
        if len(found) > 1:
            raise ModelMismatch(f"templates of {' and '.join(sorted(found))} cannot be enrolled together")
        return next(iter(found.values()), None)

    async def enrol(
        self, transaction: Transaction, owner: Member, model: TemplateModel, new: Sequence[NewFace]
    ) -> list[UUID]:
        """Adds faces of a member of some collections; raises ``ModelMismatch`` where these hold another model's.

        ``model`` is what ``models_of`` says of the faces.
        """
        inside = await members.collections_of(transaction, owner.number)
        await models.check_same(transaction, model, inside)
        return await faces.add(transaction, owner, model.number, new)

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
        model = await self.model(probe)
        if exact is None:
            exact = not await self._is_large(wanted)
        if not exact:
            return await self._nearest_candidates(model, probe, wanted, limit)
        async with self.begin() as transaction:
            await models.check_same(transaction, model, wanted)
            return await search.nearest(transaction, model, probe, wanted, limit)

    async def _nearest_candidates(
        self, model: TemplateModel, probe: Template, collections: list[int], limit: int
    ) -> list[Match]:
        most = max(_CANDIDATES, _SPARE * limit)
        again = True
        while True:
            candidates = (await self._galleries.candidates(model, probe.vector, collections, most)).tolist()
            async with self.begin() as transaction:
                await models.check_same(transaction, model, collections)
                found, there = await search.nearest_of(transaction, model, probe, collections, limit, candidates)
            if there < _THERE * len(candidates) and again:  # many were removed
                self._galleries.forget(model, collections)
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
                large = await search.size(transaction, collections, search.EXACT + 1) > search.EXACT
            if len(self._large) > 1000:
                self._large.clear()
            self._large[key] = (now, large)
        return large
