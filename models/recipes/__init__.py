"""How the contents of a registry package become a model file.

A recipe takes the folder in which a package's archive was unpacked and returns the bytes of an ONNX file, always the
same for the same version of onnx. This is the only package that imports onnx.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from models.recipes.centerface import centerface
from models.recipes.faceapi import age_gender, face_expression
from models.recipes.human import centernet, emotion, facemesh, faceres, iris

Recipe = Callable[[Path], bytes]

RECIPES: Mapping[str, Recipe] = {
    "age_gender": age_gender,
    "centerface": centerface,
    "centernet": centernet,
    "emotion": emotion,
    "face_expression": face_expression,
    "facemesh": facemesh,
    "faceres": faceres,
    "iris": iris,
}

__all__ = ["RECIPES", "Recipe"]
