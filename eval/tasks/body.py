"""How well people are found."""

from eval.task import Task
from eval.tasks import boxes

_FOLDER = "body"

TASK = Task(
    name="body",
    title="Bodies",
    folder=_FOLDER,
    services=("body-detector",),
    models=("body-detection",),
    ask=boxes.asking(_FOLDER, "body-detector"),
    measure=boxes.measuring("Bodies found", (0.606, 0.826)),
    about="""\
Everyday scenes of COCO's validation images, every person boxed. Average precision as COCO defines it. People who fill
a few pixels or stand behind others are missed, as the small network sees the photo at 416 pixels.""",
)
