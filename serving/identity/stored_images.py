"""Photos and crops of faces as they are kept with who was enrolled."""

import cv2
import numpy as np

from estimators import Image
from schemas.attributes import Box
from store import StoredImage

_MARGIN = 0.3  # of the box's sides, around it
_SIDE = 160  # pixels, the longer side of a thumbnail
_QUALITY = 92  # of JPEG, for crops; thumbnails have 80
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"BM", "image/bmp"),
    (b"GIF8", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
)


def kept(data: bytes, image: Image) -> StoredImage:
    """A photo as it was sent, with a thumbnail; ``image`` is what was decoded of it, RGB (height, width, 3) uint8."""
    height, width = image.shape[:2]
    return StoredImage(data, media_type(data), width, height, _thumbnail(image))


def cropped(image: Image, box: Box) -> StoredImage:
    """A face with some margin, as JPEG; the box is relative to the image, which is RGB (height, width, 3) uint8."""
    height, width = image.shape[:2]
    across, down = _MARGIN * box.width, _MARGIN * box.height
    left, right = _pixels(box.left - across, width), _pixels(box.right + across, width)
    top, bottom = _pixels(box.top - down, height), _pixels(box.bottom + down, height)
    face = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    return StoredImage(encoded(face, _QUALITY), "image/jpeg", face.shape[1], face.shape[0], _thumbnail(face))


def media_type(data: bytes) -> str:
    """The media type of an encoded image, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((name for start, name in _SIGNATURES if data.startswith(start)), "application/octet-stream")


def encoded(image: Image, quality: int) -> bytes:
    """An RGB (height, width, 3) uint8 image as JPEG of a quality of 1..100."""
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of shape {image.shape} cannot be encoded")
    return data.tobytes()


def resized(image: Image, longest: int) -> Image:
    """The image with its longer side at most so many pixels."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _thumbnail(image: Image) -> bytes:
    return encoded(resized(image, _SIDE), 80)


def _pixels(fraction: float, side: int) -> int:
    return min(max(round(fraction * side), 0), side - 1) if fraction < 1 else side
