"""A set of test pictures that anyone may have: compositions of NASA's portrait of Eileen Collins, public domain."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

PLACES = ((40, 40, 1.0), (420, 90, 0.7), (700, 30, 1.3), (120, 420, 0.5))  # left, top, and scale of each face


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def document(version: str, image: bytes, objects: list[Any] | None = None) -> dict[str, Any]:
    """The document with a picture, as JSON of version v1 or v2."""
    text = base64.b64encode(image).decode()
    top: dict[str, Any] = {"$image": text} if version == "v1" else {"_image": {"blob": text, "format": "IMAGE"}}
    return top if objects is None else {**top, "objects": objects}


def crowd(photo: NDArray[np.uint8]) -> Image.Image:
    """Four faces of different sizes on one backdrop, two of them mirrored."""
    face = Image.fromarray(photo).crop((120, 10, 340, 250))
    canvas = Image.new("RGB", (1024, 640), (96, 104, 112))
    for index, (left, top, scale) in enumerate(PLACES):
        part = face.resize((round(face.width * scale), round(face.height * scale)), Image.Resampling.LANCZOS)
        canvas.paste(part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if index % 2 else part, (left, top))
    return canvas


def nobody(photo: NDArray[np.uint8]) -> Image.Image:
    """The rocket beside the astronaut, blurred: no face."""
    return Image.fromarray(photo).crop((390, 0, 512, 260)).filter(ImageFilter.GaussianBlur(2))


def variations(photo: NDArray[np.uint8]) -> Mapping[str, bytes]:
    """The portrait in every kind of file in which it is still the same picture."""
    image = Image.fromarray(photo)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right before it is shown
    clear = image.copy()
    clear.putalpha(255)
    second = Image.new("RGB", image.size, "white")
    return {
        "jpeg": encoded(image, "JPEG", quality=95),
        "progressive jpeg": encoded(image, "JPEG", quality=95, progressive=True),
        "cmyk jpeg": encoded(image.convert("CMYK"), "JPEG", quality=95),
        "turned jpeg": encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif),
        "png": encoded(image),
        "png with alpha": encoded(clear),
        "webp": encoded(image, "WEBP", quality=95),
        "bmp": encoded(image, "BMP"),
        "tiff": encoded(image, "TIFF", compression="tiff_lzw"),
        "gif of two frames": encoded(image, "GIF", save_all=True, append_images=[second]),
        "grey png": encoded(image.convert("L")),
        "grey png of 16 bits": encoded(Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)),
        "grey jpeg": encoded(image.convert("L"), "JPEG", quality=95),
    }
