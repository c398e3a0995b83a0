"""What is measured of faces: one function a task, from labelled images to figures.

Yardsticks are what the reference models reached on the same images with plain pre- and post-processing. Where no face
is found, or a request fails, is told as a figure of its own or in the list of failures.
"""

from collections.abc import Sequence

import numpy as np

from eval.bench import Bench, Figure, Row
from eval.client import Json
from eval.figures import (
    accuracy,
    area_under_curve,
    bias,
    equal_error_rate,
    error_rates,
    fold_accuracy,
    macro_recall,
    mean_absolute_error,
    overlap,
    true_accepts_at,
)

FITTER = "face-detector-face-fitter"
WHOLE: Json = {"id": 0, "class": "face", "bbox": [0.0, 0.0, 1.0, 1.0]}

# The emotions that the data set spells otherwise than the interface does.
_SPELT = {"fear": "scared", "disgust": "disgusted", "surprise": "surprised"}


def _area(face: Json) -> float:
    left, top, right, bottom = face["bbox"]
    return float((right - left) * (bottom - top))


def _largest(faces: Sequence[Json]) -> Json | None:
    return max(faces, key=_area, default=None)


def _central(faces: Sequence[Json]) -> Json | None:
    """The face whose centre is nearest to that of a square image."""

    def distance(face: Json) -> float:
        left, top, right, bottom = face["bbox"]
        return float(np.hypot((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5))

    return min(faces, key=distance, default=None)


def _missed(task: str, faces: Sequence[object], yardstick: float | None = None) -> Figure:
    return Figure(task, "images without a face found", sum(face is None for face in faces), len(faces), yardstick)


def verification(bench: Bench) -> list[Figure]:
    """Pairs of photographs, same person or not; a pair of which a face is not found counts as told "different"."""
    task, rows = "verification", bench.rows("verification")

    def template(name: str) -> Json | None:
        return _central(bench.client.objects("face-detector-template-extractor", bench.image(task, name)))

    names = sorted({row[key] for row in rows for key in ("path_a", "path_b")})
    faces = dict(zip(names, bench.each("templates", names, template), strict=True))

    def distance(row: Row) -> float:
        pair = [faces[row[key]] for key in ("path_a", "path_b")]
        if None in pair:
            return float("inf")
        objects = [{"class": "face", "template": face["template"]} for face in pair if face is not None]
        return float(bench.client.answer("verify-matcher", {"objects": objects})["verification"]["distance"])

    answers = zip(rows, bench.each("pairs", rows, distance), strict=True)
    told = [(row["fold"], row["same"] == "1", far) for row, far in answers if far is not None]
    folds, same, distances = zip(*told, strict=True)
    across = fold_accuracy(folds, same, distances)
    figures = [
        Figure(task, "accuracy over folds", across.mean, len(told), 0.9917),
        Figure(task, "deviation over folds", across.deviation, len(told), 0.0046),
    ]
    # A rate of false accepts is measured where at least one of the impostor pairs may be accepted.
    rates = [rate for rate in (1e-3, 1e-2) if rate * same.count(False) >= 1][:1]
    figures += [
        Figure(task, f"TAR at FAR {rate:g}", true_accepts_at(rate, same, distances), len(told)) for rate in rates
    ]
    return [*figures, _missed(task, list(faces.values()))]


def age_gender(bench: Bench) -> list[Figure]:
    """Portraits; where no face is found, the whole image is taken for one."""
    task, rows = "age_gender", bench.rows("age_gender")

    def answer(row: Row) -> tuple[Json | None, float, str]:
        image = bench.image(task, row["path"])
        found = _largest(bench.client.objects(FITTER, image))
        (aged,) = bench.client.objects("age-estimator", image, [found or WHOLE])
        (sexed,) = bench.client.objects("gender-estimator", image, [found or WHOLE])
        return found, float(aged["age"]), str(sexed["gender"])

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(float(row["age"]), row["gender"], *got) for row, got in answers if got is not None]
    ages, genders, faces, years, sexes = zip(*told, strict=True)
    return [
        Figure(task, "age: mean absolute error, years", mean_absolute_error(ages, years), len(told), 6.48),
        Figure(task, "age: bias, years", bias(ages, years), len(told), -3.1),
        Figure(task, "gender: accuracy", accuracy(genders, sexes), len(told), 0.900),
        _missed(task, faces),
    ]


def emotion(bench: Bench) -> list[Figure]:
    """Images that are face crops already."""
    task, rows = "emotion", bench.rows("emotion")

    def answer(row: Row) -> str:
        (face,) = bench.client.objects("emotion-estimator", bench.image(task, row["path"]), [WHOLE])
        return str(max(face["emotions"], key=lambda entry: entry["confidence"])["emotion"])

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(_SPELT.get(row["emotion"], row["emotion"]), got) for row, got in answers if got is not None]
    labels, emotions = zip(*told, strict=True)
    return [
        Figure(task, "accuracy", accuracy(labels, emotions), len(told), 0.573),
        Figure(task, "macro recall", macro_recall(labels, emotions), len(told), 0.587),
    ]


