"""Faces of members: registered, added, listed, removed."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from starlette.responses import Response

from compat.smartface import answers
from compat.smartface.calls import KIND, SPACE, Call, answer, nothing
from compat.smartface.errors import Invalid, Unsuitable
from compat.smartface.members import fields, known
from compat.smartface.paging import asked
from compat.smartface.requests import AddNewFace, Detection, FaceLink, Register, RegistrationImage
from compat.smartface.sights import Seen, View, decoded, viewed
from serving.identity.gate import Gate
from serving.identity.people import identity_of
from store import Collection, Duplicate, Face, Member, NewFace, NotFound, Transaction, collections, faces, members

# Of several faces in an image: only one may be there, or the largest is taken. The first is the interface's default;
# its document names no other.
_SINGLE, _LARGEST = "singlefaceonly", "biggestface"


class _Part(NamedTuple):
    """A part of a request that shows a face."""

    name: str
    face: UUID  # the id of the face, the same where the request is sent again


def _part(request: UUID, index: int) -> _Part:
    return _Part(f"images.{index}", uuid5(request, f"{SPACE} {index}"))


async def registered(call: Call[Register]) -> Response:
    """Makes a member with faces, in watchlists: all of it or nothing. A request that is sent again finds it done."""
    sent, store, most = call.sent, call.people.store, call.people.settings.max_samples
    request = identity_of(call.request)
    key = sent.id or str(uuid5(request, SPACE))
    if len(sent.images) > most:
        raise Invalid({"images": [f"{len(sent.images)} are too many, {most} are allowed"]})
    async with store.begin() as transaction:
        lists = await _lists(transaction, sent.watchlist_ids)
        done = await _registered(transaction, key, request)
    if done is not None:  # looking at the images would be in vain
        return answer(answers.registered(done[0], lists, done[1], images_kept=call.images_kept), 201)
    gates = [Gate.of(each.settings) for each in lists]
    keep = sent.privacy.save_registration_images
    new = [
        await _new_face(call, image, _part(request, index), sent.face_detector_config, gates, keep=keep)
        for index, image in enumerate(sent.images)
    ]
    model = await store.common_model(new)
    async with store.begin() as transaction:
        lists = await _lists(transaction, sent.watchlist_ids)
        who = await members.create_member(transaction, SPACE, key, **{"name": ""} | fields(sent))
        for each in lists:
            await members.link_members(transaction, each.number, [who.number])
        if model is not None:
            await store.enrol_faces(transaction, who, model, new)
        found = await faces.faces_of_member(transaction, who.number)
    return answer(answers.registered(who, lists, found, images_kept=call.images_kept), 201)


async def added(call: Call[AddNewFace]) -> Response:
    """Another face of a member, from an image."""
    async with call.people.store.begin() as transaction:
        who = await known(transaction, call.id)
        gates = [Gate.of(each.settings) for each in await _lists_of(transaction, who)]
    image = call.sent.image_data
    part = _Part("imageData", uuid5(identity_of(call.request), SPACE))
    new = await _new_face(call, image, part, call.sent.face_detector_config, gates, keep=True)
    try:
        [enrolled] = await _enrolled(call, [new])
    except Duplicate:  # the face that is named, or this request was sent again
        if new.id != part.face:
            raise
        enrolled = part.face
    async with call.people.store.begin() as transaction:
        found, _ = await faces.get_face(transaction, SPACE, enrolled)
    return answer(answers.face(found), 201)


async def linked(call: Call[FaceLink]) -> Response:
    """A face that is stored, of whichever member, as one of this member's, too: a copy."""
    async with call.people.store.begin() as transaction:
        who = await known(transaction, call.id)
        found, owner = await _stored(transaction, call.sent.face_id)
        if owner.number == who.number:
            raise Duplicate(f"The face {found.id} is this member's already")
        new = await _copy(transaction, found)
    await _enrolled(call, [new])
    return nothing()


async def listed(call: Call[None]) -> Response:
    """All faces that are stored."""
    page = asked(call.request)
    async with call.people.store.begin() as transaction:
        found = await faces.list_faces(transaction, SPACE, page.part)
    return answer(page.page(found, answers.face))


async def listed_of_member(call: Call[None]) -> Response:
    """The faces of a member; of one who is not there none, as the interface knows no error here."""
    page = asked(call.request)
    async with call.people.store.begin() as transaction:
        found = await faces.list_faces(transaction, SPACE, page.part, call.id)
    return answer(page.page(found, answers.face))


async def got(call: Call[None]) -> Response:
    async with call.people.store.begin() as transaction:
        found, _ = await _stored(transaction, call.guid)
    return answer(answers.face(found))


async def removed(call: Call[None]) -> Response:
    identity = call.guid
    async with call.people.store.begin() as transaction:
        await _stored(transaction, identity)
        await faces.delete_faces(transaction, SPACE, [identity])
    return nothing()


