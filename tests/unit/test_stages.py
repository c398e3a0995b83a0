"""What a service looks at, without the service."""

from typing import Any

import numpy as np

from estimators.age import AgeEstimator
from estimators.emotion import EmotionEstimator
from estimators.geometry import Photo
from estimators.mask import MaskEstimator
from models import Model
from schemas.attributes import BOX, Attributes, Box
from serving.engine.engine import view_of


def silent(*_: Any) -> Any:
    raise AssertionError("no network runs here")


def test_a_crop_is_kept_only_where_somebody_else_looks_at_it() -> None:
    photo, face = Photo(np.zeros((60, 60, 3), np.uint8)), Attributes({BOX: Box(0.2, 0.2, 0.8, 0.8)})
    ages = AgeEstimator({"age-gender": [Model("any", "faceapi-age-gender", silent)]})
    emotions = EmotionEstimator({"expression": [Model("any", "faceapi-expression", silent)]})
    masks = MaskEstimator({"mask": [Model("any", "facet-mask", silent)]})
    assert view_of(ages, photo, face) is view_of(emotions, photo, face)
    assert view_of(masks, photo, face) is not view_of(masks, photo, face)
