"""The plain reference pipeline: the same attributes by the reference models, stage by stage, nothing optimised.

It is what the project measures its own pipeline against. The models and how each is fed are those of the mirror's
description: YuNet on a canvas of 640 pixels, the mesh with one refinement, the iris network for both eyes, age and
gender once, expression, AIZOO's mask detector, both MiniFASNets, LightQNet and foamliu's MobileFaceNet, each with the
defaults of ONNX Runtime but for a single thread. The figures of that description are the source of all constants.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from models.runtime import onnxruntime as ort

Image = NDArray[np.uint8]  # (height, width, 3) RGB
Array = NDArray[np.float64]

MODELS = {
    "detector": "yunet_n_dynamic.onnx",
    "mesh": "human_facemesh.onnx",
    "iris": "mp_iris_landmark_dyn.onnx",
    "age-gender": "faceapi_age_gender.onnx",
    "expression": "faceapi_face_expression.onnx",
    "mask": "aizoo_mask_dyn.onnx",
    "liveness-2.7": "MiniFASNetV2_2.7.onnx",
    "liveness-4": "MiniFASNetV1SE_4.onnx",
    "quality": "lightqnet_dm100.onnx",
    "template": "foamliu_mobilefacenet_dyn.onnx",
}
_CANVAS = 640  # pixels, of the detector
_SCORE, _OVERLAP = 0.5, 0.45  # of the detector
_ARCFACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)  # corners in the mesh, left one first
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def lacking(mirror: Path) -> list[str]:
    """The model files that a folder does not have."""
    return [name for name in MODELS.values() if not (mirror / name).is_file()]


class Reference:
    """The reference pipeline with its sessions."""

    def __init__(self, mirror: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors: warnings tell of unused constants in the files
        self._sessions = {
            task: ort.InferenceSession(mirror / name, options, providers=["CPUExecutionProvider"])
            for task, name in MODELS.items()
        }

    def answer(self, jpeg: bytes) -> list[Mapping[str, Any]]:
        """What the models say of each face of a photo."""
        image = np.asarray(Pillow.open(io.BytesIO(jpeg)).convert("RGB"), np.uint8)
        return [self._face(image, box, points) for box, points in self._faces(image)]

    def _run(self, task: str, values: NDArray[Any]) -> list[NDArray[np.float32]]:
        session = self._sessions[task]
        outputs: list[NDArray[np.float32]] = session.run(
            None, {session.get_inputs()[0].name: np.ascontiguousarray(values, np.float32)}
        )
        return outputs

    def _faces(self, image: Image) -> list[tuple[Array, Array]]:
        """Box (left, top, right, bottom) and five points (5, 2) of each face, in pixels."""
        zoom = _CANVAS / max(image.shape[:2])
        small = cv2.resize(image, None, fx=zoom, fy=zoom)
        canvas = np.zeros((_CANVAS, _CANVAS, 3), np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        outputs = [each[0] for each in self._run("detector", canvas[..., ::-1].transpose(2, 0, 1)[None])]
        boxes, points, scores = [], [], []
        for level, stride in enumerate((8, 16, 32)):
            classes, objects, box, key = outputs[level::3]
            rows, columns = np.divmod(np.arange(len(classes)), _CANVAS // stride)
            cells = np.column_stack([columns, rows])
            size = np.exp(box[:, 2:]) * stride
            boxes.append(np.hstack([(cells + box[:, :2]) * stride - size / 2, size]))
            points.append((cells[:, None] + key.reshape(-1, 5, 2)) * stride)
            scores.append(np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1)))
        rectangles, places, likely = np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)
        kept = cv2.dnn.NMSBoxes(rectangles.tolist(), likely.tolist(), _SCORE, _OVERLAP)
        found = np.array(kept, np.intp).reshape(-1)
        corners = np.hstack([rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]])
        return [(corners[index] / zoom, places[index] / zoom) for index in found]

    def _face(self, image: Image, box: Array, points: Array) -> Mapping[str, Any]:
        mesh = self._mesh(image, box, points)
        square = _square(image, box, 1.0, 112).transpose(2, 0, 1)[None]
        aligned = _warped(image, points, _ARCFACE, 112)
        years, gender = self._run("age-gender", square)[:2]
        return {
            "box": box,
            "openness": self._openness(image, mesh),
            "age": float(years[0, 0]),
            "male": float(gender[0, 0]),
            "emotions": self._run("expression", square)[0][0],
            "mask": self._masked(image, box),
            "liveness": self._live(image, box),
            "quality": self._quality(aligned),
            "template": self._template(aligned),
        }

    def _mesh(self, image: Image, box: Array, points: Array) -> Array:
        """(468, 2) in pixels, after one refinement."""
        eyes = points[1] - points[0]
        centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
        mesh = np.zeros((468, 2))
        for _ in range(2):
            turn = np.degrees(np.arctan2(eyes[1], eyes[0]))
            matrix = np.asarray(
                cv2.getRotationMatrix2D(tuple(centre.tolist()), float(turn), 192 / (1.5 * side)), np.float64
            )
            matrix[:, 2] += 96 - centre
            crop = cv2.warpAffine(image, matrix, (192, 192))
            found = self._run("mesh", crop[None] / np.float32(255))[0].reshape(468, 3)[:, :2]
            mesh = (found - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
            eyes = mesh[_RIGHT_EYE[1]] - mesh[_LEFT_EYE[0]]
            low, high = mesh.min(0), mesh.max(0)
            centre, side = (low + high) / 2, float((high - low).max())
        return mesh

    def _openness(self, image: Image, mesh: Array) -> Array:
        """(2,) height over width of the image-left and the image-right eye."""
        half = 32 / 2.3
        target = np.array([[32 - half, 32.0], [32 + half, 32.0]])
        left, right = (_warped(image, mesh[list(corners)], target, 64) for corners in (_LEFT_EYE, _RIGHT_EYE))
        outputs = self._run("iris", np.stack([left[:, ::-1], right]) / np.float32(255))
        contours = next(each for each in outputs if each.size == 2 * 213).reshape(2, 71, 3)[..., :2].astype(np.float64)
        heights = np.linalg.norm(contours[:, [3, 4, 5]] - contours[:, [11, 12, 13]], axis=2).mean(1)
        share: Array = heights / np.linalg.norm(contours[:, 0] - contours[:, 8], axis=1)
        return share

    def _masked(self, image: Image, box: Array) -> float:
        """P(mask): the largest score of any anchor over the crop's centre."""
        crop = _square(image, box, 2.0, 260)
        scores = self._run("mask", crop[None] / np.float32(255))[1][0]
        return float(scores[_CENTRAL, 0].max())

    def _live(self, image: Image, box: Array) -> float:
        """P(live), the mean of both networks."""
        shares = []
        for task, scale in (("liveness-2.7", 2.7), ("liveness-4", 4.0)):
            crop = cv2.resize(_shifted(image, box, scale), (80, 80))
            shares.append(float(self._run(task, crop[..., ::-1].transpose(2, 0, 1)[None])[0][0, 1]))
        return sum(shares) / 2

    def _quality(self, aligned: Image) -> float:
        small = cv2.resize(aligned, (96, 96))[..., ::-1]
        return float(self._run("quality", (small[None].astype(np.float32) - 128) / 128)[0].reshape(-1)[0])

    def _template(self, aligned: Image) -> NDArray[np.float32]:
        """(128,) of length 1."""
        normal = (aligned.astype(np.float32) / 255 - _MEAN) / _DEVIATION
        vector = self._run("template", normal.transpose(2, 0, 1)[None])[0][0]
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit


