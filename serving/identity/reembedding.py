"""Templates of the model in use, made in this process: to compute stored ones again after another was chosen."""

import numpy as np

from estimators.boxes import overlaps
from schemas import Attributes, BadImage, TooLarge
from schemas.attributes import BOX, TEMPLATE, Box
from schemas.image import ImageLimits
from schemas.wire import JSON
from serving.cluster.stages import Local
from serving.engine.context import Context, Options
from serving.engine.engine import Engine
from serving.engine.loading import Loader, template_identity
from serving.identity.people import People
from serving.settings import Settings

_SERVICES = ("face-detector-face-fitter", "template-extractor")
_SAME = 0.3  # intersection over union, from which on a face is taken for the one that was enrolled
_CONTEXT = Context(Options(JSON))


class Embedder:
    """Makes templates as a server with these settings does; raises ``MissingModel`` where it could not."""

    def __init__(self, settings: Settings) -> None:
        loader = Loader(settings)
        engine = Engine(settings, {name: Local(name, settings, loader) for name in _SERVICES})
        self._people = People(engine, None)
        self.identity = template_identity(settings)

    async def template(self, data: bytes, box: Box | None) -> bytes | None:
        """The template of the face at ``box``, relative to the image, or of the largest; None where there is none.

        Nor is there one in an image that cannot be decoded: one that was imported, or too large by the settings of now.
        """
        # In bytes whatever was kept: façades take larger files than the Image API.
        limits = ImageLimits(len(data), self._people.settings.max_image_pixels)
        try:
            async with self._people.look(data, ["template"], _CONTEXT, limits=limits) as sight:
                found = _largest(sight.faces) if box is None else _at(sight.faces, box)
                return None if found is None else found[TEMPLATE]
        except (BadImage, TooLarge):
            return None


def _largest(faces: tuple[Attributes, ...]) -> Attributes | None:
    return max(faces, key=lambda face: face[BOX].width * face[BOX].height, default=None)


def _at(faces: tuple[Attributes, ...], box: Box) -> Attributes | None:
    if not faces:
        return None
    shares = overlaps(np.array(box), np.array([face[BOX] for face in faces]))
    best = int(shares.argmax())
    return faces[best] if shares[best] >= _SAME else None
