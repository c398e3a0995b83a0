"""From the bytes of an image file to upright RGB pixels, within limits that are checked before anything is decoded."""

import io
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from schemas.dialect import Picture
from schemas.errors import BadImage, TooLarge

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "ICO")
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT: Mapping[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
_END = b"\xff\xd9"  # of a JPEG that is whole

# A progressive JPEG paints the whole picture once a scan; cameras and editors write about ten. Without a bound a small
# file can keep a processor busy for minutes.
_MOST_SCANS = 100
_SCAN = b"\xff\xda"

# Pillow's own guard is a process-wide number of pixels that first warns; ours is an argument and always refuses.
Image.MAX_IMAGE_PIXELS = None
Image.init()  # registers all formats now rather than in the first request


class ImageLimits(NamedTuple):
    """The largest image accepted: ``size`` in bytes as sent, ``pixels`` once decoded."""

    size: int = 4_928_307  # 4.7 MiB, the limit that the source document states as 4.7 MB
    pixels: int = 50_000_000


def decode(picture: Picture, limits: ImageLimits = ImageLimits()) -> NDArray[np.uint8]:  # noqa: B008 - immutable
    """The upright pixels, (height, width, 3) RGB uint8.

    Of several frames the first counts, of an icon's pictures the largest; EXIF orientation is applied, transparent
    parts become white, 16-bit samples keep their high byte. Raises ``BadImage`` for what is not a JPEG, PNG, BMP, WebP,
    TIFF, GIF or ICO image, and ``TooLarge``, before decoding, for an image beyond the ``limits``.
    """
    if picture.shape is not None:
        _check_pixels(picture.shape[1], picture.shape[0], limits)
        return np.frombuffer(picture.data, np.uint8).reshape(picture.shape)
    image = _opened(picture, limits)
    try:
        return _pixels(picture.data, image)
    except Exception:  # noqa: BLE001 - decoders of hostile bytes raise whatever they like
        raise BadImage("Failed to decode image") from None


def pixel_count(picture: Picture, limits: ImageLimits) -> int:
    """How many pixels an image has, from its header alone; raises what ``decode`` raises before decoding."""
    if picture.shape is not None:
        return picture.shape[0] * picture.shape[1]
    width, height = _opened(picture, limits).size
    return int(width * height)


def _opened(picture: Picture, limits: ImageLimits) -> ImageFile.ImageFile:
    """The image with its header read and its size within the limits."""
    if len(picture.data) > limits.size:
        raise TooLarge(f"The image has {len(picture.data)} bytes, {limits.size} are allowed")
    try:
        image = Image.open(io.BytesIO(picture.data), formats=FORMATS)
    except Exception:  # noqa: BLE001 - as above
        raise BadImage("Failed to decode image") from None
    _check_pixels(*image.size, limits)
    if image.format == "ICO":
        _check_icon(picture.data)
    if image.format in {"JPEG", "MPO"} and picture.data.count(_SCAN) > _MOST_SCANS:
        raise TooLarge(f"The image has more than the {_MOST_SCANS} scans that are allowed")
    return image


def _check_icon(data: bytes) -> None:
    """Raises ``BadImage`` for an icon with a picture of another size than its directory says, 256 pixels at most.

    Pillow tells the size in the directory, and decodes whatever is there. A picture is a PNG, or a bitmap without its
    file header, with a mask below it that counts as height.
    """
    try:
        (count,) = struct.unpack_from("<H", data, 4)
        for index in range(count):
            width, height, offset = struct.unpack_from("<BB10xI", data, 6 + 16 * index)
            if data.startswith(b"\x89PNG", offset):
                found = struct.unpack_from(">II", data, offset + 16)
            else:
                across, down = struct.unpack_from("<ii", data, offset + 4)
                found = across, down // 2
            if found != (width or 256, height or 256):
                raise BadImage("Failed to decode image")
    except struct.error:
        raise BadImage("Failed to decode image") from None


def _check_pixels(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.pixels:
        raise TooLarge(f"The image has {width} x {height} pixels, {limits.pixels} are allowed")


def _pixels(data: bytes, image: ImageFile.ImageFile) -> NDArray[np.uint8]:
    turn = None if image.format == "TIFF" else _UPRIGHT.get(_orientation(image))  # Pillow turns those itself
    pixels = _jpeg_pixels(data) if _is_plain_jpeg(data, image) else None
    if pixels is None:
        pixels = np.asarray(_eight_bits(image), np.uint8)
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _is_plain_jpeg(data: bytes, image: ImageFile.ImageFile) -> bool:
    """A whole JPEG of grey or of red, green and blue; of any other, Pillow knows what to make or what to refuse."""
    return image.format in {"JPEG", "MPO"} and image.mode in {"L", "RGB"} and data.rstrip(b"\0").endswith(_END)


def _jpeg_pixels(data: bytes) -> NDArray[np.uint8] | None:
    """The same pixels as Pillow's in a third of the time: both have them from libjpeg-turbo. None where it refuses."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if found is None else np.asarray(found, np.uint8)


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block does not spoil the picture
        return 1


def _eight_bits(image: ImageFile.ImageFile) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, np.uint16) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in {"I", "F"}:  # 32-bit grey: stretched over its own range, as no scale is agreed for it
        samples = np.nan_to_num(np.array(image, np.float32), copy=False)
        low, high = float(samples.min()), float(samples.max())
        samples -= low
        samples *= 255 / max(high - low, 1e-9)
        return Image.fromarray(samples.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        pixels, page = image.convert("RGBA"), Image.new("RGB", image.size, "white")
        page.paste(pixels, mask=pixels)
        return page
    return image.convert("RGB")
