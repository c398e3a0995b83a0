"""The openness of eyes, on drawn crops and on photos of open and closed eyes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from estimators.face import FaceFitter
from estimators.iris import SIZE, eye_crops, openness
from models import Model
from schemas.attributes import BOX, KEYPOINT_NAMES, KEYPOINTS, Attributes, Point

Image = NDArray[np.uint8]
ModelsFor = Callable[..., Mapping[str, tuple[Model, ...]]]


def _largest(fitter: FaceFitter, image: Image) -> Attributes | None:
    found = fitter.detect([image], threshold=0.3)[0]
    return max(found, key=lambda face: face[BOX].right - face[BOX].left) if found else None


def test_the_image_left_eye_is_mirrored_and_its_corners_come_where_those_of_the_other_do() -> None:
    image = np.zeros((200, 400, 3), np.uint8)
    places = {
        "left_eye_left": (80, 100),
        "left_eye_right": (120, 100),
        "right_eye_left": (280, 90),
        "right_eye_right": (310, 130),
    }
    keypoints = tuple(
        Point((places[name][0] + 0.5) / 400, (places[name][1] + 0.5) / 200) if name in places else Point(0.5, 0.9)
        for name in KEYPOINT_NAMES
    )
    outer, inner = ("left_eye_left", "right_eye_right"), ("left_eye_right", "right_eye_left")
    for name in outer:
        cv2.circle(image, places[name], 3, (255, 0, 0), -1)
    for name in inner:
        cv2.circle(image, places[name], 3, (0, 255, 0), -1)
    half = SIZE / 2.3 / 2
    for crop in eye_crops(image, keypoints):
        for channel, middle in ((0, SIZE / 2 - 0.5 + half), (1, SIZE / 2 - 0.5 - half)):
            rows, columns = np.nonzero(crop[..., channel] > 128)
            assert columns.mean() == pytest.approx(middle, abs=1)
            assert rows.mean() == pytest.approx(SIZE / 2 - 0.5, abs=1)


def test_no_eyes_have_no_openness(models_for: ModelsFor) -> None:
    assert openness(models_for("iris")["iris"][0], []).shape == (0, 2)


@pytest.mark.parametrize("name", ["mp_iris_landmark_dyn", "human_iris"])
def test_both_exports_of_the_network_see_the_same(
    name: str, model: Callable[[str], Model], models_for: ModelsFor, astronaut: Image
) -> None:
    face = _largest(FaceFitter(models_for("face-detection", "face-landmarks")), astronaut)
    assert face is not None
    crops = [eye_crops(astronaut, face[KEYPOINTS])] * 3
    values = openness(model(name), crops)
    assert values.shape == (3, 2)
    assert values == pytest.approx(np.full((3, 2), 0.40), abs=0.04)


def test_openness_tells_open_from_closed_eyes(models_for: ModelsFor, data: Callable[[str], Path]) -> None:
    fitter, iris = FaceFitter(models_for("face-detection", "face-landmarks")), models_for("iris")["iris"][0]
    crops, are_open = [], []
    for path in sorted((data("eyes") / "images").glob("*.jpg"))[::4]:
        image = np.ascontiguousarray(np.asarray(cv2.imread(str(path)), np.uint8)[..., ::-1])
        face = _largest(fitter, image)
        if face is not None:
            crops.append(eye_crops(image, face[KEYPOINTS]))
            are_open.append(path.name.startswith("open"))
    assert len(crops) >= 100
    assert roc_auc_score(are_open, openness(iris, crops).mean(1)) >= 0.97
