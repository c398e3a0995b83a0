"""Looking at the images of requests: which faces count, and what is known of them."""

from typing import NamedTuple

from compat.compreface import plugins
from compat.compreface.answers import Style, face
from compat.compreface.body import MAX_FILE
from compat.compreface.errors import no_face
from compat.compreface.query import Wanted
from compat.compreface.whole import whole_image
from schemas import Attributes, Frame
from schemas.attributes import BOX, Box
from schemas.fields import Json
from schemas.image import ImageLimits
from serving.engine.context import Context, Timings
from serving.identity.people import People


class Seen(NamedTuple):
    """The faces of an image, the biggest first; never none."""

    faces: tuple[Attributes, ...]
    frame: Frame
    found: int  # faces, before the limit
    spent: dict[str, float]  # milliseconds of each service, for all that were found

    def answers(self, wanted: Wanted, style: Style) -> list[Json]:
        """What is told of each face, without its similarity to others."""
        shown = known(wanted) & wanted.plugins
        return [face(each, self.frame, shown, style) | self._times(wanted) for each in self.faces]

    def _times(self, wanted: Wanted) -> Json:
        if not wanted.status:
            return {}
        return {"execution_time": plugins.times(self.spent, known(wanted), self.found)}


async def seen(people: People, context: Context, image: bytes, wanted: Wanted) -> Seen:
    """The faces in an image with what is wanted of them, as many as are wanted; raises ``Refusal`` for none."""
    own = Timings()  # of this image alone, as a request may have two
    alone = Context(context.options, own, context.deadline)
    asked = plugins.outputs(known(wanted))
    limits = image_limits(people)
    try:
        if wanted.detect:
            async with people.look(image, asked, alone, threshold=wanted.threshold, limits=limits) as sight:
                frame, faces = sight.frame, sight.faces
        else:
            frame, faces = await whole_image(people, image, asked, alone, limits)
    finally:
        for name, spent in own.spent.items():
            context.timings.spent[name] = context.timings.spent.get(name, 0.0) + spent
        context.timings.objects += own.objects
    if not faces:
        raise no_face()
    biggest = sorted(faces, key=lambda each: _area(each[BOX], frame), reverse=True)
    return Seen(tuple(biggest[: wanted.limit or None]), frame, len(faces), own.spent)


def known(wanted: Wanted) -> frozenset[str]:
    """The plugins that work for a request: of those wanted and needed, those that there are.

    Of an image that is a face nobody has seen the points and the pose.
    """
    needed = {plugins.CALCULATOR} if wanted.compare else set()
    chosen = (wanted.plugins | needed) & plugins.OUTPUTS.keys()
    return frozenset(chosen if wanted.detect else chosen - {"pose", "landmarks"})


async def versions(people: People, wanted: Wanted) -> Json:
    """The member that tells what is behind the plugins, where it is wanted."""
    return {"plugins_versions": await plugins.versions(people.engine, known(wanted))} if wanted.status else {}


def image_limits(people: People) -> ImageLimits:
    """The largest image: as a file CompreFace's, in pixels ours."""
    return ImageLimits(MAX_FILE, people.settings.max_image_pixels)


def _area(box: Box, frame: Frame) -> float:
    """Square pixels."""
    return box.width * frame.width * box.height * frame.height
