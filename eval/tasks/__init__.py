"""The tasks of the evaluation, a module each; another task is another module and its line here."""

from collections.abc import Mapping

from eval.task import AnyTask
from eval.tasks import (
    age,
    body,
    emotion,
    eyes,
    faces,
    gender,
    head_pose,
    key_points,
    liveness,
    mask,
    photos,
    quality,
    strangers,
    verification,
)

TASKS: Mapping[str, AnyTask] = {
    task.name: task
    for task in (
        verification.TASK,
        strangers.TASK,
        age.TASK,
        gender.TASK,
        emotion.TASK,
        mask.TASK,
        liveness.TASK,
        head_pose.TASK,
        key_points.TASK,
        eyes.TASK,
        quality.TASK,
        faces.TASK,
        photos.TASK,
        body.TASK,
    )
}
