"""Watchlists: listed, made, changed, removed."""

from typing import Any
from uuid import uuid4

from starlette.responses import Response

from compat.smartface import answers
from compat.smartface.calls import KIND, SPACE, Call, answer, nothing
from compat.smartface.paging import asked
from compat.smartface.requests import WatchlistCreate, WatchlistUpsert
from store import Collection, NotFound, Page, Transaction, collections, members


async def listed(call: Call[None]) -> Response:
    page = asked(call.request)
    async with call.people.store.begin() as transaction:
        found = await collections.list_collections(transaction, KIND, page.part)
    return answer(page.page(found, answers.watchlist))


async def got(call: Call[None]) -> Response:
    async with call.people.store.begin() as transaction:
        found = await named(transaction, call.id)
    return answer(answers.watchlist(found))


async def created(call: Call[WatchlistCreate]) -> Response:
    sent = call.sent
    values = _values(sent) | {"threshold": sent.threshold, "settings": _settings(sent)}
    async with call.people.store.begin() as transaction:
        found = await collections.create_collection(transaction, KIND, str(uuid4()), sent.display_name, **values)
    return answer(answers.watchlist(found), 201)


async def upserted(call: Call[WatchlistUpsert]) -> Response:
    """What is there already keeps what the request does not name."""
    sent = call.sent
    values = _values(sent) | ({"threshold": sent.threshold} if "threshold" in sent.model_fields_set else {})
    async with call.people.store.begin() as transaction:
        found, _ = await collections.upsert_collection(transaction, KIND, sent.id, sent.display_name, **values)
        if _settings(sent):
            found = await collections.update_collection_settings(transaction, found.number, **_settings(sent))
    return answer(answers.watchlist(found))


async def removed(call: Call[None]) -> Response:
    """Its members stay."""
    async with call.people.store.begin() as transaction:
        await named(transaction, call.id)
        await collections.delete_collection(transaction, KIND, call.id)
    return nothing()


async def listed_members(call: Call[None]) -> Response:
    """The members of a watchlist; of one that is not there none, as the interface knows no error here."""
    page = asked(call.request)
    async with call.people.store.begin() as transaction:
        found = await collections.find_collections(transaction, KIND, [call.id])
        part = await members.list_members(transaction, SPACE, page.part, found[0].number) if found else Page([], 0)
    return answer(page.page(part, lambda each: answers.member(each, images_kept=call.images_kept)))


async def named(transaction: Transaction, key: str) -> Collection:
    """The watchlist with this id; raises ``NotFound``."""
    found = await collections.find_collections(transaction, KIND, [key])
    if not found:
        raise NotFound(f"There is no watchlist {key!r:.80}")
    return found[0]


async def chosen(transaction: Transaction, keys: list[str]) -> list[Collection]:
    """The watchlists with these ids, in the order in which they were made; raises ``NotFound``."""
    found = await collections.find_collections(transaction, KIND, keys)
    missing = sorted(set(keys) - {each.key for each in found})
    if missing:
        raise NotFound(f"There is no watchlist {', '.join(f'{key!r:.80}' for key in missing[:10])}")
    return found


def _values(sent: WatchlistCreate) -> dict[str, Any]:
    values = {"full_name": sent.full_name, "colour": sent.preview_color or None}
    return {name: value for name, value in values.items() if value is not None}


def _settings(sent: WatchlistCreate) -> dict[str, Any]:
    """What is kept for clients that ask for it again: there are no palms here."""
    return {} if sent.palm_threshold is None else {"palm_threshold": sent.palm_threshold}