async def removed_from_member(call: Call[FaceLink]) -> Response:
    """A face that is nobody's would be found by nothing, so it goes."""
    async with call.people.store.begin() as transaction:
        who = await known(transaction, call.id)
        found, owner = await _stored(transaction, call.sent.face_id)
        if owner.number != who.number:
            raise NotFound(f"The member {call.id!r:.80} has no face {found.id}")
        await faces.delete_faces(transaction, SPACE, [found.id])
    return nothing()


async def _new_face(  # noqa: PLR0913 - each is its own thing
    call: Call[Any],
    image: RegistrationImage,
    part: _Part,
    wanted: Detection,
    gates: Sequence[Gate],
    *,
    keep: bool,
) -> NewFace:
    """The face of an image, or the stored one that is named where there is no image."""
    where = part.name
    if (image.modality or "Face").lower() != "face":
        raise Invalid({f"{where}.modality": ["only Face can be registered here"]})
    if not image.data and image.face_id is not None:
        async with call.people.store.begin() as transaction:
            found, _ = await _stored(transaction, image.face_id)
            return (await _copy(transaction, found))._replace(id=part.face)
    data = decoded(image.data, f"{where}.data")
    quality = frozenset[str]().union(*(gate.outputs for gate in gates))
    optional = {"quality", "age", "mask"} - quality
    async with viewed(call.people, data, wanted, call.context, {"template", *quality}, optional) as view:
        face = _selected(view, image.face_selector, where)
        check(gates, [face], view)
        people = call.people
        photo = people.kept_photo(view.sight) if keep else None
        new = people.new_face(view.sight, face.attributes, photo, image.face_id or part.face)
        return new._replace(crop=new.crop if keep else None, details=answers.noted(face, view.frame))


def _selected(view: View, selector: str | None, where: str) -> Seen:
    name = (selector or _SINGLE).lower()
    if name not in {_SINGLE, _LARGEST}:
        raise Invalid({f"{where}.faceSelector": ["must be singleFaceOnly or biggestFace"]})
    if name == _SINGLE and len(view.faces) > 1:
        raise Unsuitable(f"{where}: the image shows {len(view.faces)} faces instead of one")
    return view.faces[0]


def check(gates: Sequence[Gate], wanted: Sequence[Seen], view: View) -> None:
    """Raises ``Unsuitable`` where the gate of a watchlist refuses one of the faces that are wanted of an image."""
    for gate in gates:
        judged = view.faces if gate.single_face else wanted  # it must know of the others, too
        refusals = gate.refusals([each.attributes for each in judged], view.frame)
        if refusals:
            raise Unsuitable("The face is not suitable: " + "; ".join(refusals))


async def _copy(transaction: Transaction, found: Face) -> NewFace:
    return NewFace(
        found.template,
        found.box,
        found.confidence,
        found.quality,
        photo=None if found.photo is None else await faces.get_image(transaction, found.photo),
        crop=None if found.crop is None else await faces.get_image(transaction, found.crop),
        details=found.details,
    )


async def _enrolled(call: Call[Any], new: Sequence[NewFace]) -> list[UUID]:
    """Adds faces to the member in the path; returns their ids."""
    store = call.people.store
    model = await store.common_model(new)
    async with store.begin() as transaction:
        who = await known(transaction, call.id, lock=True)
        return [] if model is None else await store.enrol_faces(transaction, who, model, new)


async def _stored(transaction: Transaction, identity: UUID) -> tuple[Face, Member]:
    return await faces.get_face(transaction, SPACE, identity)


async def _registered(transaction: Transaction, key: str, request: UUID) -> tuple[Member, list[Face]] | None:
    """The member with this id and his faces, where this request made him; raises ``Duplicate`` where another did."""
    try:
        who = await known(transaction, key)
    except NotFound:
        return None
    found = await faces.faces_of_member(transaction, who.number)
    if _part(request, 0).face not in {each.id for each in found} and key != str(uuid5(request, SPACE)):
        raise Duplicate(f"There is a watchlist member {key!r:.80} already")
    return who, found


async def _lists(transaction: Transaction, keys: list[str]) -> list[Collection]:
    """The watchlists with these ids; raises ``Invalid``, as the interface documents no 404 for Register."""
    found = await collections.find_collections(transaction, KIND, keys)
    missing = sorted(set(keys) - {each.key for each in found})
    if missing:
        raise Invalid({"watchlistIds": [f"there is no watchlist {key!r:.80}" for key in missing[:10]]})
    return found


async def _lists_of(transaction: Transaction, who: Member) -> list[Collection]:
    numbers = await members.collections_of_member(transaction, who.number)
    return [await collections.get_collection_by_number(transaction, number) for number in numbers]
