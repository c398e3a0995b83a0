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
from store.models import TemplateModel
from store.records import Match, Member, NewFace

_REMEMBERED = 10.0  # seconds that the size of a collection holds: it only decides how to search it


class Store:
    """Members and their faces; every process that uses it makes its own, in one event loop."""

    def __init__(self, url: str, connections: int = 8) -> None:
        self.database = Database(url, connections)
        self._models: dict[tuple[str, int], TemplateModel] = {}
        self._large: dict[tuple[int, ...], tuple[float, bool]] = {}  # whether collections are, and when that was found

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction for the functions of this package; raises ``StoreUnavailable``."""
        return self.database.begin()

    async def close(self) -> None:
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

        Small collections are searched exactly, large ones by their index; ``exact`` says otherwise. Raises
        ``ModelMismatch`` where the collections hold templates of another model.
        """
        probe = decode(template)
        wanted = sorted(set(collections))
        model = await self.model(probe)
        async with self.begin() as transaction:
            await models.check_same(transaction, model, wanted)
            if exact is None:
                exact = not await self._is_large(transaction, wanted)
            return await search.nearest(transaction, model, probe, wanted, limit, exact=exact)

    async def _is_large(self, transaction: Transaction, collections: list[int]) -> bool:
        now, key = time.monotonic(), tuple(collections)
        at, large = self._large.get(key, (-_REMEMBERED, False))
        if now - at >= _REMEMBERED:
            large = await search.size(transaction, collections, search.EXACT + 1) > search.EXACT
            if len(self._large) > 1000:
                self._large.clear()
            self._large[key] = (now, large)
        return large
