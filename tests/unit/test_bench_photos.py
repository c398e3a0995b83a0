"""The photos of the benchmark."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from bench.photos import MOSAICS, PORTRAIT, Mosaic, default_photos, mosaic, photos_of
from estimators.face import FaceFitter
from models import Model
from schemas import Picture
from schemas.image import decode


def test_a_mosaic_has_its_tiles_side_by_side_every_second_one_mirrored() -> None:
    picture = Image.open(io.BytesIO(mosaic(PORTRAIT.read_bytes(), Mosaic(3, 2, 64))))
    assert picture.size == (192, 128)
    tiles = [[picture.crop((64 * x, 64 * y, 64 * x + 64, 64 * y + 64)) for x in range(3)] for y in range(2)]
    first, mirrored = tiles[0][0], tiles[0][0].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for y, row in enumerate(tiles):
        for x, tile in enumerate(row):
            alike, other = (mirrored, first) if (x + y) % 2 else (first, mirrored)
            assert _difference(tile, alike) < _difference(tile, other)
            assert _difference(tile, alike) < 5


def _difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures in grey levels."""
    pairs = zip(one.convert("L").tobytes(), other.convert("L").tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / (one.width * one.height)


def test_the_same_portrait_gives_the_same_file() -> None:
    assert default_photos() == default_photos()


def test_as_many_faces_are_found_as_the_photos_say(models_for: Callable[..., Mapping[str, tuple[Model, ...]]]) -> None:
    fitter = FaceFitter(models_for(*FaceFitter.tasks))
    for photo in default_photos().values():
        assert len(fitter.detect([decode(Picture(photo.data))])[0]) == photo.faces


def test_mosaics_are_as_large_as_the_documentation_says() -> None:
    sizes = {name: (form.columns * form.side, form.rows * form.side) for name, form in MOSAICS.items()}
    assert sizes == {"four": (1024, 1024), "twenty": (1280, 1024)}


def test_photos_of_a_folder_are_named_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "party.JPG").write_bytes(b"1")
    (tmp_path / "alone.jpeg").write_bytes(b"2")
    (tmp_path / "notes.txt").write_text("3")
    assert {name: photo.data for name, photo in photos_of(tmp_path).items()} == {"alone": b"2", "party": b"1"}


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no \.jpg file"):
        photos_of(tmp_path)
