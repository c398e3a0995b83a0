"""Export, import, bulk enrolment: everything comes back as it was, or nothing does."""

import io
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgpack
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas.attributes import Box
from store import (
    Damaged,
    Duplicate,
    Face,
    ModelMismatch,
    NewFace,
    NotFound,
    Store,
    StoredImage,
    bulk,
    collections,
    members,
)
from store import faces as faces_functions
from store.bulk import BulkFace, BulkImage, BulkMember
from store.transfer import export_members, import_members
from tests.conftest import empty
from tests.contract.identities import add_collection, enrol, template, templates, vectors

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
TABLES = ("collection", "member", "membership", "image", "face")


async def content(store: Store) -> dict[str, list[Any]]:
    """All rows by what identifies them, without the numbers that a database gives."""
    queries = {
        "collection": "SELECT to_jsonb(collection) - 'number' AS row FROM collection",
        "member": "SELECT to_jsonb(member) - 'number' AS row FROM member",
        "membership": "SELECT to_jsonb(ARRAY[member.space, member.key, collection.kind, collection.key]) AS row "
        "FROM membership JOIN member ON member = member.number JOIN collection ON collection = collection.number",
        "image": "SELECT to_jsonb(image) AS row FROM image",
        "face": "SELECT to_jsonb(face) - '{number,member,changed}'::text[] || jsonb_build_object('owner', member.key) "
        "AS row FROM face JOIN member ON member.number = face.member",
    }
    async with store.begin() as transaction:
        return {
            name: sorted((await transaction.execute(text(query))).scalars(), key=str) for name, query in queries.items()
        }


async def faces_of(transaction: AsyncConnection, key: str) -> list[Face]:
    return await faces_functions.faces_of_member(transaction, (await members.get_member(transaction, "c", key)).number)


async def filled(store: Store) -> list[int]:
    """A store with everything that there can be; returns the numbers of the collections."""
    numbers = []
    async with store.begin() as transaction:
        for key in ("a", "b"):
            fields = {"threshold": 0.25, "colour": "#fff", "settings": {"gate": {"single_face": True}, key: [1, None]}}
            made = await collections.create_collection(transaction, "recognition", key, key.upper(), **fields)
            numbers.append(made.number)
    photo = StoredImage(b"\xff\xd8\xffphoto", "image/jpeg", 40, 30, b"small")
    known = templates(40)
    for index, each in enumerate(known):
        crop = StoredImage(b"\xff\xd8\xffcrop%d" % index, "image/jpeg", 4, 3)
        shared = photo if index % 2 else StoredImage(b"photo %d" % index, "image/png", 5, 6)
        faces = [
            NewFace(each, Box(0.1, 0.2, 0.3, 0.4), 0.9, 0.5, shared, crop, uuid4(), {"n": index}),
            NewFace(template(vectors(1, 100 + index)[0]), photo=shared if index % 3 else None),
        ]
        await enrol(store, f"p{index}", faces, numbers[: index % 3])
    async with store.begin() as transaction:
        owner = await members.get_member(transaction, "c", "p7")
        await members.update_member(
            transaction, owner.number, full_name="Prénom\n\t\\N", note="", labels=[{"key": "k", "value": "v"}]
        )
        await members.create_member(transaction, "other", "nobody", "Nobody")
        first, second = (await faces_of(transaction, "p1"))[0], (await faces_of(transaction, "p9"))[1]
        await transaction.execute(
            text("UPDATE face SET photo = :photo WHERE id = :face"), {"photo": first.photo, "face": second.id}
        )
    return numbers


async def wiped(store: Store) -> None:
    async with store.begin() as transaction:
        await empty(transaction)


async def found(store: Store, probes: Sequence[bytes]) -> list[list[tuple[str, str, tuple[str, ...]]]]:
    """What searches find, by keys."""
    async with store.begin() as transaction:
        keys = {each.number: each.key for each in await collections.find_collections(transaction, "recognition")}
    answers = []
    for probe in probes:
        for exact in (True, False):
            matches = await store.search(probe, list(keys), 5, exact=exact)
            answers.append(
                [
                    (match.member.key, str(match.face), tuple(sorted(keys[each] for each in match.collections)))
                    for match in matches
                ]
            )
    return answers


async def exported(store: Store) -> bytes:
    file = io.BytesIO()
    await export_members(store, file)
    return file.getvalue()


