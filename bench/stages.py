"""Where the time of one photo goes: CPU milliseconds of each stage, beside those of the plain reference pipeline.

    python -m bench.stages [--photo FILE] [--rounds N]

Everything runs in this process on one thread; ``bench/pipeline.py`` says what, ``bench/reference.py`` what against. The
models come from the settings, as the server's do; without a folder of reference models (``FACET_MODEL_MIRROR``) there
is no comparison. Each round takes every stage once, so that what else the machine does falls on all of them; printed
is the median of the rounds. CPU time still grows where another process shares the core: measure on an idle machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from bench.pipeline import graph_answer, nodes, ordered, settings, told
from bench.reference import Reference, lacking
from estimators import Detector, Estimator
from estimators.geometry import Photo
from schemas import Attributes, Picture
from schemas.image import decode
from serving.engine.engine import view_of
from serving.engine.loading import Loader

PHOTO = Path(__file__).parents[1] / "serving" / "static" / "astronaut.jpg"
_WARM_UP = 3  # rounds that are not counted
Stages = Mapping[str, Callable[[], object]]


def stages(jpeg: bytes) -> Stages:
    """What is measured, by its name: decoding, each service's share in a graph, and the whole."""
    chosen = settings()
    services = nodes(ordered(chosen), Loader(chosen))
    measured: dict[str, Callable[[], object]] = {"decode": lambda: decode(Picture(jpeg))}
    photo = Photo(decode(Picture(jpeg)))
    faces: list[Attributes] = []
    for name, service in services.items():
        if isinstance(service, Detector):
            measured[f"{name}: detect"] = partial(service.detect, [photo.image])
            faces = service.detect([photo.image])[0]
        elif isinstance(service, Estimator):
            known = list(faces)  # what a graph knows of the faces at this place of its plan
            views = [view_of(service, photo, face) for face in known]
            measured[f"{name}: view"] = partial(_views, service, photo, known)
            measured[f"{name}: estimate"] = partial(service.estimate, views)
            faces = [face | more for face, more in zip(faces, told(service, photo, faces), strict=True)]
    measured["all, one after the other"] = lambda: graph_answer(jpeg, services)
    mirror = chosen.model_mirror
    if mirror is not None and not lacking(Path(mirror)):
        reference = Reference(Path(mirror))
        measured["plain reference pipeline"] = lambda: reference.answer(jpeg)
    return measured


def _views(service: Estimator[Any], photo: Photo, faces: Sequence[Attributes]) -> list[Any]:
    """What a service looks at, cut from the image itself: nothing that another one cut before."""
    return [view_of(service, Photo(photo.image), face) for face in faces]


def milliseconds(measured: Stages, rounds: int) -> Mapping[str, float]:
    """The median CPU time of each stage."""
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for turn in range(_WARM_UP + rounds):
        for name, stage in measured.items():
            start = time.process_time()
            stage()
            if turn >= _WARM_UP:
                taken[name].append((time.process_time() - start) * 1e3)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU milliseconds of each stage of one photo.")
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--rounds", type=int, default=30)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    found = milliseconds(stages(arguments.photo.read_bytes()), arguments.rounds)
    for name, value in found.items():
        print(f"{value:8.2f} ms  {name}")
    whole, plain = found["all, one after the other"], found.get("plain reference pipeline")
    if plain is not None:
        print(f"{whole / plain:8.2f}     of the plain reference pipeline")


if __name__ == "__main__":
    main()
