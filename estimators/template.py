"""What makes a face comparable: a template of 296 bytes, made by a recognition network from the aligned face."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.base import Estimator, Image, Models
from estimators.geometry import aligned, five_points, planes
from models import Session
from schemas.attributes import BOX, KEYPOINTS, TEMPLATE, Attributes
from schemas.template import Template, encode

Vectors = NDArray[np.float32]  # (n, dimension)
Network = Callable[[Sequence[Image]], Vectors]  # of n > 0 crops, (size, size, 3) uint8 RGB each

# The statistics of ImageNet, RGB in [0, 1]: foamliu/MobileFaceNet normalises with them.
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)[:, None, None]
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)[:, None, None]

# The means of VGGFace's training images, BGR in 0..255: HSE FaceRes subtracts them.
_VGG_MEAN = np.array([103.939, 116.779, 123.68], np.float32)


def _foamliu(run: Session) -> Network:
    """(n, 128) of (n, 112, 112, 3): float32 RGB, normalised with the statistics of ImageNet."""

    def vectors(crops: Sequence[Image]) -> Vectors:
        normalised = planes(crops)
        normalised /= 255
        normalised -= _IMAGENET_MEAN
        normalised /= _IMAGENET_DEVIATION
        return run(normalised)[0]

    return vectors


def _mobileface(run: Session) -> Network:
    """(n, 256) of (n, 112, 112, 3): float32 RGB 0..255, the network normalises it itself."""
    return lambda crops: run(planes(crops))[0]


def _faceres(run: Session) -> Network:
    """(n, 256) of (n, 224, 224, 3): float32 BGR minus the means, a crop and its mirror image added up, reduced."""
    with files("estimators.calibration").joinpath("faceres_reduction.npy").open("rb") as file:
        reduction = np.load(file).astype(np.float32)

    def vectors(crops: Sequence[Image]) -> Vectors:
        centred = np.stack(crops)[..., ::-1].astype(np.float32) - _VGG_MEAN
        both = run(np.concatenate([centred, centred[:, :, ::-1]]))[1]  # (2n, 1024)
        return _reduced(both[: len(crops)] + both[len(crops) :], reduction)

    return vectors


def _reduced(features: Vectors, reduction: Vectors) -> Vectors:
    """(n, 256) of FaceRes' (n, 1024) features; ``training/reduce_faceres.py`` says what the reduction is.

    The features are averages of a rectifier's output: never below zero, a few of them large. Their root tames the
    large ones, and what all of them have in common, their mean, says nothing about whose face it is.

    In a black crop the network sees nothing, all features are zero. A template must have a direction: such crops get
    the first axis, and are all alike, as they are to the other networks.
    """
    roots = np.sqrt(np.maximum(features, 0))
    reduced = np.asarray((roots - roots.mean(axis=1, keepdims=True)) @ reduction, np.float32)
    reduced[~features.any(axis=1), 0] = 1
    return reduced


class Identity(NamedTuple):
    """What a network's templates say of it, and how many components their vectors have."""

    model: str
    version: int
    dimension: int


class _Adapter(NamedTuple):
    """How a network is fed, and the identity its templates carry."""

    identity: Identity
    size: int  # pixels, both sides of the crop
    zoom_out: float  # of the ArcFace alignment
    network: Callable[[Session], Network]


_ADAPTERS: Mapping[str, _Adapter] = {
    "foamliu": _Adapter(Identity("foamliu", 1, 128), 112, 1.0, _foamliu),
    "faceres": _Adapter(Identity("faceres", 1, 256), 224, 1.2, _faceres),
    "mobileface": _Adapter(Identity("mobileface", 1, 256), 112, 1.0, _mobileface),
}


def identity(architecture: str) -> Identity:
    """The identity of the templates that a network of this architecture, as the manifest calls it, makes."""
    return _ADAPTERS[architecture].identity


class TemplateExtractor(Estimator[Image]):
    """Makes the template of each face, see ``schemas/template.py``.

    A view is the face aligned by its eyes, nose and mouth corners, (size, size, 3) uint8 RGB; the network says which
    size.
    """

    name = "template-extractor"
    requires = frozenset({BOX, KEYPOINTS})
    provides = frozenset({TEMPLATE})
    tasks = ("template",)

    def __init__(self, models: Models) -> None:
        model = models["template"][0]
        self._adapter = _ADAPTERS[model.architecture]
        self._network = self._adapter.network(model.run)

    def view(self, image: Image, attributes: Attributes) -> Image:
        points = five_points(attributes[KEYPOINTS], image)
        return aligned(image, points, self._adapter.size, self._adapter.zoom_out)

    def estimate(self, views: Sequence[Image]) -> list[Attributes]:
        if not views:
            return []
        model, version, _ = self._adapter.identity
        return [Attributes({TEMPLATE: encode(Template(model, version, vector))}) for vector in self._network(views)]