async def test_what_was_exported_and_wiped_comes_back_the_same(identity: Store) -> None:
    await filled(identity)
    before, answers = await content(identity), await found(identity, templates(5, 77))
    told: list[tuple[str, int]] = []
    file = io.BytesIO()
    counts = await export_members(identity, file, progress=lambda kind, count: told.append((kind, count)))
    assert counts == {"header": 1, "collection": 2, "member": 41, "image": 80, "face": 80, "end": 1}
    assert told[-1] == ("member", 41)
    await wiped(identity)
    new = await import_members(identity, io.BytesIO(file.getvalue()))
    assert new == {"collection": 2, "member": 41, "face": 80, "image": 80}
    assert await content(identity) == before
    assert await found(identity, templates(5, 77)) == answers


async def test_one_collection_is_exported_with_its_members_alone(identity: Store) -> None:
    await filled(identity)
    file = io.BytesIO()
    counts = await export_members(identity, file, [("recognition", "b")])
    assert (counts["collection"], counts["member"]) == (1, 13)
    with pytest.raises(NotFound, match="'nowhere'"):
        await export_members(identity, io.BytesIO(), [("recognition", "nowhere")])
    await wiped(identity)
    await import_members(identity, io.BytesIO(file.getvalue()))
    async with identity.begin() as transaction:
        assert [each.key for each in await collections.find_collections(transaction, "recognition")] == ["b"]
        assert (await members.list_members(transaction, "c")).total == 13


async def test_what_is_there_already_is_refused_or_skipped(identity: Store) -> None:
    await filled(identity)
    data, before = await exported(identity), await content(identity)
    with pytest.raises(Duplicate):
        await import_members(identity, io.BytesIO(data))
    assert await content(identity) == before
    new = await import_members(identity, io.BytesIO(data), skip=True)
    assert sum(new.values()) == 0
    assert await content(identity) == before
    async with identity.begin() as transaction:
        await members.delete_members(transaction, "c", ["p3", "p4", "p5"])
        await members.update_member(transaction, (await members.get_member(transaction, "c", "p6")).number, name="kept")
    new = await import_members(identity, io.BytesIO(data), skip=True)
    assert (new["member"], new["face"]) == (3, 6)
    after = await content(identity)
    assert after["face"] == before["face"]
    assert after["membership"] == before["membership"]
    assert after["image"] == before["image"]
    assert [row["name"] for row in after["member"] if row["key"] == "p6"] == ["kept"]


