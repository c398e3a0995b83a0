"""What is measured of detectors: boxes of faces and bodies, and how many faces there are."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from eval import tasks
from eval.bench import Bench, Figure, Row
from eval.figures import detection

# Average precision needs the whole curve, down to boxes that a detector hardly believes in.
_LOWEST = 0.02

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


def _boxes(bench: Bench, task: str, service: str, marks: tuple[float, float]) -> list[Figure]:
    """Average precision and recall of a detector, beside their yardsticks."""
    labelled: dict[str, list[Box]] = defaultdict(list)
    for row in bench.rows(task):
        labelled[row["path"]].append((float(row["xmin"]), float(row["ymin"]), float(row["xmax"]), float(row["ymax"])))
    names = list(labelled)

    def answer(name: str) -> list[tuple[float, Box]]:
        width, height = bench.size(task, name)
        objects = bench.client.objects(service, bench.image(task, name), min_confidence=_LOWEST)
        boxes = [(entry["confidence"], *entry["bbox"]) for entry in objects]
        return [(score, (a * width, b * height, c * width, d * height)) for score, a, b, c, d in boxes]

    answers = zip(names, bench.each(task, names, answer), strict=True)
    told = [(labelled[name], got) for name, got in answers if got is not None]
    found = detection([boxes for boxes, _ in told], [got for _, got in told])
    count = sum(len(boxes) for boxes, _ in told)
    return [
        Figure(task, "AP50", found.average_precision, count, marks[0]),
        Figure(task, f"recall at {_LOWEST}", found.recall, count, marks[1]),
    ]


def body(bench: Bench) -> list[Figure]:
    """People in everyday scenes, many of them small or hidden."""
    return _boxes(bench, "body", "body-detector", (0.606, 0.826))


def face_boxes(bench: Bench) -> list[Figure]:
    """Faces in group photographs, masked and bare."""
    return _boxes(bench, "face_boxes", tasks.FITTER, (0.810, 0.843))


def photos(bench: Bench) -> list[Figure]:
    """Photographs with a known number of faces."""
    task, rows = "photos", bench.rows("photos")

    def answer(row: Row) -> int:
        return len(bench.client.objects(tasks.FITTER, bench.image(task, row["path"])))

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(int(row["faces"]), got) for row, got in answers if got is not None]
    right = sum(label == got for label, got in told)
    return [Figure(task, "photographs with the right number of faces", right, len(told))]


TASKS: Mapping[str, Callable[[Bench], list[Figure]]] = {
    "verification": tasks.verification,
    "age_gender": tasks.age_gender,
    "emotion": tasks.emotion,
    "mask": tasks.mask,
    "liveness": tasks.liveness,
    "head_pose": tasks.head_pose,
    "eyes": tasks.eyes,
    "body": body,
    "face_boxes": face_boxes,
    "photos": photos,
}
