"""What faces and bodies have in common: boxes of a detector against labelled ones."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec

from eval.bench import Bench
from eval.bootstrap import Bootstrap, Figure
from eval.detection import Box, Boxes, Detections
from eval.labels import LeftOut
from eval.plots import Curves, Line
from eval.task import Measured

LOWEST = 0.02  # average precision needs the whole curve, down to boxes that a detector hardly believes in


class Label(msgspec.Struct, frozen=True):
    path: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float


def asking(folder: str, service: str) -> Callable[[Bench], list[Boxes]]:
    """Asks a detector for the boxes of each labelled image, in pixels."""

    def ask(bench: Bench) -> list[Boxes]:
        labelled: dict[str, list[Box]] = defaultdict(list)
        for label in bench.labels(folder, Label):
            if label.xmax <= label.xmin or label.ymax <= label.ymin:
                bench.left_out.append(LeftOut(f"{folder}/labels.csv: a box without an area", label.path))
                continue
            labelled[label.path].append((label.xmin, label.ymin, label.xmax, label.ymax))

        def seen(path: str) -> Boxes:
            width, height = bench.size(folder, path)
            objects = bench.client.objects(service, bench.image(folder, path), min_confidence=LOWEST)
            found = [(float(entry["confidence"]), _pixels(entry["bbox"], width, height)) for entry in objects]
            return Boxes(labelled[path], found)

        return bench.answers(folder, list(labelled), seen)

    return ask


def _pixels(box: Sequence[float], width: int, height: int) -> Box:
    left, top, right, bottom = box
    return left * width, top * height, right * width, bottom * height


def measuring(title: str, marks: tuple[float, float]) -> Callable[[Sequence[Boxes], Bootstrap], Measured]:
    """Measures precision and recall; ``marks`` are the yardsticks of AP50 and of recall."""

    def measure(seen: Sequence[Boxes], bootstrap: Bootstrap) -> Measured:
        if not seen:
            raise ValueError("there is nothing to measure")
        found = Detections(seen)
        fewer = replace(bootstrap, resamples=max(bootstrap.resamples // 4, 1))  # pycocotools takes its time
        count = sum(len(image.labelled) for image in seen)
        named = (
            ("AP50", found.average_precision_50, marks[0]),
            ("AP50:95", found.average_precision, None),
            (f"recall at a confidence of {LOWEST}", found.recall_50, marks[1]),
        )
        figures = [
            Figure(name, statistic(), count, fewer.interval(statistic, len(seen)), mark)
            for name, statistic, mark in named
        ]
        recall, precision = found.curve()
        plot = Curves("precision", title, "recall", "precision", [Line("overlap of .50", recall, precision)])
        return Measured(figures, [plot])

    return measure
