"""What a measurement needs: labels, a server to ask, many questions at once, and what was left out."""

import hashlib
import os
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

from eval.client import Client, Json, RequestFailed, Unreachable
from eval.labels import BadLabels, LeftOut, Row, read_labels

FITTER = "face-detector-face-fitter"
_SILENT = 12  # requests in a row without any answer, after which a task is given up
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

        ``name`` says which item it was. Raises ``ValueError`` where all of them failed, or the server is gone.
        """
        columns = (TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        answers: dict[int, Answer] = {}
        failures: dict[int, str] = {}
        pool = ThreadPoolExecutor(self._workers)
        try:
            with Progress(*columns, console=self._console, transient=True) as progress:
                bar = progress.add_task(title, total=len(items))
                pending = {pool.submit(ask, item): index for index, item in enumerate(items)}
                silent = 0  # requests in a row that nobody answered
                for future in as_completed(pending):
                    try:
                        answers[pending[future]] = future.result()
                        silent = 0
                    except Unreachable as error:
                        failures[pending[future]] = str(error)
                        silent += 1
                        if silent >= _SILENT:
                            raise ValueError(str(error)) from error
                    except RequestFailed as error:
                        failures[pending[future]] = str(error)
                    except (KeyError, TypeError, IndexError, ValueError) as error:  # not what the interface promises
                        failures[pending[future]] = f"the answer cannot be used: {type(error).__name__}: {error}"
                    progress.advance(bar)
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupted run asks no more
        self.left_out += [LeftOut(failures[index], name(items[index])) for index in sorted(failures)]
        if failures and not answers:
            raise ValueError("no request was answered")
        return [answers[index] for index in sorted(answers)]

    def image(self, folder: str, name: str) -> Json:
        """The document of one of the images."""
        return self.client.image(self._path(folder, name))

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
            with Image.open(self._path(folder, name)) as image:
                return ImageOps.exif_transpose(image)
        except (OSError, Image.DecompressionBombError) as error:
            told = getattr(error, "strerror", None) or type(error).__name__
            raise RequestFailed(f"the image cannot be read: {told}") from error

    def _path(self, folder: str, name: str) -> Path:
        """Where an image lies; what a labels file names outside its folder is neither read nor sent."""
        root = (self._data / folder).absolute()
        path = Path(os.path.normpath(root / name))  # links within the folder may lead elsewhere: its owner made them
        if not path.is_relative_to(root):
            raise RequestFailed("the image lies outside the folder of its task")
        return path

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
