"""CompreFace's interface: subjects and their examples, with real models and a real database."""

import asyncio
from uuid import UUID, uuid4, uuid5

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import text

from serving.engine.engine import Engine
from store import Store, events, faces
from tests import pictures
from tests.contract.compreface_api import Services, base64_text, file, ok, refused, running, services

SUBJECTS, FACES = "recognition/subjects", "recognition/faces"
ORPHANS = "SELECT count(*) FROM image WHERE NOT EXISTS (SELECT FROM face WHERE image.id IN (face.photo, face.crop))"


async def test_subjects_are_made_listed_and_removed(compreface: Services) -> None:
    for name in ("Jon Petit", "Zoë", "a/b?c#d%&e+f"):
        assert ok(await compreface.call("POST", SUBJECTS, json={"subject": name}), 201) == {"subject": name}
    assert await compreface.subjects() == ["Jon Petit", "Zoë", "a/b?c#d%&e+f"]
    assert ok(await compreface.call("DELETE", f"{SUBJECTS}/a%2Fb%3Fc%23d%25&e+f")) == {"subject": "a/b?c#d%&e+f"}
    assert ok(await compreface.call("DELETE", f"{SUBJECTS}/zoË/")) == {"subject": "Zoë"}
    assert ok(await compreface.call("DELETE", f"{SUBJECTS}/")) == {"deleted": 1}
    assert await compreface.subjects() == []


async def test_a_subject_is_there_but_once_whatever_its_case(compreface: Services) -> None:
    ok(await compreface.call("POST", SUBJECTS, json={"subject": "Jon"}), 201)
    answer = await compreface.call("POST", SUBJECTS, json={"subject": "JON"})
    assert refused(answer, 400, 43) == "Subject already exists"


@pytest.mark.parametrize("raw", ["Jon", "a/b", "a/subjects/b", "a/recognition/subjects/b"])
async def test_a_slash_in_a_path_may_be_part_of_a_name(compreface: Services, raw: str) -> None:
    ok(await compreface.call("POST", SUBJECTS, json={"subject": "b"}), 201)
    ok(await compreface.call("POST", SUBJECTS, json={"subject": raw}), 201)
    assert ok(await compreface.call("DELETE", f"{SUBJECTS}/{raw}")) == {"subject": raw}
    assert await compreface.subjects() == ["b"]


async def test_renaming(compreface: Services, jpeg: bytes) -> None:
    ok(await compreface.add("Old", jpeg), 201)

    async def rename(old: str, new: str) -> bool:
        return bool(
            ok(await compreface.call("PUT", f"{SUBJECTS}/{old}", json={"subject": new, "api_endpoint": old}))["updated"]
        )

    assert await rename("old", "New")
    assert await compreface.subjects() == ["New"]
    assert not await rename("New", "New")
    assert not await rename("New", "")
    assert await rename("New", "NEW")  # the same one, written otherwise
    assert await compreface.subjects() == ["NEW"]
    answer = await compreface.call("PUT", f"{SUBJECTS}/Nobody", json={"subject": "New"})
    assert refused(answer, 404, 42) == "Subject Nobody not found"


async def test_renaming_to_one_that_there_is_merges_both(compreface: Services, jpeg: bytes) -> None:
    old, new = [ok(await compreface.add(name, jpeg), 201)["image_id"] for name in ("Old", "New")]
    assert ok(await compreface.call("PUT", f"{SUBJECTS}/Old", json={"subject": "NEW"})) == {"updated": True}
    assert await compreface.subjects() == ["New"]
    assert await compreface.examples() == [{"image_id": each, "subject": "New"} for each in (old, new)]


async def test_many_that_get_one_name_at_once_become_one(compreface: Services, jpeg: bytes) -> None:
    old = [f"Old {number}" for number in range(8)]
    for name in old:
        ok(await compreface.add(name, jpeg), 201)
    body = {"subject": "New"}
    answers = await asyncio.gather(*(compreface.call("PUT", f"{SUBJECTS}/{name}", json=body) for name in old))
    assert [ok(answer) for answer in answers] == [{"updated": True}] * 8
    assert await compreface.subjects() == ["New"]
    assert len(await compreface.examples()) == 8


