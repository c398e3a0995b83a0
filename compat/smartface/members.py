"""Members of watchlists: listed, made, changed, linked, removed."""

from typing import Any
from uuid import uuid4

from starlette.responses import Response

from compat.smartface import answers
from compat.smartface.calls import SPACE, Call, answer, nothing
from compat.smartface.paging import asked
from compat.smartface.requests import Label, Links, MemberCreate, MemberUpsert, Register
from compat.smartface.watchlists import named
from store import Duplicate, Member, NotFound, Transaction, members


async def listed(call: Call[None]) -> Response:
    page = asked(call.request)
    async with call.people.store.begin() as transaction:
        found = await members.list_members(transaction, SPACE, page.part)
    return answer(page.page(found, lambda each: answers.member(each, images_kept=call.images_kept)))


async def got(call: Call[None]) -> Response:
    async with call.people.store.begin() as transaction:
        found = await known(transaction, call.id)
    return _answer(call, found)


async def created(call: Call[MemberCreate]) -> Response:
    values = fields(call.sent)
    async with call.people.store.begin() as transaction:
        found = await members.create_member(transaction, SPACE, str(uuid4()), **{"name": ""} | values)
    return _answer(call, found, 201)


async def upserted(call: Call[MemberUpsert]) -> Response:
    """Who is there already keeps what the request does not name."""
    values = fields(call.sent)
    async with call.people.store.begin() as transaction:
        try:
            found = await members.create_member(transaction, SPACE, call.sent.id, **{"name": ""} | values)
        except Duplicate:  # which leaves the transaction as it was
            found = await known(transaction, call.sent.id, lock=True)
            found = await members.update_member(transaction, found.number, **values)
    return _answer(call, found)


async def removed(call: Call[None]) -> Response:
    """A member goes with his faces and their images, out of all watchlists."""
    async with call.people.store.begin() as transaction:
        if not await members.delete_members(transaction, SPACE, [call.id]):
            raise unknown(call.id)
    return nothing()


async def linked(call: Call[Links]) -> Response:
    async with call.people.store.begin() as transaction:
        where = await named(transaction, call.sent.watchlist_id)
        await members.link_members(transaction, where.number, await _numbers(transaction, call.sent))
    return nothing()


async def unlinked(call: Call[Links]) -> Response:
    async with call.people.store.begin() as transaction:
        where = await named(transaction, call.sent.watchlist_id)
        await members.unlink_members(transaction, where.number, await _numbers(transaction, call.sent))
    return nothing()


async def known(transaction: Transaction, key: str, *, lock: bool = False) -> Member:
    """The member with this id; raises ``NotFound``."""
    try:
        return await members.get_member(transaction, SPACE, key, lock=lock)
    except NotFound:
        raise unknown(key) from None


def unknown(key: str) -> NotFound:
    """What tells that there is no member with this id."""
    return NotFound(f"There is no watchlist member {key!r:.80}")


def fields(sent: MemberCreate | Register) -> dict[str, Any]:
    """What a request says of a member, as the store takes it; what it says nothing of is left out."""
    labels = None if sent.labels is None else [_label(each) for each in sent.labels]
    values = {"name": sent.display_name, "full_name": sent.full_name, "note": sent.note, "labels": labels}
    return {name: value for name, value in values.items() if value is not None}


def _label(sent: Label) -> dict[str, str | None]:
    return {"key": sent.key, "value": sent.value}


async def _numbers(transaction: Transaction, sent: Links) -> list[int]:
    keys = sorted(set(sent.watchlist_members_ids))
    found = await members.member_numbers(transaction, SPACE, keys)
    missing = next((key for key in keys if key not in found), None)
    if missing is not None:
        raise unknown(missing)
    return list(found.values())


def _answer(call: Call[Any], found: Member, status: int = 200) -> Response:
    return answer(answers.member(found, images_kept=call.images_kept), status)
