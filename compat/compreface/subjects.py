"""Subjects of a face collection: made, listed, renamed, removed."""

from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from compat.compreface.body import json_object, subject_member
from compat.compreface.call import Call
from compat.compreface.errors import constraints, known_subject, unknown_subject
from compat.compreface.names import SUBJECT, checked, key_of
from compat.compreface.services import Gallery
from serving.engine.context import Context
from serving.http.admission import Body
from store import Duplicate, NotFound, members

_PATH = "/recognition/subjects/"


async def read_new(call: Call[Gallery], body: Body) -> str:
    """The name of a subject that is to be made."""
    name = subject_member(await json_object(call.request, call.people.settings, body))
    if not name.strip():
        raise constraints(SUBJECT)
    return checked(name)


async def read_renamed(call: Call[Gallery], body: Body) -> tuple[str, str]:
    """The old and the new name."""
    new = subject_member(await json_object(call.request, call.people.settings, body))
    return named(call.request), checked(new)


async def add(call: Call[Gallery], _: Context, name: str) -> Response:
    space = call.service.space
    try:
        async with call.people.store.begin() as transaction:
            made = await members.create_member(transaction, space, key_of(name), name)
            await members.link_members(transaction, call.service.number, [made.number])
    except Duplicate:
        raise known_subject() from None
    return JSONResponse({"subject": name}, 201)


async def listed(call: Call[Gallery], _: Context, __: None) -> Response:
    async with call.people.store.begin() as transaction:
        found = await members.list_members(transaction, call.service.space)
    return JSONResponse({"subjects": [each.name for each in found.items]})


async def rename(call: Call[Gallery], _: Context, carried: tuple[str, str]) -> Response:
    """Gives a subject another name; where there is one with this name, all faces become that one's."""
    old, new = carried
    if not new.strip() or new == old:
        return JSONResponse({"updated": False})
    while True:
        try:
            async with call.people.store.begin() as transaction:
                await members.rename_member(transaction, call.service.space, key_of(old), key_of(new), new)
        except NotFound:
            raise unknown_subject(old) from None
        except Duplicate:  # another request took the name meanwhile: now there is somebody to merge with
            continue
        return JSONResponse({"updated": True})


async def remove(call: Call[Gallery], _: Context, __: None) -> Response:
    """Removes a subject and its faces."""
    name = named(call.request)
    async with call.people.store.begin() as transaction:
        gone = await members.delete_members(transaction, call.service.space, [key_of(name)])
    if not gone:
        raise unknown_subject(name)
    return JSONResponse({"subject": gone[0].name})


async def remove_all(call: Call[Gallery], _: Context, __: None) -> Response:
    async with call.people.store.begin() as transaction:
        gone = await members.delete_members(transaction, call.service.space)
    return JSONResponse({"deleted": len(gone)})


def named(request: Request) -> str:
    """The subject in a path; in its raw form, where a slash of the name is not one of the path."""
    raw = request.scope.get("raw_path") or b""
    _, found, last = raw.decode("latin-1").partition("?")[0].partition(_PATH)
    name = unquote(last.removesuffix("/")) if found else str(request.path_params["subject"]).removesuffix("/")
    return checked(name)
