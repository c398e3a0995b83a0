"""Members: made, listed, renamed, merged, linked to collections, removed, in the transaction that is given."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection as Transaction

from store import events
from store.array_conditions import one_of
from store.errors import Duplicate, NotFound
from store.faces import delete_unused_images, lock_images_of_faces
from store.paging import Paging, fetch_page
from store.records import Member, Page
from store.tables import CHANGED, face, member, membership


async def create_member(transaction: Transaction, space: str, key: str, name: str, **fields: Any) -> Member:
    """A new member; raises ``Duplicate`` where there is one with this key."""
    query = insert(member).values(space=space, key=key, name=name, **fields).on_conflict_do_nothing()
    row = (await transaction.execute(query.returning(*member.columns))).one_or_none()
    if row is None:
        raise Duplicate(f"There is a member {key!r} already")
    return Member._make(row)


async def get_or_create_member(transaction: Transaction, space: str, key: str, name: str) -> Member:
    """The member with this key, made where it is not there, and locked until the transaction ends."""
    query = insert(member).values(space=space, key=key, name=name)
    # An update that changes nothing waits for, and then sees, what another transaction inserts at the same time.
    query = query.on_conflict_do_update(index_elements=["space", "key"], set_={"key": key})
    return Member(*(await transaction.execute(query.returning(*member.columns))).one())


async def get_member(transaction: Transaction, space: str, key: str, *, lock: bool = False) -> Member:
    """The member with this key; raises ``NotFound``."""
    query = select(member).where(member.c.space == space, member.c.key == key)
    row = (await transaction.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no member {key!r}")
    return Member._make(row)


async def member_numbers(transaction: Transaction, space: str, keys: Collection[str]) -> dict[str, int]:
    """The numbers of those of the members with these keys that are there, by key."""
    query = select(member.c.key, member.c.number).where(member.c.space == space, one_of(member.c.key, keys))
    return {row.key: row.number for row in await transaction.execute(query)}


async def get_member_by_number(transaction: Transaction, number: int) -> Member:
    """The member with this number; raises ``NotFound``."""
    row = (await transaction.execute(select(member).where(member.c.number == number))).one_or_none()
    if row is None:
        raise NotFound("The member is no longer there")
    return Member._make(row)


async def list_members(
    transaction: Transaction, space: str, paging: Paging | None = None, collection: int | None = None
) -> Page[Member]:
    """Some of the members, by default all, of a space or of one collection in it, in the order they were made."""
    query = select(member).where(member.c.space == space)
    if collection is not None:
        inside = select(membership.c.member).where(membership.c.collection == collection)
        query = query.where(member.c.number.in_(inside))
    if paging is None:
        rows = await transaction.execute(query.order_by(member.c.number))
        found = [Member._make(row) for row in rows]
        return Page(found, len(found))
    return await fetch_page(transaction, query, member.c.number, paging, Member._make)


async def update_member(transaction: Transaction, number: int, **fields: Any) -> Member:
    """The member with other values; raises ``NotFound``, and ``Duplicate`` where another has the new key."""
    if "key" in fields:
        taken = select(member.c.number).where(
            member.c.space == select(member.c.space).where(member.c.number == number).scalar_subquery(),
            member.c.key == fields["key"],
            member.c.number != number,
        )
        if (await transaction.execute(taken)).first() is not None:
            raise Duplicate(f"There is a member {fields['key']!r} already")
    query = member.update().where(member.c.number == number)
    query = query.values(**fields, updated_at=func.clock_timestamp()).returning(*member.columns)
    try:
        row = (await transaction.execute(query)).one_or_none()
    except IntegrityError as error:  # another transaction was faster
        raise Duplicate(f"There is a member {fields.get('key')!r} already") from error
    if row is None:
        raise NotFound("The member is no longer there")
    return Member._make(row)


async def rename_member(transaction: Transaction, space: str, old: str, new: str, name: str) -> bool:
    """Gives a member another key and name; where another has that key, its faces become the other's and it goes.

    Returns whether there was another; raises ``NotFound`` where there is none with the ``old`` key.
    """
    # Both are locked in the order of their keys, so that two that swap names do not wait for each other.
    query = select(member).where(member.c.space == space, member.c.key.in_([old, new])).order_by(member.c.key)
    found = {row.key: Member._make(row) for row in await transaction.execute(query.with_for_update())}
    if old not in found:
        raise NotFound(f"There is no member {old!r}")
    if new not in found or new == old:
        await update_member(transaction, found[old].number, key=new, name=name)
        await events.record_event(transaction, "renamed", space, new, before=old)
        return False
    one, other = found[old].number, found[new].number
    moved_faces = face.update().where(face.c.member == one).values(member=other, changed=CHANGED)
    await transaction.execute(moved_faces)
    inside = select(literal(other), membership.c.collection).where(membership.c.member == one)
    moved = insert(membership).from_select(["member", "collection"], inside)
    await transaction.execute(moved.on_conflict_do_nothing())
    await transaction.execute(member.delete().where(member.c.number == one))
    await events.record_event(transaction, "merged", space, new, before=old)
    return True


async def delete_members(transaction: Transaction, space: str, keys: Sequence[str] | None = None) -> list[Member]:
    """Removes members of a space, by default all, with their faces and images; returns those that were there."""
    query = select(member).where(member.c.space == space).order_by(member.c.key)
    if keys is not None:
        query = query.where(one_of(member.c.key, keys))
    gone = [Member._make(row) for row in await transaction.execute(query.with_for_update())]
    numbers = [each.number for each in gone]
    for start in range(0, len(numbers), _MANY):
        some = numbers[start : start + _MANY]
        images = await lock_images_of_faces(transaction, face.c.member.in_(some))
        await transaction.execute(member.delete().where(member.c.number.in_(some)))
        await delete_unused_images(transaction, images)
    if gone:
        which = gone[0].key if len(gone) == 1 else None
        await events.record_event(transaction, "removed", space, which, members=len(gone))
    return gone


async def link_members(transaction: Transaction, collection: int, numbers: Sequence[int]) -> None:
    """Puts members into a collection; those that are in it stay. Raises ``NotFound``; the transaction is lost then."""
    if numbers:
        rows = [{"member": number, "collection": collection} for number in sorted(set(numbers))]
        try:
            await transaction.execute(insert(membership).on_conflict_do_nothing(), rows)
        except IntegrityError as error:
            raise NotFound("The member or the collection is no longer there") from error


async def unlink_members(transaction: Transaction, collection: int, numbers: Sequence[int]) -> None:
    """Takes members out of a collection; they stay members."""
    query = membership.delete().where(membership.c.collection == collection, one_of(membership.c.member, numbers))
    await transaction.execute(query)


async def collections_of_member(transaction: Transaction, number: int) -> list[int]:
    """The numbers of the collections that a member is in."""
    query = select(membership.c.collection).where(membership.c.member == number).order_by(membership.c.collection)
    return list((await transaction.execute(query)).scalars())


_MANY = 1000  # members that one statement removes
