"""What CompreFace tells of itself, without a key where none is required."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from compat.compreface.body import MAX_FILE, MAX_REQUEST
from compat.compreface.call import Call
from compat.compreface.errors import Code, Refusal
from compat.compreface.services import DETECTION, VERIFICATION
from serving.engine.context import Context
from serving.engine.loading import template_identity
from serving.http.errors import Unauthorised
from serving.identity.keys import RECOGNITION, SPACES
from serving.identity.people import ADMIN, People
from store import faces

_REMEDY = "the templates of another model are here; run 'facet store re-embed'"


async def anybody(people: People, request: Request) -> None:
    """Lets pass who has any key of CompreFace's services, or everybody where none is required."""
    for scope in (RECOGNITION, DETECTION, VERIFICATION):
        try:
            return await people.check_key(request, scope)
        except Unauthorised:
            continue
    raise Unauthorised("A valid API key is required")


async def operator(people: People, request: Request) -> None:
    """Lets pass who may administer, or everybody where no key is required."""
    await people.check_key(request, ADMIN)


async def config(_: Call[None], __: Context, ___: None) -> Response:
    return JSONResponse({"clientMaxFileSize": MAX_FILE, "clientMaxBodySize": MAX_REQUEST})


async def status(call: Call[None], _: Context, __: None) -> Response:
    """Whether all faces can be compared with new ones: those with templates of another model cannot."""
    answer = {
        "demoFaceCollectionIsInconsistent": False,
        "dbIsInconsistent": await _is_inconsistent(call.people),
        "saveImagesToDB": call.people.settings.store_images,
        "status": "OK",
    }
    return JSONResponse(answer)


async def migrate(call: Call[None], _: Context, __: None) -> Response:
    """Nothing, where nothing is to be done; recomputing templates is a command here, as it takes long."""
    if await _is_inconsistent(call.people):
        raise Refusal(f"Error during synchronization between servers: {_REMEDY}", Code.FAILURE, 500)
    return PlainTextResponse("Migration started")


async def _is_inconsistent(people: People) -> bool:
    used = template_identity(people.settings)
    async with people.store.begin() as transaction:
        return await faces.has_faces_of_other_models(transaction, SPACES, used.model, used.version)
