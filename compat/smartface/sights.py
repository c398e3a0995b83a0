"""Faces in the images that clients send: found, chosen by the detector's configuration, measured."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from math import dist
from typing import NamedTuple

from compat.smartface import scores
from compat.smartface.errors import Invalid, NoFace
from compat.smartface.requests import Detection
from schemas import Attributes, BadDocument, BadEncoding, Frame
from schemas.attributes import BOX, KEYPOINT_NAMES, KEYPOINTS, Box
from schemas.fields import blob
from schemas.image import ImageLimits
from serving.engine.context import Context
from serving.identity.people import People, Sight

_LEFT_EYE, _RIGHT_EYE, _MOUTH = (KEYPOINT_NAMES.index(name) for name in ("left_eye", "right_eye", "mouth"))

Pixels = tuple[float, float]


class Seen(NamedTuple):
    """A face of an image; lengths are pixels of the upright image."""

    attributes: Attributes
    eyes: tuple[Pixels, Pixels]  # the image's left one first
    size: float
    area: float  # share of the image that its box covers, 0..1
    order: int  # 1 is the largest of the image
    among: int  # faces of the image

    @property
    def box(self) -> Box:
        return self.attributes[BOX]


class View(NamedTuple):
    """An image and the faces in it that were asked for, the largest first."""

    sight: Sight
    faces: Sequence[Seen]

    @property
    def frame(self) -> Frame:
        return self.sight.frame


@asynccontextmanager
async def viewed(  # noqa: PLR0913, PLR0917 - each is its own thing
    people: People,
    data: bytes,
    wanted: Detection,
    context: Context,
    outputs: Collection[str],
    optional: Collection[str] = (),
) -> AsyncIterator[View]:
    """The faces of an image that fit what is wanted, at least one; raises ``NoFace`` where there is none."""
    settings = people.settings
    # Any image that a body can hold: the interface has no limit of its own for images.
    limits = ImageLimits(settings.max_body_bytes, settings.max_image_pixels)
    threshold = scores.detection_confidence(wanted.confidence_threshold)
    async with people.look(data, (), context, threshold=threshold, limits=limits) as sight:
        faces = chosen(sight.faces, sight.frame, wanted, settings.max_samples)
        if not faces:
            raise NoFace(_missing(len(sight.faces), wanted))
        told = await people.describe(sight, [face.attributes for face in faces], outputs, context, optional=optional)
        faces = [face._replace(attributes=known) for face, known in zip(faces, told, strict=True)]
        yield View(sight, faces)


def chosen(faces: Sequence[Attributes], frame: Frame, wanted: Detection, most: int) -> list[Seen]:
    """The faces of the sizes that are wanted, the largest first: ``max_faces`` of them, or ``most``."""
    measured = [(_size(face, frame), face) for face in faces]
    fitting = [each for each in measured if wanted.min_face_size <= each[0] <= wanted.max_face_size]
    fitting = sorted(fitting, key=lambda each: -each[0])[: min(max(wanted.max_faces, 0), most)]
    return [
        Seen(face, _eyes(face, frame), size, _area(face[BOX]), order, len(fitting))
        for order, (size, face) in enumerate(fitting, 1)
    ]


def decoded(data: str, where: str) -> bytes:
    """The bytes of an image in base64; raises ``Invalid`` for what is none."""
    try:
        found = blob(data)
    except (BadEncoding, BadDocument):
        raise Invalid({where: ["is not base64"]}) from None
    if not found:
        raise Invalid({where: ["an image in base64 is required"]})
    return found


def _missing(found: int, wanted: Detection) -> str:
    if not found:
        return "No face detected"
    sizes = f"{wanted.min_face_size} to {wanted.max_face_size} pixels"
    return f"No face detected: none of the {found} in the image is one of at most {wanted.max_faces} of {sizes}"


def _size(face: Attributes, frame: Frame) -> float:
    """The distance between the eyes or, where that is longer, from between them to the mouth, pixels.

    Turning the head shortens one of them, nodding the other.
    """
    (left, top), (right, bottom) = _eyes(face, frame)
    mouth = _pixels(face, _MOUTH, frame)
    return max(dist((left, top), (right, bottom)), dist(((left + right) / 2, (top + bottom) / 2), mouth))


def _eyes(face: Attributes, frame: Frame) -> tuple[Pixels, Pixels]:
    return _pixels(face, _LEFT_EYE, frame), _pixels(face, _RIGHT_EYE, frame)


def _pixels(face: Attributes, index: int, frame: Frame) -> Pixels:
    point = face[KEYPOINTS][index]
    return point.x * frame.width, point.y * frame.height


def _area(box: Box) -> float:
    return max(0.0, min(box.right, 1) - max(box.left, 0)) * max(0.0, min(box.bottom, 1) - max(box.top, 0))
