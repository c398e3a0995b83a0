"""What keys open, and how they are made."""

from typing import Annotated
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, field_validator

from store import Key, NotFound, Transaction, collections, keys

SCOPES = {
    "admin": "everything, and the admin API",
    "image": "the Image API",
    "recognition": "a face collection by CompreFace's interface",
    "detection": "CompreFace's detection",
    "verification": "CompreFace's verification",
    "smartface": "SmartFace's interface",
}
RECOGNITION = "recognition"
KINDS = (RECOGNITION, "watchlist")  # of collections
SPACES = "compreface/"  # what the spaces of the members of all face collections begin with
Name = Annotated[str, Field(min_length=1, max_length=200)]


class BadKey(ValueError):
    """No such key can be made; the message says why."""


class KeyRequest(BaseModel):
    """A key that somebody wants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="What it is for")
    scopes: tuple[str, ...] = Field(min_length=1, description="What it opens")
    application: Name | None = Field(default=None, description="The application that a CompreFace service is of")
    collection: Name | None = Field(
        default=None, description="The key of the face collection for the scope recognition; a new one by default"
    )

    @field_validator("scopes")
    @classmethod
    def _known(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        for scope in scopes:
            if scope not in SCOPES:
                raise ValueError(f"there is no scope {scope!r}; there are {', '.join(SCOPES)}")
        return tuple(dict.fromkeys(scopes))


def space_of(collection: str) -> str:
    """The space of the members of a face collection, which has them for itself, by its key."""
    return f"{SPACES}{collection}"


async def made(transaction: Transaction, wanted: KeyRequest) -> tuple[str, Key]:
    """A new key, told this once, and what is kept of it; makes the collection that it opens where it is not there."""
    number = None
    if RECOGNITION in wanted.scopes:
        key = wanted.collection or str(uuid4())
        try:
            found = await collections.get_collection(transaction, RECOGNITION, key)
        except NotFound:
            found = await collections.create_collection(transaction, RECOGNITION, key, wanted.collection or wanted.name)
        number = found.number
    elif wanted.collection is not None:
        raise BadKey(f"a collection goes with the scope {RECOGNITION} alone")
    return await keys.create_key(transaction, wanted.name, wanted.scopes, wanted.application, number)