def _square(image: Image, box: Array, scale: float, size: int) -> Image:
    """The square about a box, ``scale`` times its longer side, black outside the image."""
    centre, side = (box[:2] + box[2:]) / 2, scale * float((box[2:] - box[:2]).max())
    zoom = size / side
    matrix = np.array([[zoom, 0, size / 2 - zoom * centre[0]], [0, zoom, size / 2 - zoom * centre[1]]])
    return np.asarray(cv2.warpAffine(image, matrix, (size, size)), np.uint8)


def _warped(image: Image, points: Array, target: Array, size: int) -> Image:
    """The image with ``points`` brought to ``target`` by a similarity."""
    matrix, _ = cv2.estimateAffinePartial2D(points, target, method=cv2.LMEDS)
    return np.asarray(cv2.warpAffine(image, matrix, (size, size)), np.uint8)


def _shifted(image: Image, box: Array, scale: float) -> Image:
    """The box ``scale`` times larger, shifted inside the image."""
    height, width = image.shape[:2]
    size = box[2:] - box[:2]
    size = size * min(scale, width / size[0], height / size[1])
    first = np.clip((box[:2] + box[2:] - size) / 2, 0, [width - size[0], height - size[1]])
    left, top = np.floor(first).astype(int)
    right, bottom = np.ceil(first + size).astype(int)
    return image[top:bottom, left:right]


def _central() -> NDArray[np.bool_]:
    """(5972,) which anchors of the mask network cover the centre of its crop."""
    kinds = zip((33, 17, 9, 5, 3), (0.04, 0.08, 0.16, 0.32, 0.64), (0.056, 0.11, 0.22, 0.45, 0.72), strict=True)
    found = []
    for cells, small, large in kinds:
        sides = [(small, small), (large, large), *((small * r**0.5, small / r**0.5) for r in (0.62, 0.42))]
        for row in range(cells):
            for column in range(cells):
                x, y = (column + 0.5) / cells - 0.5, (row + 0.5) / cells - 0.5
                found += [abs(x) < width / 2 and abs(y) < height / 2 for width, height in sides]
    return np.array(found)


_CENTRAL = _central()
