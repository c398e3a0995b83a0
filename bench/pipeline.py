"""Facet's own estimators called directly, one after the other: what they cost where nothing is around them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from estimators import CATALOGUE, Detector, Estimator, Node
from estimators.geometry import Photo
from graph import GraphSpec
from schemas import Attributes, Picture
from schemas.image import decode
from serving.engine.engine import planner, view_of
from serving.engine.loading import Loader
from serving.settings import Settings, arguments

CONFIG = Path(__file__).parents[1] / "serve_config.yaml"
ANALYTICS = "face-analytics"
FITTER = "face-detector-face-fitter"

Faces = list[Attributes]


def settings() -> Settings:
    """The settings of serve_config.yaml and of the environment, as the server has them."""
    return Settings(**arguments(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))))


def ordered(chosen: Settings, graph: str = ANALYTICS) -> list[str]:
    """The services of a graph in the order of its plan."""
    spec = GraphSpec.parse(chosen.graphs[graph], chosen.max_nodes)
    return list(planner(CATALOGUE).plan(spec).steps)


def nodes(names: Iterable[str], loader: Loader) -> Mapping[str, Node]:
    """Services with their models; those of one loader share the sessions of models that they have in common."""
    return {name: loader.node(name) for name in names}


def graph_answer(jpeg: bytes, steps: Mapping[str, Node]) -> Faces:
    """All that the services say of the faces of a photo; they must come in the order of a plan."""
    photo = Photo(decode(Picture(jpeg)))
    faces: Faces = []
    for each in steps.values():
        if isinstance(each, Detector):
            faces = each.detect([photo.image])[0]
        elif isinstance(each, Estimator):
            said = told(each, photo, faces)
            faces = [face | more for face, more in zip(faces, said, strict=True)]
    return faces


def told(estimator: Estimator[Any], photo: Photo, faces: Sequence[Attributes]) -> Faces:
    """What one estimator says of faces that were found."""
    return estimator.estimate([view_of(estimator, photo, face) for face in faces])


def single_answer(service: Node, jpeg: bytes, faces: Sequence[Attributes]) -> Faces:
    """A request to a single service without the service: decode the photo, cut out what is looked at, look."""
    photo = Photo(decode(Picture(jpeg)))
    if isinstance(service, Detector):
        return service.detect([photo.image])[0]
    if not isinstance(service, Estimator):
        raise TypeError(f"{service.name} looks at no photo")
    return told(service, photo, faces)
