"""1:N search: the same answers exactly and by candidates, whatever changed meanwhile."""

import asyncio

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from store import ModelMismatch, NewFace, Store, collections, faces, members
from tests.conftest import empty
from tests.contract.identities import add_collection, enrol, template, templates, vectors

EXACTLY = pytest.mark.parametrize("exact", [True, False])


async def found(store: Store, probe: bytes, inside: list[int], limit: int, *, exact: bool) -> list[str]:
    return [match.member.key for match in await store.search(probe, inside, limit, exact=exact)]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    owners=st.lists(st.tuples(st.integers(0, 12), st.sets(st.integers(0, 2), min_size=1)), min_size=1, max_size=40),
    asked=st.sets(st.integers(0, 2), min_size=1),
    limit=st.integers(1, 15),
)
def test_both_ways_give_what_comparing_everything_gives(
    database_url: str, seed: int, owners: list[tuple[int, set[int]]], asked: set[int], limit: int
) -> None:
    known, probe = vectors(len(owners), seed), vectors(1, seed + 1)[0]

    async def run() -> None:
        store = Store(database_url, connections=4)
        async with store.begin() as transaction:
            await empty(transaction)
        numbers = [(await add_collection(store, f"c{index}")).number for index in range(3)]
        for (owner, inside), vector in zip(owners, known, strict=True):
            await enrol(store, f"p{owner}", [NewFace(template(vector))], [numbers[index] for index in inside])
        searched = [numbers[index] for index in asked]
        for exact in (True, False):
            matches = await store.search(template(probe), searched, limit, exact=exact)
            assert [match.member.key for match in matches] == _expected(known, probe, owners, asked, limit)
        await store.close()

    asyncio.run(run())


def _expected(
    known: np.ndarray, probe: np.ndarray, owners: list[tuple[int, set[int]]], asked: set[int], limit: int
) -> list[str]:
    """By numpy, of the vectors as templates hold them."""
    halves = known.astype(np.float16).astype(np.float64)
    cosines = halves @ probe.astype(np.float16).astype(np.float64)
    inside: dict[int, set[int]] = {}
    for owner, where in owners:
        inside.setdefault(owner, set()).update(where)
    order = [owners[index][0] for index in np.argsort(-cosines) if inside[owners[index][0]] & asked]
    return [f"p{owner}" for owner in dict.fromkeys(order)][:limit]


@EXACTLY
async def test_a_member_of_several_collections_with_several_faces_is_found_once(
    identity: Store, *, exact: bool
) -> None:
    one, two, three = [(await add_collection(identity, key)).number for key in ("a", "b", "x")]
    near = templates(3)
    await enrol(identity, "p", [NewFace(each) for each in near], [one, two, three])
    await enrol(identity, "q", [NewFace(templates(1, 9)[0])], [two])
    first, second = await identity.search(near[1], [two, one], 5, exact=exact)
    assert (first.member.key, first.template, first.collections) == ("p", near[1], (one, two))
    assert (second.member.key, second.collections) == ("q", (two,))


@EXACTLY
async def test_whatever_changes_is_searched_at_once(identity: Store, *, exact: bool) -> None:
    here, there = [(await add_collection(identity, key)).number for key in ("here", "there")]
    known = templates(4)
    for index, each in enumerate(known):
        await enrol(identity, f"p{index}", [NewFace(each)], [here])

    async def best(probe: bytes, where: int) -> str:
        return (await found(identity, probe, [where], 1, exact=exact) or [""])[0]

    assert await best(known[2], here) == "p2"
    assert await best(known[2], there) == ""
    async with identity.begin() as transaction:  # linked
        owner = await members.get_member(transaction, "c", "p2")
        await members.link_members(transaction, there, [owner.number])
    assert await best(known[2], there) == "p2"
    async with identity.begin() as transaction:  # unlinked
        await members.unlink_members(transaction, here, [owner.number])
    assert await best(known[2], here) != "p2"
    async with identity.begin() as transaction:  # merged
        await members.rename_member(transaction, "c", "p1", "p0", "P0")
    assert await best(known[1], here) == "p0"
    [new] = templates(1, 7)
    await enrol(identity, "p3", [NewFace(new)])  # one more face
    assert await best(new, here) == "p3"
    async with identity.begin() as transaction:  # removed
        await members.delete_members(transaction, "c", ["p3"])
    assert await best(new, here) == "p0"
    async with identity.begin() as transaction:
        await collections.delete_collection(transaction, "recognition", "here")
    assert await best(known[0], here) == ""


async def test_what_another_transaction_committed_late_is_not_missed(identity: Store) -> None:
    where = (await add_collection(identity)).number
    late, early, first = templates(3)
    await enrol(identity, "first", [NewFace(first)], [where])
    model = await identity.common_model([NewFace(late)])
    assert model is not None
    async with identity.begin() as transaction:
        owner = await members.get_or_create_member(transaction, "c", "late", "Late")
        await members.link_members(transaction, where, [owner.number])
        await identity.enrol_faces(transaction, owner, model, [NewFace(late)])
        await enrol(identity, "early", [NewFace(early)], [where])  # has a later number and is there sooner
        assert await found(identity, early, [where], 1, exact=False) == ["early"]
        assert await found(identity, late, [where], 3, exact=False) != ["late"]
    assert await found(identity, late, [where], 1, exact=False) == ["late"]
    assert sorted(await found(identity, late, [where], 9, exact=False)) == ["early", "first", "late"]