async def test_a_damaged_file_leaves_nothing(identity: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.importer._FACES", 7)  # so that much is written before the damage is met
    await filled(identity)
    data = await exported(identity)
    await wiped(identity)
    damaged = [data[:size] for size in range(0, len(data), len(data) // 40)]
    damaged += [
        data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in range(0, len(data), len(data) // 60)
    ]
    damaged += [data[:-1], data + b"\0", data + data, b"", b"\x93\xa6header"]
    for each in damaged:
        with pytest.raises(Damaged):
            await import_members(identity, io.BytesIO(each))
        assert all(not rows for rows in (await content(identity)).values())
    assert await import_members(identity, io.BytesIO(data))


def frames(*records: tuple[str, Any]) -> io.BytesIO:
    """A file with right checksums, whatever is in it."""
    checksum, data = 0, b""
    for name, record in records:
        packed = msgpack.packb(record, datetime=True)
        checksum = zlib.crc32(packed, zlib.crc32(name.encode(), checksum))
        data += msgpack.packb([name, packed, checksum])
    return io.BytesIO(data)


HEADER: dict[str, Any] = {
    "format": "facet-identities",
    "version": 1,
    "created_at": NOW,
    "models": [{"name": "foamliu", "version": 1, "dimension": 128}],
}
OWNER: dict[str, Any] = {"space": "c", "key": "p", "name": "P", "full_name": None, "note": None, "labels": []}
OWNER |= {"created_at": NOW, "updated_at": None, "collections": []}
FACE: dict[str, Any] = {
    "id": str(uuid4()),
    "template": templates(1)[0],
    "box": None,
    "confidence": None,
    "quality": None,
}
FACE |= {"photo": None, "crop": None, "created_at": NOW, "details": {}}


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([("member", OWNER)], "must begin with one header"),
        ([("header", HEADER), ("header", HEADER)], "must begin with one header"),
        ([("header", HEADER | {"version": 2})], "'facet-identities' 2, where"),
        ([("header", HEADER | {"format": "x"})], "'x' 1, where"),
        ([("header", HEADER), ("face", FACE)], "a face without a member"),
        ([("header", HEADER), ("member", OWNER), ("face", FACE | {"template": b"no"})], "wrong size"),
        (
            [("header", HEADER), ("member", OWNER), ("face", FACE | {"template": templates(1, 0, "faceres")[0]})],
            "that the header does not name",
        ),
        ([("header", HEADER), ("member", OWNER), ("face", FACE | {"box": [1, 2]})], "no record of the kind 'face'"),
        ([("header", HEADER), ("member", OWNER | {"collections": [["a", "b"]]})], "byte"),
        ([("header", HEADER), ("stranger", {})], "no record of the kind 'stranger'"),
        ([("header", HEADER), ("end", {"counts": {"header": 1, "face": 3}})], "other records than its end says"),
        ([("header", HEADER), ("member", OWNER), ("face", FACE | {"photo": str(uuid4())}), ("end", {})], "byte"),
    ],
)
async def test_a_file_of_something_else_is_refused_with_its_place(
    identity: Store, records: list[tuple[str, Any]], reason: str
) -> None:
    with pytest.raises(Damaged, match=reason):
        await import_members(identity, frames(*records))
    assert all(not rows for rows in (await content(identity)).values())


async def test_a_face_whose_image_is_not_in_the_file_is_refused(identity: Store) -> None:
    counts = {"header": 1, "member": 1, "face": 1}
    lacking = frames(
        ("header", HEADER), ("member", OWNER), ("face", FACE | {"photo": str(uuid4())}), ("end", {"counts": counts})
    )
    with pytest.raises(Damaged, match="image"):
        await import_members(identity, lacking)
    assert not (await content(identity))["member"]


async def test_templates_of_another_model_are_not_imported_into_a_collection(identity: Store) -> None:
    where = (await add_collection(identity, "a")).number
    await enrol(identity, "p1", [NewFace(templates(1)[0])], [where])
    data = await exported(identity)
    await wiped(identity)
    where = (await add_collection(identity, "a")).number
    await enrol(identity, "q", [NewFace(templates(1, 0, "mobileface")[0])], [where])
    before = await content(identity)
    with pytest.raises(ModelMismatch, match="mobileface version 1"):
        await import_members(identity, io.BytesIO(data))
    assert await content(identity) == before


async def test_what_counts_is_the_model_of_the_faces_that_a_collection_gets(identity: Store) -> None:
    """Not that a file has no faces for it, nor that it has faces of its model for another collection."""
    where = (await add_collection(identity, "a")).number
    empty = await exported(identity)
    await enrol(identity, "p1", [NewFace(templates(1)[0])], [where])
    other = (await add_collection(identity, "b")).number
    await enrol(identity, "p2", [NewFace(templates(1, 0, "mobileface")[0])], [other])
    both = await exported(identity)
    await wiped(identity)
    where = (await add_collection(identity, "a")).number
    await enrol(identity, "q", [NewFace(templates(1, 0, "mobileface")[0])], [where])
    await import_members(identity, io.BytesIO(empty))
    before = await content(identity)
    with pytest.raises(ModelMismatch, match="mobileface version 1"):
        await import_members(identity, io.BytesIO(both))
    assert await content(identity) == before


async def test_many_are_enrolled_at_once(identity: Store) -> None:
    where = (await add_collection(identity)).number
    known = templates(500)
    model = await identity.common_model([NewFace(known[0])])
    assert model is not None
    picture = BulkImage(uuid4(), StoredImage(b"data", "image/png", 1, 2, None), NOW)

    def face(index: int) -> BulkFace:
        box = Box(0, 0, 0.5, 1)
        return BulkFace(uuid4(), model.number, known[index], box, None, 0.25, picture.id, None, NOW, {"i": index})

    people = [
        BulkMember(
            "c", f"p{index}", "P", None, "a\tb\\c", [], NOW, None, [where], [face(2 * index), face(2 * index + 1)]
        )
        for index in range(250)
    ]
    async with identity.begin() as transaction:
        assert await bulk.load(transaction, people, [picture]) == (250, 500, 1)
    for exact in (True, False):
        [match] = await identity.search(known[99], [where], 1, exact=exact)
        assert (match.member.key, match.template, match.member.note) == ("p49", known[99], "a\tb\\c")
    with pytest.raises(Duplicate, match="member"):
        async with identity.begin() as transaction:
            await bulk.load(transaction, [people[0]._replace(key="new", faces=[]), people[0]])
    with pytest.raises(Duplicate, match="identity"):
        async with identity.begin() as transaction:
            await bulk.load(transaction, [people[0]._replace(key="new")])
    async with identity.begin() as transaction:
        assert (await members.list_members(transaction, "c")).total == 250
