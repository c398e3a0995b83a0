"""The contract every estimator fulfils. This docstring is its source of truth.

A node is a class with a ``name`` (its route, its deployment and its key in logs), the ``subject`` it looks at
("face" or "body"), the attributes it ``requires`` of each such object and those it ``provides``, and the model
``tasks`` it needs (those under ``optional`` it can do without). So that no network looks twice at a face, a node may
also say what it ``uses`` where another node of the same run already told it, and finds out by itself otherwise; the
other node ``provides`` that, or ``reveals`` it as an internal note. Its models come in through ``__init__``, by task: a
node opens no file, reads no environment, writes no log and keeps no state between calls.

* A ``Detector`` turns images into lists of new objects.
* An ``Estimator`` works in two steps, so that a photo never has to travel: ``view`` cuts from the image what the
  model looks at, where the photo is, without running a model; ``estimate`` runs the model on a batch of views,
  which may mix objects of several images and several requests. The answer has one entry per item, in order.
  Estimators that inherit the same ``view`` share what it cuts, so a class must not refine an inherited one by state.
* A ``Matcher`` compares pairs of objects, without an image, and finds the most alike pair of two sets.

All methods are pure functions of their arguments. Images are RGB uint8 (height, width, 3), upright.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from models import Model
from schemas.attributes import Attribute, Attributes, Verification

Image = NDArray[np.uint8]  # (height, width, 3), RGB
Models = Mapping[str, Sequence[Model]]  # by task
View = TypeVar("View")  # what an estimator cuts from the image for one object; must be picklable


class Node(ABC):
    name: ClassVar[str]
    subject: ClassVar[str] = "face"
    requires: ClassVar[frozenset[Attribute[Any]]] = frozenset()
    provides: ClassVar[frozenset[Attribute[Any]]] = frozenset()
    uses: ClassVar[frozenset[Attribute[Any]]] = frozenset()
    reveals: ClassVar[frozenset[Attribute[Any]]] = frozenset()
    heavy: ClassVar[bool] = False  # costs a multiple of what the others do, and may be worth scaling by itself
    tasks: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, models: Models) -> None:  # noqa: B027 - a node without models need not say so
        """Takes the models of each task; those of ``optional`` tasks may be absent."""


class Detector(Node):
    """Finds the objects of an image."""

    @abstractmethod
    def detect(self, images: Sequence[Image], threshold: float | None = None) -> list[list[Attributes]]:
        """The objects of each image, by descending confidence.

        Objects below ``threshold`` (a confidence in [0, 1]; by default the detector's own) are left out.
        """


class Estimator(Node, Generic[View]):
    """Says something about each object."""

    @abstractmethod
    def view(self, image: Image, attributes: Attributes) -> View:
        """What the model looks at for one object that has the ``required`` attributes, perhaps some of the ``used``."""

    @abstractmethod
    def estimate(self, views: Sequence[View]) -> list[Attributes]:
        """What is to be added to the attributes of each object."""

    def settled(self, views: Sequence[View]) -> bool:
        """Whether ``views`` hold so much of what others found that ``estimate`` runs no model for them."""
        return not views


class Matcher(Node):
    """Compares two objects."""

    @abstractmethod
    def match(self, pairs: Sequence[tuple[Attributes, Attributes]]) -> list[Verification]:
        """How alike the two of each pair are."""

    @abstractmethod
    def best(self, first: Sequence[Attributes], second: Sequence[Attributes]) -> tuple[int, int, Verification]:
        """Which of the ``first`` and which of the ``second`` are most alike, and how much: the earliest such pair.

        The same as the closest of ``match`` for all pairs, those of ``first[0]`` leading. Neither may be empty.
        """
