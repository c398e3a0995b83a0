"""CompreFace's errors: its codes, its words, and what ours become there.

An answer that tells of an error is ``{"message": …, "code": …}``. Codes and messages are those of CompreFace 1.2; where
it says no more than that something went wrong, ours say what.
"""

from enum import IntEnum
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

from schemas.errors import BadImage, Fault
from schemas.template import TemplateMismatch
from serving.http.errors import Unauthorised, problem
from store import ModelMismatch


class Code(IntEnum):
    """What CompreFace calls its errors."""

    UNDEFINED = 0
    EMPTY_FIELD = 5
    UNKNOWN_SERVICE = 10
    MISSING_HEADER = 20
    BAD_FILE = 21
    CONSTRAINT = 26
    NO_FACE = 28
    SEVERAL_FACES = 31
    MISSING_PARAMETER = 33
    MISSING_PART = 34
    BAD_CHARACTER = 36
    EMBEDDINGS = 37
    FAILURE = 41
    UNKNOWN_SUBJECT = 42
    KNOWN_SUBJECT = 43
    UNKNOWN_IMAGE = 44


_STATUS = {
    Code.UNKNOWN_SERVICE: HTTPStatus.NOT_FOUND,
    Code.UNKNOWN_SUBJECT: HTTPStatus.NOT_FOUND,
    Code.UNKNOWN_IMAGE: HTTPStatus.NOT_FOUND,
}  # all others are bad requests
_BROKEN = "Image has incorrect format or is broken"
_UNFORESEEN = "Something went wrong, please try again"
_SYNCHRONISATION = "Error during synchronization between servers: {}"


class Refusal(Fault):
    """``Refusal(message, code, status)``: an error in CompreFace's words; without a status it is that of the code."""

    @property
    def code(self) -> Code:
        return Code(self.args[1])

    @property
    def status(self) -> HTTPStatus:
        return HTTPStatus(self.args[2]) if len(self.args) > 2 else _STATUS.get(self.code, HTTPStatus.BAD_REQUEST)


class Told(NamedTuple):
    """An error as a client sees it."""

    status: HTTPStatus
    message: str
    code: Code
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        return {"message": self.message, "code": int(self.code)}


def told(error: Exception) -> Told:
    """What to tell of any error; what nobody foresaw is logged."""
    match error:
        case Refusal():
            return Told(error.status, error.message, error.code, {})
        case BadImage():  # which CompreFace tells as the lack of a face, with the code that its clients know
            return Told(HTTPStatus.BAD_REQUEST, _BROKEN, Code.NO_FACE, {})
        case ModelMismatch() | TemplateMismatch():
            return Told(HTTPStatus.INTERNAL_SERVER_ERROR, _SYNCHRONISATION.format(error), Code.FAILURE, {})
        case Unauthorised():
            return told(missing_header("x-api-key"))
        case Fault():
            return told(Refusal(error.message, Code.UNDEFINED))
        case _:
            return _failed(error)


def _failed(error: Exception) -> Told:
    """What to tell where it is not the client's fault."""
    found = problem(error)
    if found.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return Told(found.status, _UNFORESEEN, Code.UNDEFINED, found.headers)
    code = Code.FAILURE if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Code.UNDEFINED
    return Told(found.status, str(found.detail), code, found.headers)


def constraints(*broken: str) -> Refusal:
    """Rules that a request breaks, as CompreFace lists them."""
    return Refusal("".join(f"{each}; " for each in broken), Code.CONSTRAINT)


def empty_field(name: str) -> Refusal:
    return Refusal(f"Field {name} cannot be empty", Code.EMPTY_FIELD)


def missing_header(name: str) -> Refusal:
    return Refusal(f"Missing header: {name}", Code.MISSING_HEADER)


def missing_parameter(name: str) -> Refusal:
    return Refusal(f"Required parameter {name} is missing", Code.MISSING_PARAMETER)


def missing_part(name: str) -> Refusal:
    return Refusal(f"Required part {name} is missing", Code.MISSING_PART)


def bad_key() -> Refusal:
    return Refusal("Service API key should be UUID", Code.CONSTRAINT)


def unknown_service(kind: str, secret: str) -> Refusal:
    return Refusal(f"{kind.capitalize()} service with API Key {secret} not found", Code.UNKNOWN_SERVICE)


def bad_extension(name: str) -> Refusal:
    return Refusal(f"File [{name}] has an unavailable extension", Code.BAD_FILE)


def not_base64() -> Refusal:
    return Refusal("Provided value is not Base64", Code.BAD_FILE)


def no_face() -> Refusal:
    return Refusal("No face is found in the given image", Code.NO_FACE)


def several_faces() -> Refusal:
    return Refusal("More than one face in the source image", Code.SEVERAL_FACES)


def unknown_subject(name: str) -> Refusal:
    return Refusal(f"Subject {name} not found", Code.UNKNOWN_SUBJECT)


def known_subject() -> Refusal:
    return Refusal("Subject already exists", Code.KNOWN_SUBJECT)


def unknown_image(identity: UUID) -> Refusal:
    return Refusal(f"Image {identity} not found", Code.UNKNOWN_IMAGE)


def bad_image_id() -> Refusal:
    return Refusal("Image Id is incorrect", Code.UNKNOWN_IMAGE)
