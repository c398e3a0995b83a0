"""Collections, members, faces, keys and the history, each change in one transaction."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.attributes import Box
from store import (
    BadValue,
    Duplicate,
    NewFace,
    NotFound,
    Paging,
    Store,
    StoredImage,
    collections,
    events,
    faces,
    keys,
    members,
)
from tests.contract.identities import add_collection, enrol, templates

PHOTO, CROP = StoredImage(b"photo", "image/png", 20, 10), StoredImage(b"crop", "image/jpeg", 4, 5, b"small")


async def rows(transaction: AsyncConnection, table: str) -> int:
    return int((await transaction.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608


# Collections


async def test_collections_are_made_changed_listed_and_removed(identity: Store) -> None:
    async with identity.begin() as transaction:
        one = await collections.create_collection(
            transaction, "list", "one", "One", threshold=0.5, settings={"gate": {"x": 1}}
        )
        assert (one.threshold, one.settings, one.updated_at) == (0.5, {"gate": {"x": 1}}, None)
        assert await collections.create_collection(transaction, "other", "one", "Of another kind") != one
        with pytest.raises(Duplicate, match="'one'"):
            await collections.create_collection(transaction, "list", "one", "Again")
        two, is_new = await collections.upsert_collection(transaction, "list", "two", "Two", colour="red")
        same, is_new_again = await collections.upsert_collection(transaction, "list", "two", "Zwei")
        assert (is_new, is_new_again, same.number, same.name, same.colour) == (True, False, two.number, "Zwei", "red")
        assert same.updated_at is not None
        changed = await collections.update_collection(transaction, one.number, full_name="The first")
        assert await collections.get_collection(transaction, "list", "one") == changed
        assert await collections.get_collection_by_number(transaction, one.number) == changed
        assert [each.key for each in await collections.find_collections(transaction, "list")] == ["one", "two"]
        assert [each.key for each in await collections.find_collections(transaction, "list", ["two", "x"])] == ["two"]
        page = await collections.list_collections(transaction, "list", Paging(0, 1, ascending=False))
        assert ([each.key for each in page.items], page.total) == (["two"], 2)
        await collections.delete_collection(transaction, "list", "one")
        for call in (
            collections.get_collection(transaction, "list", "one"),
            collections.delete_collection(transaction, "list", "one"),
            collections.get_collection_by_number(transaction, one.number),
            collections.update_collection(transaction, one.number, name="x"),
        ):
            with pytest.raises(NotFound):
                await call


async def test_removing_a_collection_keeps_its_members_and_takes_its_keys(identity: Store) -> None:
    where = await add_collection(identity)
    await enrol(identity, "p", [NewFace(templates(1)[0])], [where.number])
    async with identity.begin() as transaction:
        secret, _ = await keys.create_key(transaction, "n", ["recognition"], collection=where.number)
        await collections.delete_collection(transaction, "recognition", "c")
        assert await keys.find_key(transaction, secret) is None
        owner = await members.get_member(transaction, "c", "p")
        assert await members.collections_of_member(transaction, owner.number) == []
        assert len(await faces.faces_of_member(transaction, owner.number)) == 1


# Members


async def test_members_are_made_changed_listed_and_removed(identity: Store) -> None:
    where = (await add_collection(identity)).number
    async with identity.begin() as transaction:
        one = await members.create_member(transaction, "s", "one", "One", note="n", labels=[{"key": "k", "value": "v"}])
        assert (one.note, one.labels) == ("n", [{"key": "k", "value": "v"}])
        with pytest.raises(Duplicate):
            await members.create_member(transaction, "s", "one", "Again")
        two = await members.get_or_create_member(transaction, "s", "two", "Two")
        assert (await members.get_or_create_member(transaction, "s", "two", "Other name")) == two
        await members.create_member(transaction, "elsewhere", "one", "Of another space")
        await members.link_members(transaction, where, [two.number, two.number])
        await members.link_members(transaction, where, [two.number])
        await members.link_members(transaction, where, [])
        assert await members.collections_of_member(transaction, two.number) == [where]
        assert [each.key for each in (await members.list_members(transaction, "s")).items] == ["one", "two"]
        assert [each.key for each in (await members.list_members(transaction, "s", None, where)).items] == ["two"]
        page = await members.list_members(transaction, "s", Paging(1, 5))
        assert ([each.key for each in page.items], page.total) == (["two"], 2)
        assert (await members.list_members(transaction, "s", Paging(7, 5))).items == []
        changed = await members.update_member(transaction, one.number, key="uno")
        assert await members.get_member_by_number(transaction, one.number) == changed
        with pytest.raises(Duplicate):
            await members.update_member(transaction, one.number, key="two")
        assert (await members.update_member(transaction, one.number, key="uno")).key == "uno"
        await members.unlink_members(transaction, where, [two.number])
        assert await members.collections_of_member(transaction, two.number) == []
        assert [each.key for each in await members.delete_members(transaction, "s", ["uno", "not there"])] == ["uno"]
        assert [each.key for each in await members.delete_members(transaction, "s")] == ["two"]
        assert (await members.list_members(transaction, "elsewhere")).total == 1
        for call in (
            members.get_member(transaction, "s", "uno"),
            members.get_member_by_number(transaction, one.number),
            members.update_member(transaction, one.number, name="x"),
            members.rename_member(transaction, "s", "uno", "x", "X"),
        ):
            with pytest.raises(NotFound):
                await call


@pytest.mark.parametrize("hostile", ["'; DROP TABLE face; --", "%s %(a)s :a", "\\", "ß日本\n\t", "a" * 5000, ""])
async def test_names_are_taken_as_they_are(identity: Store, hostile: str) -> None:
    async with identity.begin() as transaction:
        await members.create_member(transaction, hostile, hostile, hostile, note=hostile)
        await collections.create_collection(transaction, hostile, hostile, hostile, settings={hostile: hostile})
        assert (await members.get_member(transaction, hostile, hostile)).note == hostile
        assert (await collections.get_collection(transaction, hostile, hostile)).settings == {hostile: hostile}
        assert (await members.list_members(transaction, hostile, Paging())).total == 1


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
async def test_what_a_database_cannot_hold_is_told(identity: Store, value: str) -> None:
    async def run() -> None:
        async with identity.begin() as transaction:
            await members.get_member(transaction, "c", value)

    with pytest.raises(BadValue):
        await run()
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 0


async def test_a_member_is_not_linked_to_what_is_gone(identity: Store) -> None:
    owner = await enrol(identity, "p", [])

    async def run() -> None:
        async with identity.begin() as transaction:
            await members.link_members(transaction, 10**6, [owner.number])

    with pytest.raises(NotFound):
        await run()


async def test_renaming_onto_another_member_merges_both(identity: Store) -> None:
    one, two = [(await add_collection(identity, key)).number for key in ("a", "b")]
    known = templates(3)
    await enrol(identity, "p", [NewFace(known[0]), NewFace(known[1])], [one, two])
    await enrol(identity, "q", [NewFace(known[2])], [one])
    async with identity.begin() as transaction:
        assert not await members.rename_member(transaction, "c", "q", "r", "R")
        assert (await members.get_member(transaction, "c", "r")).name == "R"
        assert not await members.rename_member(transaction, "c", "r", "r", "Same")
        assert await members.rename_member(transaction, "c", "p", "r", "ignored")
        owner = await members.get_member(transaction, "c", "r")
        assert owner.name == "Same"
        assert await members.collections_of_member(transaction, owner.number) == [one, two]
        assert [face.template for face in await faces.faces_of_member(transaction, owner.number)] == known
        assert (await members.list_members(transaction, "c")).total == 1
        assert [each["kind"] for each in await events.latest_events(transaction, 2)] == ["merged", "renamed"]


async def test_two_that_swap_names_do_not_wait_for_each_other(identity: Store) -> None:
    for _ in range(10):
        for key in ("p", "q"):
            await enrol(identity, key, [NewFace(templates(1)[0])])

        async def rename(old: str, new: str) -> bool | None:
            try:
                async with identity.begin() as transaction:
                    return await members.rename_member(transaction, "c", old, new, new)
            except NotFound:  # the other was first, and merged this one
                return None

        async with asyncio.timeout(20):
            outcomes = await asyncio.gather(rename("p", "q"), rename("q", "p"))
        assert sorted(map(str, outcomes)) in (["None", "True"], ["False", "True"])
        async with identity.begin() as transaction:
            [left] = (await members.list_members(transaction, "c")).items
            assert len(await faces.faces_of_member(transaction, left.number)) == 2
            await members.delete_members(transaction, "c")


# Faces and images


async def test_faces_are_enrolled_listed_and_removed(identity: Store) -> None:
    known, chosen = templates(3), uuid4()
    first = NewFace(known[0], Box(0.1, 0.2, 0.3, 0.4), 0.9, 0.5, PHOTO, CROP, chosen, {"a": [1]})
    owner = await enrol(identity, "p", [first, NewFace(known[1], photo=PHOTO), NewFace(known[2])])
    async with identity.begin() as transaction:
        face, whose = await faces.get_face(transaction, "c", chosen)
        assert whose == owner
        assert face[3:8] == ("foamliu version 1", known[0], Box(0.1, 0.2, 0.3, 0.4), 0.9, 0.5)
        assert face.details == {"a": [1]}
        assert face.photo is not None
        assert face.crop is not None
        assert await faces.get_image(transaction, face.photo) == PHOTO
        assert await faces.get_image(transaction, face.crop) == CROP
        assert await rows(transaction, "image") == 2  # the photo of two faces once
        page = await faces.list_face_owners(transaction, "c", Paging(0, 2), "p")
        assert (page.items[0], page.total) == ((chosen, owner), 3)
        assert [each.template for each in (await faces.list_faces(transaction, "c", Paging(1, 9))).items] == known[1:]
        assert (await faces.list_face_owners(transaction, "elsewhere", Paging())).total == 0
        with pytest.raises(NotFound):
            await faces.get_face(transaction, "elsewhere", chosen)
        assert await faces.delete_faces(transaction, "elsewhere", [chosen]) == []
        assert await faces.delete_faces(transaction, "c", [chosen, uuid4()]) == [(chosen, owner)]
        assert await rows(transaction, "image") == 1  # the other face has the photo, too
        assert await faces.delete_faces_of(transaction, "c", "p") == 2
        assert await rows(transaction, "image") == 0
        assert await faces.delete_faces_of(transaction, "c") == 0
        for missing in (face.photo, UUID(int=0)):
            with pytest.raises(NotFound):
                await faces.get_image(transaction, missing)


async def test_a_member_that_goes_takes_only_its_own_images(identity: Store) -> None:
    known = templates(2)
    one = await enrol(identity, "p", [NewFace(known[0], photo=PHOTO, crop=CROP)])
    two = await enrol(identity, "q", [NewFace(known[1])])
    async with identity.begin() as transaction:
        [face] = await faces.faces_of_member(transaction, one.number)
        shared = {"photo": face.photo, "member": two.number}
        await transaction.execute(text("UPDATE face SET photo = :photo WHERE member = :member"), shared)
        await members.delete_members(transaction, "c", ["p"])
        assert await rows(transaction, "image") == 1
        await members.delete_members(transaction, "c")
        assert await rows(transaction, "image") == 0


async def test_however_many_images_a_member_has_they_go_with_it(identity: Store) -> None:
    many = 70_000  # more than the values that a statement of PostgreSQL takes
    owner = await enrol(identity, "p", [NewFace(templates(1)[0])])
    fill = (
        "WITH made AS (INSERT INTO image (id, data, media_type, width, height) SELECT gen_random_uuid(), '', 'x', 1, 1 "
        "FROM generate_series(1, :many) RETURNING id) INSERT INTO face (id, member, model, template, vector, photo) "
        "SELECT gen_random_uuid(), member, model, template, vector, made.id FROM face, made"
    )
    async with identity.begin() as transaction:
        await transaction.execute(text(fill), {"many": many})
        everything = [face.id for face in await faces.faces_of_member(transaction, owner.number)]
        assert len(await faces.delete_faces(transaction, "c", everything[: many - 1])) == many - 1
        await members.delete_members(transaction, "c")
        assert (await rows(transaction, "face"), await rows(transaction, "image")) == (0, 0)


async def test_lists_of_keys_and_numbers_may_be_long(identity: Store) -> None:
    many = [str(number) for number in range(70_000)]
    where = await add_collection(identity)
    await enrol(identity, "7", [NewFace(templates(1)[0])], [where.number])
    async with identity.begin() as transaction:
        assert await collections.find_collections(transaction, "recognition", [*many, "c"]) == [where]
        await members.unlink_members(transaction, where.number, range(70_000))
        assert [each.key for each in await members.delete_members(transaction, "c", many)] == ["7"]
    assert await identity.search(templates(1)[0], range(70_000), 1) == []


async def test_a_photo_whose_last_faces_go_at_once_goes_with_them(identity: Store) -> None:
    async def remove(which: UUID) -> None:
        async with identity.begin() as transaction:
            assert len(await faces.delete_faces(transaction, "c", [which])) == 1

    for _ in range(10):
        identities = [uuid4() for _ in range(4)]
        new = [NewFace(each, photo=PHOTO, id=which) for each, which in zip(templates(4), identities, strict=True)]
        await enrol(identity, "p", new)
        async with asyncio.timeout(20):
            await asyncio.gather(*(remove(which) for which in identities))
        async with identity.begin() as transaction:
            assert (await rows(transaction, "face"), await rows(transaction, "image")) == (0, 0)


async def test_a_face_and_its_member_go_at_once(identity: Store) -> None:
    async def remove_faces(which: list[UUID]) -> None:
        async with identity.begin() as transaction:
            await faces.delete_faces(transaction, "c", which)

    async def remove_member() -> None:
        async with identity.begin() as transaction:
            await members.delete_members(transaction, "c", ["p"])

    for _ in range(30):
        identities = [uuid4() for _ in range(10)]
        new = [NewFace(each, photo=PHOTO, id=which) for each, which in zip(templates(10), identities, strict=True)]
        await enrol(identity, "p", new)
        await asyncio.gather(remove_faces(identities), remove_member(), remove_faces(identities[5:]))
        async with identity.begin() as transaction:
            assert (await rows(transaction, "face"), await rows(transaction, "image")) == (0, 0)


async def test_an_identity_is_used_once(identity: Store) -> None:
    [template], chosen = templates(1), uuid4()
    await enrol(identity, "p", [NewFace(template, id=chosen)])
    with pytest.raises(Duplicate):
        await enrol(identity, "q", [NewFace(template, id=chosen)])
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 1


async def test_what_fails_leaves_nothing(identity: Store) -> None:
    where = (await add_collection(identity)).number
    model = await identity.common_model([NewFace(templates(1)[0])])
    assert model is not None

    async def fail() -> None:
        async with identity.begin() as transaction:
            owner = await members.get_or_create_member(transaction, "c", "p", "P")
            await members.link_members(transaction, where, [owner.number])
            await identity.enrol_faces(transaction, owner, model, [NewFace(templates(1)[0], photo=PHOTO)])
            await keys.create_key(transaction, "n", ["s"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with identity.begin() as transaction:
        for table in ("member", "membership", "face", "image", "event", "key"):
            assert await rows(transaction, table) == 0, table


async def test_many_enrolments_of_one_member_at_once_are_all_kept(identity: Store) -> None:
    where = (await add_collection(identity)).number
    known = templates(20)
    async with asyncio.timeout(30):
        owners = await asyncio.gather(*(enrol(identity, "p", [NewFace(each)], [where]) for each in known))
    assert len({owner.number for owner in owners}) == 1
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c", Paging())).total == 1
        assert await faces.count_faces(transaction, where) == 20
        assert {face.template for face in await faces.faces_of_member(transaction, owners[0].number)} == set(known)
    assert len(await identity.search(known[0], [where], 50)) == 1


async def test_enrolling_removing_and_renaming_at_once_ends_consistent(identity: Store) -> None:
    where = (await add_collection(identity)).number
    known = templates(30)

    async def change(index: int) -> None:
        async with identity.begin() as transaction:
            match index % 3:
                case 0:
                    await members.delete_members(transaction, "c", [f"p{index % 4}", f"p{(index + 1) % 4}"])
                case 1:
                    try:
                        await members.rename_member(transaction, "c", f"p{index % 4}", f"p{(index + 2) % 4}", "x")
                    except NotFound:
                        return
                case _:
                    await faces.delete_faces_of(transaction, "c", f"p{index % 4}")

    async with asyncio.timeout(60):
        enrolments = (
            enrol(identity, f"p{index % 4}", [NewFace(known[index], photo=PHOTO)], [where]) for index in range(30)
        )
        await asyncio.gather(*enrolments, *(change(index) for index in range(30)))
    async with identity.begin() as transaction:
        assert await rows(transaction, "image") == await rows(transaction, "face")
        assert (await members.list_members(transaction, "c", None, where)).total <= 4


# Keys


async def test_a_key_is_recognised_until_it_is_revoked(identity: Store) -> None:
    async with identity.begin() as transaction:
        secret, made = await keys.create_key(transaction, "name", ["image", "admin"], "app")
        assert await keys.find_key(transaction, f" {secret.upper()} ") == made
        assert await keys.find_key(transaction, str(uuid4())) is None
        assert await keys.find_key(transaction, "") is None
        changed = await keys.update_key(transaction, made.id, name="other")
        assert await keys.list_keys(transaction) == [changed]
        revoked = await keys.revoke_key(transaction, made.id)
        assert revoked.revoked_at is not None
        assert await keys.find_key(transaction, secret) is None
        assert await keys.list_keys(transaction) == []
        assert await keys.list_keys(transaction, revoked=True) == [revoked]
        for identity_of in (made.id, uuid4()):
            with pytest.raises(NotFound):
                await keys.revoke_key(transaction, identity_of)


async def test_the_secret_of_a_key_is_nowhere_in_the_database(identity: Store) -> None:
    async with identity.begin() as transaction:
        secret, _ = await keys.create_key(transaction, "name", ["image"])
        tables = (
            await transaction.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        ).scalars()
        for table in tables.all():
            contents = await transaction.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))  # noqa: S608
            said = "".join(contents.scalars())
            assert secret not in said
            assert secret.replace("-", "") not in said
            assert secret.encode().hex() not in said


async def test_two_keys_are_never_alike(identity: Store) -> None:
    async with identity.begin() as transaction:
        made = [await keys.create_key(transaction, "n", ["s"]) for _ in range(50)]
        assert len({secret for secret, _ in made}) == 50
        assert [key for _, key in made] == await keys.list_keys(transaction)
