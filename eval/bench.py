"""What a measurement needs: labels, a server to ask, and many questions at once with a progress bar."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image, ImageOps
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eval.client import Client, Json, RequestFailed

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Row = dict[str, str]


class Figure(NamedTuple):
    """One measured number."""

    task: str
    name: str
    value: float
    size: int  # of the sample: images, faces, pairs or boxes it is measured on
    yardstick: float | None = None  # what the reference models reach on the same images


class Bench:
    """A data folder, a server, and the failures so far."""

    def __init__(self, data: Path, client: Client, workers: int, console: Console) -> None:
        self.client = client
        self.failures: Counter[str] = Counter()
        self._data, self._workers, self._console = data, workers, console

    def measured(self, task: str, measure: "Callable[[Bench], list[Figure]]") -> list[Figure]:
        """The figures of a task; none where its images are missing or nothing was answered, which is a failure."""
        if not (self._data / task / "labels.csv").is_file():
            self.failures[f"{task}: no labels.csv in {self._data / task}"] += 1
            return []
        try:
            return measure(self)
        except ValueError as error:  # too few answers for a figure
            self.failures[f"{task}: cannot be measured: {error}"] += 1
            return []

    def rows(self, task: str) -> list[Row]:
        """The rows of the task's ``labels.csv``."""
        with (self._data / task / "labels.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def path(self, task: str, name: str) -> Path:
        return self._data / task / name

    def size(self, task: str, name: str) -> tuple[int, int]:
        """Width and height in pixels of one of the task's images, upright."""
        return ImageOps.exif_transpose(Image.open(self.path(task, name))).size

    def image(self, task: str, name: str) -> Json:
        """The document of one of the task's images."""
        return self.client.image(self.path(task, name))

    def each(self, label: str, items: Sequence[Item], ask: Callable[[Item], Answer]) -> list[Answer | None]:
        """What ``ask`` answers for each item, in order; None where its request failed, which is counted.

        A ValueError says that all of them failed.
        """
        columns = (TextColumn("{task.description:20}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        answers: list[Answer | None] = [None] * len(items)
        answered = 0
        with (
            Progress(*columns, console=self._console, transient=True) as progress,
            ThreadPoolExecutor(self._workers) as pool,
        ):
            bar = progress.add_task(label, total=len(items))
            pending = {pool.submit(ask, item): index for index, item in enumerate(items)}
            for future in as_completed(pending):
                try:
                    answers[pending[future]] = future.result()
                    answered += 1
                except RequestFailed as error:
                    self.failures[f"{label}: {error}"] += 1
                progress.advance(bar)
        if not answered:
            raise ValueError("nothing was answered")
        return answers
