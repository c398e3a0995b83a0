"""What a measurement needs: labels, a server to ask, many questions at once, and what was left out."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eval.client import Client, Json, RequestFailed
from eval.labels import BadLabels, LeftOut, Row, read_labels

FITTER = "face-detector-face-fitter"
Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Bench:
    """A folder of labelled images, a server, and what of the former could not be used."""

    def __init__(
        self, data: Path, client: Client, console: Console, workers: int = 4, limit: int | None = None
    ) -> None:
        """``workers`` requests are under way at once; of each labels file at most ``limit`` images are used."""
        self.client = client
        self.left_out: list[LeftOut] = []
        self._data, self._console, self._workers, self._limit = data, console, workers, limit
        self._faces: dict[tuple[str, str, float | None], list[Json]] = {}
        self._known = threading.Lock()

    def labels(self, folder: str, kind: type[Row], file: str = "labels.csv") -> list[Row]:
        """The rows of a labels file that can be used; raises ``BadLabels`` where there are none to read."""
        path = self._data / folder / file
        rows, left_out = read_labels(path, kind)
        self.left_out += left_out
        if not rows:
            raise BadLabels(f"{path}: no row can be used")
        return rows if self._limit is None else _few(rows, self._limit)

    def has(self, folder: str) -> bool:
        """Whether there are labels of this name."""
        return (self._data / folder / "labels.csv").is_file()

    def answers(
        self, title: str, items: Sequence[Item], ask: Callable[[Item], Answer], name: Callable[[Item], str] = str
    ) -> list[Answer]:
        """What ``ask`` answers for each item, in order; items of which a request fails are left out, and told.

        ``name`` says which item it was. Raises ``ValueError`` where all of them failed.
        """
        columns = (TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        answers: dict[int, Answer] = {}
        failures: dict[int, str] = {}
        with (
            Progress(*columns, console=self._console, transient=True) as progress,
            ThreadPoolExecutor(self._workers) as pool,
        ):
            bar = progress.add_task(title, total=len(items))
            pending = {pool.submit(ask, item): index for index, item in enumerate(items)}
            for future in as_completed(pending):
                try:
                    answers[pending[future]] = future.result()
                except RequestFailed as error:
                    failures[pending[future]] = str(error)
                progress.advance(bar)
        self.left_out += [LeftOut(failures[index], name(items[index])) for index in sorted(failures)]
        if failures and not answers:
            raise ValueError("no request was answered")
        return [answers[index] for index in sorted(answers)]

    def image(self, folder: str, name: str) -> Json:
        """The document of one of the images."""
        return self.client.image(self._data / folder / name)

    def size(self, folder: str, name: str) -> tuple[int, int]:
        """Width and height in pixels of one of the images, upright."""
        return self._upright(folder, name).size

    def cut(self, folder: str, name: str, face: Json) -> NDArray[np.uint8]:
        """The box of a face of one of the images, (height, width, 3) RGB, at least one pixel."""
        image = self._upright(folder, name)
        width, height = image.size
        left, top, right, bottom = (
            round(share * side) for share, side in zip(face["bbox"], (width, height) * 2, strict=True)
        )
        left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        box = (left, top, min(max(right, left + 1), width), min(max(bottom, top + 1), height))
        return np.asarray(image.crop(box).convert("RGB"))

    def _upright(self, folder: str, name: str) -> Image.Image:
        try:
            with Image.open(self._data / folder / name) as image:
                return ImageOps.exif_transpose(image)
        except OSError as error:
            raise RequestFailed(f"the image cannot be read: {error.strerror or type(error).__name__}") from error

    def faces(self, folder: str, name: str, threshold: float | None = None) -> list[Json]:
        """The faces of one of the images with key points and pose; asked once for tasks that share images."""
        key = (folder, name, threshold)
        if key not in self._faces:
            options: Json = {} if threshold is None else {"min_confidence": threshold}
            found = self.client.objects(FITTER, self.image(folder, name), **options)
            with self._known:
                self._faces[key] = found
        return self._faces[key]

    def added(self, service: str, folder: str, name: str, face: Json) -> Json:
        """A face of one of the images with what a service adds to it."""
        answered = self.client.objects(service, self.image(folder, name), [face])
        if len(answered) != 1:
            raise RequestFailed(f"{service}: {len(answered)} objects for one")
        return answered[0]


def summary(left_out: Iterable[LeftOut]) -> list[str]:
    """One line for each reason: how often, and the first case."""
    found = list(left_out)
    first: dict[str, str] = {}
    for one in found:
        first.setdefault(one.reason, one.example)
    counts = Counter(one.reason for one in found)
    return [f"{count} left out: {reason} (first: {first[reason]})" for reason, count in counts.most_common()]


def _few(rows: Sequence[Row], limit: int) -> list[Row]:
    """The rows of ``limit`` images (or other first columns), always the same ones, chosen by their names' hashes."""

    def key(row: Any) -> str:
        return str(getattr(row, "path", None) or msgspec.json.encode(row).decode())

    ranked = sorted({key(row) for row in rows}, key=lambda name: hashlib.sha256(name.encode()).digest())
    chosen = set(ranked[:limit])
    return [row for row in rows if key(row) in chosen]
