"""The photos of a benchmark: one face, four faces and twenty, made of one photograph or taken from a folder."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

PORTRAIT = Path(__file__).parents[1] / "serving" / "static" / "astronaut.jpg"  # NASA, public domain: one face
_QUALITY = 90  # of the JPEG files made here


class Mosaic(NamedTuple):
    """A picture made of square tiles that all show the portrait, every second one mirrored."""

    columns: int
    rows: int
    side: int  # pixels of a tile

    @property
    def faces(self) -> int:
        return self.columns * self.rows


MOSAICS: Mapping[str, Mosaic] = {"four": Mosaic(2, 2, 512), "twenty": Mosaic(5, 4, 256)}


class Photo(NamedTuple):
    """An encoded photo, and how many faces are expected on it; none where nobody said."""

    name: str
    data: bytes
    faces: int | None


def mosaic(portrait: bytes, form: Mosaic) -> bytes:
    """A JPEG file of ``columns`` x ``rows`` tiles, the same bytes for the same portrait."""
    tile = Image.open(io.BytesIO(portrait)).convert("RGB").resize((form.side, form.side), Image.Resampling.LANCZOS)
    mirrored = tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    canvas = Image.new("RGB", (form.columns * form.side, form.rows * form.side))
    for index in range(form.faces):
        row, column = divmod(index, form.columns)
        canvas.paste(mirrored if (row + column) % 2 else tile, (column * form.side, row * form.side))
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def told(name: str) -> str:
    """What is on a photo of that name, in words."""
    known = {"one": "one face", **{each: f"{each} faces" for each in MOSAICS}}
    return known.get(name, f"photo {name}")


def default_photos() -> dict[str, Photo]:
    """The portrait itself and the mosaics of it, by name."""
    portrait = PORTRAIT.read_bytes()
    mosaics = {name: Photo(name, mosaic(portrait, form), form.faces) for name, form in MOSAICS.items()}
    return {"one": Photo("one", portrait, 1), **mosaics}


def photos_of(folder: Path) -> dict[str, Photo]:
    """The JPEG files of a folder by their names without ending, in the order of these.

    Raises ``ValueError`` where there are none.
    """
    found = {photo.name: photo for photo in _read(folder)}
    if not found:
        raise ValueError(f"{folder}: there is no .jpg file")
    return found


def _read(folder: Path) -> Iterator[Photo]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in {".jpg", ".jpeg"}:
            yield Photo(path.stem, path.read_bytes(), None)
