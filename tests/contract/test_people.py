"""Looking, enrolling and finding, with real models and a real database."""

import pytest

from schemas.attributes import AGE, KEYPOINTS, TEMPLATE
from serving.engine.context import Context, Options
from serving.identity.gate import Gate
from serving.identity.people import People
from store import collections

CONTEXT = Context(Options("application/json"))


async def test_who_was_enrolled_is_found_again(people: People, jpeg: bytes) -> None:
    async with people.store.begin() as transaction:
        where = await collections.create_collection(transaction, "recognition", "c", "C")
    async with people.look(jpeg, ["template", "age"], CONTEXT) as sight:
        [face] = sight.faces
        assert {TEMPLATE, AGE, KEYPOINTS} <= face.keys()
        assert sight.frame == (512, 512)
        owner, [enrolled] = await people.enrol("c", "eileen", "Eileen", [people.new_face(sight, face)], [where.number])
    [found] = await people.find(face[TEMPLATE], [where.number], 3)
    assert (found.match.member, found.match.face) == (owner, enrolled)
    assert found.match.collections == (where.number,)
    assert found.verification.distance == 0
    assert found.verification.score == 1


async def test_a_gate_says_all_that_is_wrong_with_a_face(people: People, jpeg: bytes) -> None:
    gate = Gate(min_face_size=400, min_confidence=0.999, min_total_score=0.99, single_face=True)
    async with people.look(jpeg, gate.outputs, CONTEXT) as sight:
        reasons = gate.refusals(sight.faces, sight.frame)
        assert Gate().refusals(sight.faces, sight.frame) == []
        assert gate.refusals([], sight.frame) == ["the photo shows 0 faces instead of one"]
    assert len(reasons) == 3
    assert "at least 400 are wanted" in reasons[0]


@pytest.mark.parametrize("optional", [["mask"], ["no such thing"]])
async def test_what_cannot_be_had_is_left_out_where_it_is_optional(
    people: People, jpeg: bytes, optional: list[str]
) -> None:
    async with people.look(jpeg, [], CONTEXT, optional=optional) as sight:
        assert len(sight.faces) == 1
