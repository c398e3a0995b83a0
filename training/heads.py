"""The labelled heads of Pointing'04, as the scripts about pose want them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from eval.split import held_out, key
from training import inputs


class Head(NamedTuple):
    """A photograph, and the angles in degrees at which its person was told to look."""

    path: Path
    yaw: float  # positive turns the nose towards the image's left edge
    pitch: float  # positive looks up

    @property
    def person(self) -> str:
        """Who is shown, by the file's name."""
        return key("head_pose", self.path)

    @property
    def is_held_out(self) -> bool:
        """Whether nothing may be fitted to it."""
        return held_out(self.person)


def heads(data: Path) -> Iterator[Head]:
    """The heads that ``head_pose/labels.csv`` in the data folder names, with ``path, pitch, yaw``."""
    folder = data / "head_pose"
    for row in inputs.label_rows(folder):
        yield Head(folder / row["path"], float(row["yaw"]), float(row["pitch"]))
