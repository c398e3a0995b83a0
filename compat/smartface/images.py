"""Stored images, as JPEG of the size that is asked for; and the version."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from starlette.responses import Response

from compat.smartface.answers import time
from compat.smartface.calls import SPACE, Call, answer
from compat.smartface.paging import lowered, whole
from schemas import Picture as Encoded
from schemas.image import ImageLimits, decode
from serving.http.health import product_version
from serving.identity import stored_images
from store import StoredImage, faces
from store.migrate import head_revision

_QUALITY = 92  # of JPEG
_JPEG = "image/jpeg"
_INSTALLED = time(datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC))


async def got(call: Call[None]) -> Response:
    """A stored image: of a face, or the photo that it is from."""
    query = lowered(call.request)
    smaller, larger = whole(query, "minSize", 0, 1), whole(query, "maxSize", 0, 1)
    async with call.people.store.begin() as transaction:
        found = await faces.get_image(transaction, call.guid, SPACE)
    return Response(await asyncio.to_thread(_jpeg, found, longest(found, smaller, larger)), media_type=_JPEG)


def longest(found: StoredImage, smaller: int, larger: int) -> int:
    """How long the larger edge becomes where the edges shall have these sizes, pixels; 0 says nothing of an edge.

    The smaller edge gets its size unless the larger one would be longer than its own. Images are never enlarged.
    """
    sides = sorted((found.width, found.height))
    wanted = sides[1] if not smaller else max(1, round(sides[1] * smaller / sides[0]))
    return min(sides[1], wanted, larger or sides[1])


def _jpeg(found: StoredImage, side: int) -> bytes:
    if found.media_type == _JPEG and side == max(found.width, found.height):
        return found.data
    limits = ImageLimits(len(found.data), found.width * found.height)
    return stored_images.encoded(stored_images.resized(decode(Encoded(found.data), limits), side), _QUALITY)


async def version(_: Call[None]) -> Response:
    """The version; its times are those of the files that are installed."""
    return answer(
        {
            "databaseVersion": head_revision(),
            "databaseVersionCreationTime": _INSTALLED,
            "databaseVersionUpdatedTime": _INSTALLED,
            "assemblyVersion": product_version(),
            "assemblyLastModifiedTime": _INSTALLED,
            "fullVersion": f"Facet {product_version()}",
        }
    )
