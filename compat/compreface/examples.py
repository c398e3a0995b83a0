"""Faces that subjects are known by: added, listed, removed, downloaded."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID, uuid5

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from compat.compreface.answers import example, page
from compat.compreface.body import images, json_value
from compat.compreface.call import Call
from compat.compreface.errors import Code, Refusal, bad_image_id, constraints, no_face, several_faces, unknown_image
from compat.compreface.names import checked, key_of
from compat.compreface.query import paged, subject_given, subject_wanted, threshold
from compat.compreface.services import Gallery, opened
from compat.compreface.sight import image_limits
from serving.engine.context import Context
from serving.http.admission import Body
from serving.identity.gate import Gate
from serving.identity.people import People, identity_of
from store import Duplicate, NotFound, Paging, Transaction, faces, members

_CACHED = {"Cache-Control": "private, max-age=31536000"}  # a photograph of a person: not for caches that others share


class New(NamedTuple):
    """An example that is to be added."""

    subject: str
    threshold: float | None
    image: bytes
    identity: UUID


async def read_new(call: Call[Gallery], body: Body) -> New:
    query = call.request.query_params
    subject, least = subject_wanted(query), threshold(query)
    [image] = await images(call.request, call.people.settings, body, ("file",))
    return New(subject, least, image, _identity(call))


async def add(call: Call[Gallery], context: Context, new: New) -> Response:
    """Enrols the one face of an image; a request that comes a second time finds it done."""
    people, gallery = call.people, call.service
    gate = Gate.of(gallery.collection.settings)
    outputs = {"template"} | gate.outputs
    limits = image_limits(people)
    async with people.look(new.image, outputs, context, threshold=new.threshold, limits=limits) as sight:
        if not sight.faces:
            raise no_face()
        if len(sight.faces) > 1:
            raise several_faces()
        refused = gate.refusals(sight.faces, sight.frame)
        if refused:
            raise constraints(*refused)
        face = people.new_face(sight, sight.faces[0], people.kept_photo(sight), new.identity)
    with suppress(Duplicate):  # the same request, sent again: it is done
        await people.enrol(gallery.space, key_of(new.subject), new.subject, [face], [gallery.number])
    return JSONResponse(example(new.identity, new.subject), 201)


async def listed(call: Call[Gallery], _: Context, __: None) -> Response:
    query = call.request.query_params
    part, name = paged(query), query.get("subject")
    paging = Paging(part.page * part.size, part.size)
    async with call.people.store.begin() as transaction:
        found = await faces.list_face_owners(
            transaction, call.service.space, paging, None if name is None else key_of(checked(name))
        )
    return JSONResponse(page(found, part))


async def remove_all(call: Call[Gallery], _: Context, __: None) -> Response:
    """Removes all faces of a subject, or of all subjects; with its last face a subject goes, too."""
    name, gallery = subject_given(call.request.query_params), call.service
    async with call.people.store.begin() as transaction:
        # Subjects are locked before their faces, as by whoever merges them: nobody waits in a circle.
        if name is None:
            count = await faces.count_faces(transaction, gallery.number)
            await members.delete_members(transaction, gallery.space)
        else:
            count = await _emptied(transaction, gallery.space, key_of(name))
    return JSONResponse({"deleted": count})


async def remove(call: Call[Gallery], _: Context, __: None) -> Response:
    """Removes one face; its subject stays."""
    identity = image_id(call.request)
    gone = await _removed(call, [identity])
    if not gone:
        raise unknown_image(identity)
    return JSONResponse(example(identity, gone[identity]))


async def read_several(call: Call[Gallery], body: Body) -> list[UUID]:
    """The identities of faces that are to be removed."""
    raw = await json_value(call.request, call.people.settings, body)
    if not isinstance(raw, list):
        raise Refusal("The body should be a list of image ids", Code.UNDEFINED)
    if len(raw) > call.people.settings.max_objects:
        raise Refusal(f"At most {call.people.settings.max_objects} image ids can be given", Code.UNDEFINED)
    return [_parsed(each) for each in raw]


async def remove_several(call: Call[Gallery], _: Context, identities: list[UUID]) -> Response:
    """Removes the faces that are there, and tells which they were."""
    gone = await _removed(call, identities)
    return JSONResponse([example(each, gone[each]) for each in dict.fromkeys(identities) if each in gone])


async def download(call: Call[Gallery], _: Context, __: None) -> Response:
    return await _image(call.people, call.service, image_id(call.request))


async def download_by_link(call: Call[None], _: Context, __: None) -> Response:
    """The same for who can send no header: the key is in the path."""
    identity = image_id(call.request)
    return await _image(call.people, await opened(call.people, call.request.path_params["key"]), identity)


async def stored(call: Call[Gallery], identity: UUID) -> tuple[bytes, str]:
    """The template of an example, and the name of its subject; raises ``Refusal``."""
    try:
        async with call.people.store.begin() as transaction:
            found, owner = await faces.get_face(transaction, call.service.space, identity)
    except NotFound:
        raise unknown_image(identity) from None
    return found.template, owner.name


def image_id(request: Request) -> UUID:
    """The identity of an example in the path; raises ``Refusal``."""
    return _parsed(request.path_params["id"])


def _parsed(raw: object) -> UUID:
    try:
        return UUID(str(raw))
    except ValueError:
        raise bad_image_id() from None


def _identity(call: Call[Gallery]) -> UUID:
    """The identity of a new face: the same for the same request, and another in another collection."""
    return uuid5(identity_of(call.request), call.service.space)


async def _emptied(transaction: Transaction, space: str, key: str) -> int:
    """Removes a subject, if it is there; returns how many faces it had."""
    try:
        await members.get_member(transaction, space, key, lock=True)
    except NotFound:
        return 0
    count = await faces.delete_faces_of(transaction, space, key)
    await members.delete_members(transaction, space, [key])
    return count


async def _removed(call: Call[Gallery], identities: Sequence[UUID]) -> dict[UUID, str]:
    """Whose the faces were that are removed now, by their identities."""
    async with call.people.store.begin() as transaction:
        gone = await faces.delete_faces(transaction, call.service.space, identities)
    return {identity: owner.name for identity, owner in gone}


async def _image(people: People, gallery: Gallery | None, identity: UUID) -> Response:
    """The photograph of an example, empty where there is none, or none was kept."""
    data = b""
    if gallery is not None:
        try:
            async with people.store.begin() as transaction:
                found, _ = await faces.get_face(transaction, gallery.space, identity)
                if found.photo is not None:
                    data = (await faces.get_image(transaction, found.photo)).data
        except NotFound:
            pass
    return Response(data, media_type="application/octet-stream", headers=_CACHED if data else {})