async def test_an_example_makes_its_subject(compreface: Services, jpeg: bytes) -> None:
    added = ok(await compreface.add("Eileen", jpeg), 201)
    assert added == {"image_id": str(UUID(added["image_id"])), "subject": "Eileen"}
    again = ok(
        await compreface.call("POST", f"{FACES}/", params={"subject": "EILEEN"}, json={"file": base64_text(jpeg)}), 201
    )
    assert again["subject"] == "EILEEN"  # as it was asked, though the subject is the same
    assert await compreface.subjects() == ["Eileen"]
    assert [each["image_id"] for each in await compreface.examples()] == [added["image_id"], again["image_id"]]


async def test_lists_come_in_pages(compreface: Services, jpeg: bytes) -> None:
    for name in ("A", "B", "A"):
        ok(await compreface.add(name, jpeg), 201)
    query = {"page": 1, "size": 2}
    listed = ok(await compreface.call("GET", FACES, params=query))
    assert [each["subject"] for each in listed["faces"]] == ["A"]
    assert {name: listed[name] for name in listed if name != "faces"} == {
        "page_number": 1,
        "page_size": 2,
        "total_pages": 2,
        "total_elements": 3,
    }
    assert ok(await compreface.call("GET", FACES, params={"subject": "a"}))["total_elements"] == 2
    assert ok(await compreface.call("GET", FACES, params={"subject": "C"}))["total_pages"] == 0
    for wrong in ({"page": "x", "size": "x"}, {"page": -1, "size": 0}):  # here CompreFace takes its defaults instead
        listed = ok(await compreface.call("GET", FACES, params=wrong))
        assert (listed["page_number"], listed["page_size"], listed["total_elements"]) == (0, 20, 3)


async def test_with_its_last_example_a_subject_goes_where_all_are_removed(compreface: Services, jpeg: bytes) -> None:
    first = ok(await compreface.add("A", jpeg), 201)["image_id"]
    assert ok(await compreface.call("DELETE", f"{FACES}/{first}")) == {"image_id": first, "subject": "A"}
    assert await compreface.subjects() == ["A"]  # a single one leaves its subject behind
    for name in ("A", "A", "B", "C"):
        ok(await compreface.add(name, jpeg), 201)
    assert ok(await compreface.call("DELETE", FACES, params={"subject": "a"})) == {"deleted": 2}
    assert await compreface.subjects() == ["B", "C"]
    assert ok(await compreface.call("DELETE", FACES, params={"subject": "Nobody"})) == {"deleted": 0}
    assert ok(await compreface.call("DELETE", FACES)) == {"deleted": 2}
    assert (await compreface.subjects(), await compreface.examples()) == ([], [])


async def test_several_examples_are_removed_at_once(compreface: Services, jpeg: bytes) -> None:
    added = [ok(await compreface.add(name, jpeg), 201) for name in ("A", "B", "C")]
    wanted = [added[2]["image_id"], str(uuid4()), added[0]["image_id"], added[2]["image_id"]]
    assert ok(await compreface.call("POST", f"{FACES}/delete", json=wanted)) == [added[2], added[0]]
    assert await compreface.examples() == [added[1]]


async def test_images_are_given_back(compreface: Services, jpeg: bytes) -> None:
    image = ok(await compreface.add("A", jpeg), 201)["image_id"]
    link = f"static/{compreface.keys['recognition']}/images/{image}"
    for path in (f"{FACES}/{image}/img", link):
        answer = await compreface.call("GET", path)
        assert (answer.status_code, answer.content) == (200, jpeg)
        assert answer.headers["content-type"] == "application/octet-stream"
    # Nothing where there is none, or where a key opens nothing.
    for path in (f"{FACES}/{uuid4()}/img", f"static/{uuid4()}/images/{image}", f"static/x/images/{image}"):
        answer = await compreface.call("GET", path)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_images_are_kept_only_where_the_settings_say_so(engine: Engine, identity: Store, jpeg: bytes) -> None:
    async with running(engine, identity) as compreface:
        image = ok(await compreface.add("A", jpeg), 201)["image_id"]
        answer = await compreface.call("GET", f"{FACES}/{image}/img")
        assert (answer.status_code, answer.content) == (200, b"")


