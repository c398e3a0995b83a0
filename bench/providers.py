"""What an execution provider gives: milliseconds an object by batch size, and how far its answers are from the CPU's.

    python -m bench.providers --provider cuda [--photo PHOTO]

Each estimator looks at one face of the photo, repeated; a detector at the photo. Times are the median of several runs
on the wall clock, once warm, with the models of this machine (``facet models pull``, or ``FACET_MODEL_MIRROR``).
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image as Pillow

from estimators import CATALOGUE, Detector, Estimator, Matcher, Node
from models import MissingModel, ModelStore, provider_names
from schemas import Attributes
from schemas.template import decode as decode_template

PHOTO = Path(__file__).parents[1] / "serving" / "static" / "astronaut.jpg"
BATCHES = (1, 8, 32)
RUNS, WARM = 15, 4


def main(
    provider: Annotated[str, typer.Option(help="cpu, cuda, openvino or coreml.")] = "cuda",
    photo: Annotated[Path, typer.Option(help="A photo with a face.", exists=True)] = PHOTO,
    mirror: Annotated[Path | None, typer.Option(envvar="FACET_MODEL_MIRROR", help="A folder with model files.")] = None,
) -> None:
    """Compares an execution provider with one core of the CPU."""
    store = ModelStore(mirror=mirror)
    image = np.asarray(Pillow.open(photo).convert("RGB"), np.uint8)
    here, there = provider_names(["cpu"]), provider_names([provider, "cpu"])
    face = _node(store, "face-detector-face-fitter", here).detect([image])[0][0]
    print(f"{'':36}{'batch':>6}{'cpu ms':>9}{provider + ' ms':>11}{'ratio':>7}{'difference':>12}")
    for name, kind in CATALOGUE.items():
        if issubclass(kind, Matcher):
            continue
        try:
            pair = [_node(store, name, providers) for providers in (here, there)]
        except MissingModel as error:
            print(f"{name:36}{error}")
            continue
        for batch in BATCHES:
            asked = [_asked(node, image, face, batch) for node in pair]
            cpu, other = (_milliseconds(each) / batch for each in asked)
            difference = _difference(*(each() for each in asked))
            print(f"{name:36}{batch:6}{cpu:9.2f}{other:11.2f}{cpu / other:7.1f}{difference:12.1e}")


def _node(store: ModelStore, name: str, providers: Sequence[str]) -> Any:
    kind = CATALOGUE[name]
    tasks = [*kind.tasks, *(task for task in kind.optional if store.can_serve(task))]
    return kind({task: tuple(store.load(spec, providers) for spec in store.resolve(task)) for task in tasks})


def _asked(node: Node, image: NDArray[np.uint8], face: Attributes, batch: int) -> Callable[[], list[Attributes]]:
    """Asks a service about so many objects, or a detector about so many images."""
    if isinstance(node, Detector):
        return lambda: [each for found in node.detect([image] * batch) for each in found]
    if not isinstance(node, Estimator):
        raise TypeError(node.name)
    views = [node.view(image, face)] * batch
    return lambda: node.estimate(views)


def _milliseconds(work: Callable[[], Any]) -> float:
    spent = []
    for number in range(WARM + RUNS):
        start = time.perf_counter()
        work()
        if number >= WARM:
            spent.append((time.perf_counter() - start) * 1000)
    return statistics.median(spent)


def _difference(one: Sequence[Attributes], other: Sequence[Attributes]) -> float:
    """The largest difference of any number; infinite where the answers have another form, as with other objects."""
    first, second = (np.array([number for each in answer for number in _numbers(each)]) for answer in (one, other))
    return float(np.abs(first - second).max()) if first.shape == second.shape else float("inf")


def _numbers(value: Any) -> list[float]:
    """All numbers in the attributes of an object; of a template its vector, not its bytes."""
    if isinstance(value, bool | int | float):
        return [float(value)]
    if isinstance(value, bytes):
        return [float(each) for each in decode_template(value).vector]
    if isinstance(value, Mapping):
        return [number for each in value.values() for number in _numbers(each)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [number for each in value for number in _numbers(each)]
    if hasattr(value, "confidence"):
        return [float(value.confidence)]
    return []


if __name__ == "__main__":
    typer.run(main)
