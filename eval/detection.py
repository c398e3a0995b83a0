"""How well boxes are found, as COCO measures it, by pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

_MOST = 300  # boxes of an image that count, the surest ones
_ALL = [0.0, 1e10]  # square pixels: boxes of every size count


class Boxes(NamedTuple):
    """One image: the boxes that are labelled, and those found with their confidences."""

    labelled: Sequence[Box]
    found: Sequence[tuple[float, Box]]


class Detections:
    """The boxes of many images, matched once at overlaps (intersection over union) of .50 to .95."""

    def __init__(self, images: Sequence[Boxes]) -> None:
        self.size = len(images)
        with contextlib.redirect_stdout(io.StringIO()):  # it reports to the terminal what it does
            labels, found = COCO(), []
            labels.dataset = _dataset(images)
            labels.createIndex()
            found = [
                {"image_id": number, "category_id": 1, "bbox": _coco(box), "score": score}
                for number, image in enumerate(images)
                for score, box in image.found
            ]
            self._matched = COCOeval(labels, labels.loadRes(found), "bbox") if found else None
            if self._matched is not None:
                self._matched.params.areaRng, self._matched.params.areaRngLbl = [_ALL], ["all"]
                self._matched.params.maxDets = [_MOST]
                self._matched.evaluate()
                self._of_image = list(self._matched.evalImgs)

    def average_precision(self, chosen: NDArray[np.int64] | None = None) -> float:
        """The mean of the average precision at overlaps of .50, .55, … .95.

        ``chosen`` are the indices of as many images as there are, some of them more than once; by default each once.
        """
        return float(np.mean(self._accumulated(chosen)["precision"][..., 0, 0, 0]))

    def average_precision_50(self, chosen: NDArray[np.int64] | None = None) -> float:
        """The average precision at an overlap of .50: of precision, made never to grow, at 101 levels of recall."""
        return float(np.mean(self._accumulated(chosen)["precision"][0, :, 0, 0, 0]))

    def recall_50(self, chosen: NDArray[np.int64] | None = None) -> float:
        """The share of labelled boxes that are found at an overlap of .50, at the lowest confidence there is."""
        return float(self._accumulated(chosen)["recall"][0, 0, 0, 0])

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Recall and precision at an overlap of .50, (101,) each."""
        accumulated = self._accumulated(None)
        return np.linspace(0, 1, 101), accumulated["precision"][0, :, 0, 0, 0]

    def _accumulated(self, chosen: NDArray[np.int64] | None) -> Any:
        """pycocotools' tables for the chosen images."""
        if self._matched is None:
            zeros = np.zeros((10, 101, 1, 1, 1))
            return {"precision": zeros, "recall": zeros[:, 0]}
        images = range(self.size) if chosen is None else chosen
        with contextlib.redirect_stdout(io.StringIO()):
            self._matched.evalImgs = [self._of_image[index] for index in images]
            self._matched.accumulate()
        if (self._matched.eval["precision"] < 0).all():  # its mark for images without any label
            raise ValueError("no boxes are labelled")
        return self._matched.eval


def _dataset(images: Sequence[Boxes]) -> dict[str, Any]:
    boxes = [(number, box) for number, image in enumerate(images) for box in image.labelled]
    annotations = [
        {"id": index, "image_id": number, "category_id": 1, "bbox": _coco(box), "area": _area(box), "iscrowd": 0}
        for index, (number, box) in enumerate(boxes, 1)
    ]
    return {
        "info": {},
        "images": [{"id": number} for number in range(len(images))],
        "categories": [{"id": 1, "name": "object"}],
        "annotations": annotations,
    }


def _coco(box: Box) -> list[float]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
