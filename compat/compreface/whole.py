"""Images that are faces, cut by the client: ``detect_faces=false``."""

from collections.abc import Collection

from estimators.geometry import ARCFACE
from graph import Fact, GraphSpec
from schemas import Attributes, Frame, Picture
from schemas.attributes import BOX, CONFIDENCE, KEYPOINT_NAMES, KEYPOINTS, KIND, Box, Point
from schemas.image import ImageLimits
from serving.engine.context import Context
from serving.identity.people import People

# Where a crop for recognition has eyes, nose and mouth corners, as fractions of its sides; of the other points nothing
# is known, and nothing that is asked of such an image looks at them.
_PLACES = dict(
    zip(("left_eye", "right_eye", "nose", "mouth_left", "mouth_right"), (ARCFACE / 112).tolist(), strict=True)
)
_FACE = Attributes(
    {
        KIND: "face",
        BOX: Box(0.0, 0.0, 1.0, 1.0),
        CONFIDENCE: 1.0,
        KEYPOINTS: tuple(Point(*_PLACES.get(name, (0.5, 0.5))) for name in KEYPOINT_NAMES),
    }
)


async def whole_image(
    people: People, image: bytes, outputs: Collection[str], context: Context, limits: ImageLimits
) -> tuple[Frame, tuple[Attributes, ...]]:
    """The image's size and, with the outputs, the one face that it is taken for."""
    async with people.engine.photo(Picture(image), context, limits) as photo:
        height, width = photo.image.shape[:2]
        if not outputs:
            return Frame(width, height), (_FACE,)
        given = frozenset(Fact("face", attribute) for attribute in _FACE)
        plan = people.engine.plan(GraphSpec(outputs=tuple(sorted(outputs))), given, frozenset({"face"}))
        outcome = await people.engine.execute(plan, {"face": (_FACE,)}, photo, context)
    for failure in outcome.failures.values():
        raise failure.error
    [found] = outcome.objects["face"]
    return Frame(width, height), (_FACE | found,)