async def test_collections_do_not_see_each_other(compreface: Services, jpeg: bytes) -> None:
    image = ok(await compreface.add("A", jpeg), 201)["image_id"]
    _, others = await services(compreface.people)
    other = compreface._replace(keys=others)
    assert (await other.subjects(), await other.examples()) == ([], [])
    [face] = ok(await other.call("POST", "recognition/recognize", files=file(jpeg)))["result"]
    assert face["subjects"] == []
    refused(await other.call("DELETE", f"{FACES}/{image}"), 404, 44)
    assert (await other.call("GET", f"{FACES}/{image}/img")).content == b""
    assert ok(await other.call("DELETE", FACES)) == {"deleted": 0}
    assert await compreface.subjects() == ["A"]


async def test_a_gate_refuses_examples_with_its_reasons(compreface: Services, jpeg: bytes) -> None:
    _, strict = await services(compreface.people, {"min_face_size": 400, "min_total_score": 0.99})
    message = refused(await compreface._replace(keys=strict).add("A", jpeg), 400, 26)
    assert "at least 400 are wanted; " in message
    assert "its quality is" in message


async def test_many_at_once_add_to_one_subject(compreface: Services, jpeg: bytes) -> None:
    names = ["Eileen", "EILEEN"] * 10
    answers = await asyncio.gather(*(compreface.add(name, jpeg) for name in names))
    added = {ok(answer, 201)["image_id"] for answer in answers}
    assert len(await compreface.subjects()) == 1
    listed = ok(await compreface.call("GET", FACES, params={"size": 100}))
    assert {each["image_id"] for each in listed["faces"]} == added
    assert len(added) == listed["total_elements"] == 20


async def test_whatever_is_done_at_once_leaves_nothing_half_done(compreface: Services, jpeg: bytes) -> None:
    first = ok(await compreface.add("A", jpeg), 201)["image_id"]
    calls = [compreface.add(name, jpeg) for name in "AB" * 6]
    calls += [compreface.call("DELETE", FACES, params={"subject": name}) for name in "ABAB"]
    calls += [
        compreface.call("PUT", f"{SUBJECTS}/{old}", json={"subject": new}) for old, new in [("A", "B"), ("B", "A")] * 4
    ]
    calls += [compreface.call("DELETE", path) for path in (FACES, SUBJECTS, f"{FACES}/{first}", f"{SUBJECTS}/A")]
    for answer in await asyncio.gather(*(calls[index] for index in np.random.default_rng(0).permutation(len(calls)))):
        assert answer.status_code in {200, 201, 404}, answer.text
    subjects, left = await compreface.subjects(), await compreface.examples()
    assert {each["subject"] for each in left} <= set(subjects) <= {"A", "B"}
    for each in left:
        assert (await compreface.call("GET", f"{FACES}/{each['image_id']}/img")).content == jpeg
    async with compreface.people.store.begin() as transaction:
        assert (await transaction.execute(text(ORPHANS))).scalar_one() == 0


async def test_a_request_that_the_proxy_sends_twice_is_done_once(compreface: Services, jpeg: bytes) -> None:
    request = uuid4()
    headers = {"X-Facet-Request": str(request)}
    answers = await asyncio.gather(*(compreface.add("A", jpeg, headers=headers) for _ in range(3)))
    added = [ok(answer, 201) for answer in answers]
    expected = uuid5(request, f"compreface/{compreface.collection.key}")
    assert added == [{"image_id": str(expected), "subject": "A"}] * 3
    assert await compreface.examples() == added[:1]
    async with compreface.people.store.begin() as transaction:
        assert await faces.count_faces(transaction, compreface.collection.number) == 1
        assert [each["kind"] for each in await events.latest_events(transaction)] == ["enrolled"]
    # The same identity in another collection is another face: nobody can be kept from enrolling.
    _, others = await services(compreface.people)
    other = ok(await compreface._replace(keys=others).add("A", jpeg, headers=headers), 201)
    assert other["image_id"] != added[0]["image_id"]


@pytest.mark.parametrize("form", ["jpg", "png", "bmp", "gif", "tiff", "webp", "ico"])
async def test_all_formats_are_read(compreface: Services, astronaut: NDArray[np.uint8], form: str) -> None:
    image = Image.fromarray(astronaut)
    if form == "ico":
        image = image.crop((100, 0, 356, 256))
    kind = {"jpg": "JPEG"}.get(form, form.upper())
    answer = await compreface.call(
        "POST", "detection/detect", files=file(pictures.encoded(image, kind), f"Face.{form.upper()}")
    )
    assert len(ok(answer)["result"]) == 1
