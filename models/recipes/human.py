"""Converts networks of npm @vladmandic/human, which come as TensorFlow.js graph models."""

from pathlib import Path

from models.recipes.tensorflow import convert


def facemesh(folder: Path) -> bytes:
    """MediaPipe face mesh: 468 points x, y, z [N, 1404], whether there is a face [N, 1], contours [N, 266]."""
    outputs = {"output_mesh": "Identity_2", "output_faceflag": "Identity_1", "output_contours": "Identity"}
    return convert(_model(folder, "facemesh"), {"input_1": "input_1"}, outputs)


def iris(folder: Path) -> bytes:
    """MediaPipe iris: 71 points of the eye's contour and 5 of the iris, x, y, z [N, 1, 1, 228]."""
    return convert(_model(folder, "iris"), {"input_1": "input_1"}, {"Identity": "Identity"})


def faceres(folder: Path) -> bytes:
    """HSE FaceRes: gender [N, 1], the vector [N, 1024] that tells people apart, age [N, 100]."""
    outputs = {
        "gender_pred_Sigmoid": "gender_pred/Sigmoid",
        "global_pooling_Mean": "global_pooling/Mean",
        "age_pred_Softmax": "age_pred/Softmax",
    }
    return convert(_model(folder, "faceres"), {"input_1": "input_1"}, outputs)


def emotion(folder: Path) -> bytes:
    """A small Xception: probabilities [N, 7] of angry, disgusted, scared, happy, sad, surprised and neutral."""
    return convert(_model(folder, "emotion"), {"input_1": "input_1"}, {"Identity": "Identity"})


def centernet(folder: Path) -> bytes:
    """CenterNet's heads: sides of boxes [N, 128, 128, 4] and heat maps of 80 classes [N, 128, 128, 80].

    The package's own third output, which sorts detections, is left to the estimator.
    """
    outputs = {"tower_0_wh": "tower_0/wh", "tower_0_keypoints": "tower_0/keypoints"}
    return convert(_model(folder, "centernet"), {"images": "tower_0/images"}, outputs)


def _model(folder: Path, name: str) -> Path:
    return folder / "package" / "models" / f"{name}.json"
