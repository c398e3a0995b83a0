"""CompreFace's services: who asks by which key, and which face collection it opens."""

import re
from typing import NamedTuple

from compat.compreface.errors import bad_key, missing_header, unknown_service
from serving.identity.keys import RECOGNITION, space_of
from serving.identity.people import People
from store import Collection, NotFound, collections

DETECTION, VERIFICATION = "detection", "verification"  # scopes of keys, beside RECOGNITION
HEADER = "x-api-key"
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Gallery(NamedTuple):
    """A face collection, and the space of its subjects."""

    collection: Collection

    @property
    def number(self) -> int:
        return self.collection.number

    @property
    def space(self) -> str:
        return space_of(self.collection.key)


async def check(people: People, kind: str, secret: str | None) -> None:
    """Raises ``Refusal`` unless the key is that of a service of this kind."""
    if secret is None:
        raise missing_header(HEADER)
    if not _KEY.fullmatch(secret):
        raise bad_key()
    found = await people.key(secret)
    if found is None or kind not in found.scopes:
        raise unknown_service(kind, secret)


async def gallery(people: People, secret: str | None) -> Gallery:
    """The face collection of a recognition service; raises ``Refusal``."""
    await check(people, RECOGNITION, secret)
    found = await opened(people, secret or "")
    if found is None:
        raise unknown_service(RECOGNITION, secret or "")
    return found


async def opened(people: People, secret: str) -> Gallery | None:
    """The face collection that a key opens, None where it opens none."""
    found = await people.key(secret) if _KEY.fullmatch(secret) else None
    if found is None or found.collection is None or RECOGNITION not in found.scopes:
        return None
    try:
        async with people.store.begin() as transaction:
            return Gallery(await collections.get_collection_by_number(transaction, found.collection))
    except NotFound:  # removed a moment ago
        return None