async def test_many_removals_do_not_hide_who_is_left(identity: Store) -> None:
    where = (await add_collection(identity)).number
    close = vectors(1)[0]
    noise = vectors(400, 5)
    for index in range(400):  # all closer to the probe than the last one
        vector = close + 0.1 * noise[index] if index < 399 else noise[index]
        await enrol(identity, f"p{index}", [NewFace(template(vector))], [where])
    assert len(await found(identity, template(close), [where], 3, exact=False)) == 3
    async with identity.begin() as transaction:
        await members.delete_members(transaction, "c", [f"p{index}" for index in range(399)])
    assert await found(identity, template(close), [where], 3, exact=False) == ["p399"]


async def test_few_members_with_many_faces_are_all_found(identity: Store) -> None:
    where = (await add_collection(identity)).number
    close, noise = vectors(1)[0], vectors(300, 5)
    await enrol(identity, "many", [NewFace(template(close + 0.1 * each)) for each in noise], [where])
    await enrol(identity, "other", [NewFace(template(noise[0]))], [where])
    assert await found(identity, template(close), [where], 2, exact=False) == ["many", "other"]


async def test_more_changes_than_are_followed_are_read_again(identity: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.ann.cache._CHANGES", 5)
    where = (await add_collection(identity)).number
    known = templates(30)
    await enrol(identity, "p0", [NewFace(known[0])], [where])
    assert await found(identity, known[0], [where], 1, exact=False) == ["p0"]
    for index in range(1, 30):
        await enrol(identity, f"p{index}", [NewFace(known[index])], [where])
    assert await found(identity, known[29], [where], 1, exact=False) == ["p29"]


async def test_faces_from_a_restored_database_are_searched(identity: Store) -> None:
    where = (await add_collection(identity)).number
    known = templates(3)
    for index in range(2):
        await enrol(identity, f"p{index}", [NewFace(known[index])], [where])
    async with identity.begin() as transaction:  # numbers of transactions of another server, far ahead of this one's
        await transaction.execute(text("UPDATE face SET changed = changed + 1000000000"))
        await transaction.execute(text("UPDATE membership SET changed = changed + 1000000000"))
    assert await found(identity, known[1], [where], 1, exact=False) == ["p1"]
    await enrol(identity, "p2", [NewFace(known[2])], [where])
    assert await found(identity, known[2], [where], 1, exact=False) == ["p2"]
    assert await found(identity, known[1], [where], 1, exact=False) == ["p1"]


@EXACTLY
async def test_templates_of_two_models_do_not_meet(identity: Store, *, exact: bool) -> None:
    where = (await add_collection(identity)).number
    await enrol(identity, "p", [NewFace(templates(1)[0])], [where])
    [other] = templates(1, 0, "mobileface")
    with pytest.raises(ModelMismatch, match="foamliu version 1"):
        await identity.search(other, [where], 1, exact=exact)
    with pytest.raises(ModelMismatch, match="re-embed"):
        await enrol(identity, "q", [NewFace(other)], [where])
    with pytest.raises(ModelMismatch, match="together"):
        await identity.common_model([NewFace(other), NewFace(templates(1)[0])])
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 1
        assert await faces.count_faces(transaction, where) == 1


@pytest.mark.parametrize("few", [1, 3, 1000])
async def test_one_face_of_another_model_is_noticed_among_many(
    identity: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("store.template_models._FEW", few)  # so that every way to look is taken
    here, there = [(await add_collection(identity, key)).number for key in ("here", "there")]
    known, others = templates(5), templates(5, 0, "mobileface")
    for index in range(5):
        await enrol(identity, f"p{index}", [NewFace(known[index])], [here])
        await enrol(identity, f"q{index}", [NewFace(others[index])], [there])
    assert len(await identity.search(known[0], [here], 9)) == 5
    assert len(await identity.search(others[0], [there], 9)) == 5
    async with identity.begin() as transaction:
        await members.link_members(transaction, here, [(await members.get_member(transaction, "c", "q3")).number])
    with pytest.raises(ModelMismatch, match="mobileface version 1"):
        await identity.search(known[0], [here], 9)


@EXACTLY
async def test_nothing_is_found_in_nothing(identity: Store, *, exact: bool) -> None:
    where = (await add_collection(identity)).number
    [probe] = templates(1)
    assert await identity.search(probe, [where], 5, exact=exact) == []
    assert await identity.search(probe, [], 5, exact=exact) == []
    assert await identity.search(probe, [where, 10**9], 0, exact=exact) == []
    await enrol(identity, "without a face", [], [where])
    assert await identity.search(probe, [where], 5, exact=exact) == []


async def test_the_way_is_chosen_by_size(identity: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.search.EXACT", 3)
    where = (await add_collection(identity)).number
    known = templates(6)
    for index, each in enumerate(known):
        await enrol(identity, f"p{index}", [NewFace(each)], [where])
    assert identity.memory == 0
    [match] = await identity.search(known[4], [where], 1)
    assert match.member.key == "p4"
    assert identity.memory > 0