def mask(bench: Bench) -> list[Figure]:
    """Masked and bare faces; masks hide faces from the detector, so that it looks harder."""
    task, rows = "mask", bench.rows("mask")

    def answer(row: Row) -> tuple[Json | None, bool]:
        image = bench.image(task, row["path"])
        found = _largest(bench.client.objects(FITTER, image, min_confidence=0.3))
        if found is None:
            return None, False
        (face,) = bench.client.objects("mask-estimator", image, [found])
        return found, bool(face["has_medical_mask"]["value"])

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(row["mask"] == "1", *got) for row, got in answers if got is not None]
    seen = [(label, verdict) for label, face, verdict in told if face is not None]
    labels, verdicts = zip(*seen, strict=True)
    return [
        Figure(task, "accuracy over faces found", accuracy(labels, verdicts), len(seen), 0.966),
        _missed(task, [face for _, face, _ in told], 30),
    ]


def liveness(bench: Bench) -> list[Figure]:
    """Live people and prints held before the camera."""
    task, rows = "liveness", bench.rows("liveness")

    def answer(row: Row) -> Json | None:
        return _largest(bench.client.objects("face-detector-liveness-estimator", bench.image(task, row["path"])))

    told = list(zip(rows, bench.each(task, rows, answer), strict=True))
    seen = [(row["label"] == "live", face["liveness"]) for row, face in told if face is not None]
    labels = [label for label, _ in seen]
    attacks, people = error_rates(labels, [answer["value"] == "real" for _, answer in seen])
    equal = equal_error_rate(labels, [answer["confidence"] for _, answer in seen])
    return [
        Figure(task, "equal error rate", equal, len(seen), 0.0036),
        Figure(task, "APCER", attacks, labels.count(False), 0.0),
        Figure(task, "BPCER", people, labels.count(True), 0.005),
        _missed(task, [face for _, face in told]),
    ]


def head_pose(bench: Bench) -> list[Figure]:
    """Heads turned by known angles; the face that overlaps the labelled box most."""
    task = "head_pose"
    rows = [row for row in bench.rows(task) if abs(float(row["pitch"])) <= 60]

    def answer(row: Row) -> tuple[Json | None]:
        width, height = bench.size(task, row["path"])
        box = tuple(float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax"))
        labelled = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
        faces = bench.client.objects(FITTER, bench.image(task, row["path"]), min_confidence=0.3)
        near = [face for face in faces if overlap(labelled, face["bbox"]) > 0.2]
        return (max(near, key=lambda face: overlap(labelled, face["bbox"]), default=None),)

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(row, got[0]) for row, got in answers if got is not None]
    seen = [(float(row["yaw"]), float(row["pitch"]), face["pose"]) for row, face in told if face is not None]
    figures = []
    for name, limit, yaw_mark, pitch_mark in (("|yaw| <= 60", 60, 6.8, 11.8), ("all", 90, 14.6, 13.3)):
        chosen = [(yaw, pitch, pose) for yaw, pitch, pose in seen if abs(yaw) <= limit]
        yaw_error = mean_absolute_error([yaw for yaw, _, _ in chosen], [pose["yaw"] for _, _, pose in chosen])
        pitch_error = mean_absolute_error([pitch for _, pitch, _ in chosen], [pose["pitch"] for _, _, pose in chosen])
        figures += [
            Figure(task, f"yaw error, degrees, {name}", yaw_error, len(chosen), yaw_mark),
            Figure(task, f"pitch error, degrees, {name}", pitch_error, len(chosen), pitch_mark),
        ]
    return [*figures, _missed(task, [face for _, face in told])]


def eyes(bench: Bench) -> list[Figure]:
    """Open and closed eyes, of which the labels say one thing for both: the mean of both scores, open from 0.5."""
    task, rows = "eyes", bench.rows("eyes")

    def answer(row: Row) -> tuple[Json | None]:
        image = bench.image(task, row["path"])
        found = _largest(bench.client.objects(FITTER, image))
        found = found or _largest(bench.client.objects(FITTER, image, min_confidence=0.05))
        if found is None:
            return (None,)
        (face,) = bench.client.objects("quality-assessment-estimator", image, [found])
        return (face["quality"],)

    answers = zip(rows, bench.each(task, rows, answer), strict=True)
    told = [(row, got[0]) for row, got in answers if got is not None]
    seen = [(row["eyes"] == "open", quality) for row, quality in told if quality is not None]
    labels = [label for label, _ in seen]
    scores = [(quality["left_eye_openness_score"] + quality["right_eye_openness_score"]) / 2 for _, quality in seen]
    return [
        Figure(task, "area under the curve", area_under_curve(labels, scores), len(seen), 0.983),
        Figure(task, "accuracy at 0.5", accuracy(labels, [score >= 0.5 for score in scores]), len(seen), 0.938),
        _missed(task, [quality for _, quality in told]),
    ]
