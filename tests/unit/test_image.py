"""Image files of every accepted kind, and those that are refused."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from schemas import BadImage, Picture, TooLarge
from schemas.image import ImageLimits, decode, pixel_count
from tests.pictures import encoded

# Left half red, upper right green, lower right blue: no turn or flip of it looks like another.
PICTURE = np.zeros((40, 60, 3), np.uint8)
PICTURE[:, :30, 0] = 255
PICTURE[:20, 30:, 1] = 255
PICTURE[20:, 30:, 2] = 255


def likeness(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> float:
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    return float(np.abs(found.astype(int) - expected).mean())


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF"])
def test_every_format_gives_rgb(form: str) -> None:
    assert likeness(decode(Picture(encoded(Image.fromarray(PICTURE), form))), PICTURE) < 6


@pytest.mark.parametrize("form", ["png", "bmp"])
def test_of_an_icon_the_largest_picture_counts(form: str) -> None:
    large = Image.fromarray(PICTURE).resize((256, 256), Image.Resampling.NEAREST)
    icon = encoded(large, "ICO", bitmap_format=form, sizes=[(16, 16), (256, 256), (64, 64)])
    assert likeness(decode(Picture(icon)), np.asarray(large)) < 1


@pytest.mark.parametrize("width", [255, 257, 60_000])
@pytest.mark.parametrize("form", ["png", "bmp"])
def test_an_icon_whose_picture_is_not_as_large_as_it_says_is_refused(form: str, width: int) -> None:
    """As Pillow would decode whatever is there, a few bytes that stand for gigabytes among it."""
    icon = bytearray(encoded(Image.new("RGB", (256, 256)), "ICO", bitmap_format=form, sizes=[(256, 256)]))
    struct.pack_into(">I" if form == "png" else "<i", icon, 22 + (16 if form == "png" else 4), width)
    with pytest.raises(BadImage):
        decode(Picture(bytes(icon)))


@given(st.binary(max_size=200))
def test_bytes_that_begin_like_an_icon_are_refused(rest: bytes) -> None:
    with pytest.raises(BadImage):
        decode(Picture(b"\0\0\1\0" + rest))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    turned = {
        1: PICTURE,
        2: PICTURE[:, ::-1],
        3: PICTURE[::-1, ::-1],
        4: PICTURE[::-1],
        5: PICTURE.transpose(1, 0, 2),
        6: np.rot90(PICTURE, 1),
        7: PICTURE[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(PICTURE, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(turned)), "JPEG", exif=exif, quality=95)
    assert likeness(decode(Picture(data)), PICTURE) < 6


def test_sixteen_bits_keep_their_high_byte() -> None:
    grey = (np.arange(256, dtype=np.uint16).reshape(16, 16) << 8) | 0x7F
    found = decode(Picture(encoded(Image.fromarray(grey), "PNG")))
    assert np.array_equal(found[..., 0].ravel(), np.arange(256))


def test_grey_and_palette_become_rgb() -> None:
    for mode in ("L", "P", "1"):
        assert decode(Picture(encoded(Image.fromarray(PICTURE).convert(mode), "PNG"))).shape == PICTURE.shape


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert (decode(Picture(encoded(clear, "PNG"))) == 255).all()


def test_the_first_frame_counts() -> None:
    first, second = Image.fromarray(PICTURE), Image.new("RGB", (60, 40), "white")
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    assert likeness(decode(Picture(data)), PICTURE) < 6


def test_bare_pixels_are_taken_as_they_are() -> None:
    assert np.array_equal(decode(Picture(PICTURE.tobytes(), PICTURE.shape)), PICTURE)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(TooLarge, match="60000 x 60000"):
        decode(Picture(bomb))
    with pytest.raises(TooLarge):
        decode(Picture(b"", (10_000, 10_000, 3)))


def test_a_limit_counts_the_bytes_of_the_file() -> None:
    data = encoded(Image.fromarray(PICTURE), "PNG")
    decode(Picture(data), ImageLimits(size=len(data)))
    with pytest.raises(TooLarge, match=f"{len(data)} bytes"):
        decode(Picture(data), ImageLimits(size=len(data) - 1))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF"])
def test_half_a_file_is_no_image(form: str) -> None:
    data = encoded(Image.effect_noise((64, 64), 90).convert("RGB"), form)
    with pytest.raises(BadImage):
        decode(Picture(data[: len(data) // 2]))


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF"]),
)
def test_arbitrary_bytes_are_an_image_or_refused(data: bytes, start: bytes) -> None:
    try:
        found = decode(Picture(start + data))
    except (BadImage, TooLarge):
        return
    assert found.dtype == np.uint8
    assert found.shape[2] == 3


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded() -> None:
    data = encoded(Image.effect_noise((64, 64), 90), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    decode(Picture(data))
    with pytest.raises(TooLarge, match="scans"):
        decode(Picture(data[:-2] + scan * 200 + data[-2:]))


def test_the_size_of_an_image_is_known_before_it_is_decoded() -> None:
    assert pixel_count(Picture(encoded(Image.fromarray(PICTURE), "PNG")), ImageLimits()) == 2400
    assert pixel_count(Picture(PICTURE.tobytes(), PICTURE.shape), ImageLimits()) == 2400
    with pytest.raises(BadImage):
        pixel_count(Picture(b"x"), ImageLimits())


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (64, 48), (131, 257)])
def test_a_jpeg_has_the_pixels_that_pillow_sees(mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), np.uint8)
    data = encoded(Image.fromarray(noise).convert(mode), "JPEG", **options)
    np.testing.assert_array_equal(decode(Picture(data)), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_tiff_stands_upright(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(Image.fromarray(PICTURE), "TIFF", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(decode(Picture(data)), np.asarray(upright))
