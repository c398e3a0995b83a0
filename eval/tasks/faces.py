"""How well faces are found."""

from eval.bench import FITTER
from eval.task import Task
from eval.tasks import boxes

_FOLDER = "face_boxes"

TASK = Task(
    name="faces",
    title="Face boxes",
    folder=_FOLDER,
    services=(FITTER,),
    models=("face-detection",),
    ask=boxes.asking(_FOLDER, FITTER),
    measure=boxes.measuring("Faces found", (0.810, 0.843)),
    about="""\
Group photographs (dlib's examples) and masked and bare people in streets and shops, every face boxed. Average precision
as COCO defines it. What is missed is mostly small, turned away or behind a mask; some of what counts as wrong are faces
that nobody labelled.""",
)
