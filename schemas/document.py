"""A client's document: its own JSON, read and enriched through its own dialect.

The JSON is never rebuilt from a model, so what the client sent and we do not know comes back unchanged and in order.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.attributes import Attribute, Attributes
from schemas.dialect import Dialect, Frame, Picture
from schemas.errors import BadDocument, TooLarge
from schemas.fields import Json, within

NO_FRAME = Frame(1, 1)  # of documents without an image


@dataclass(frozen=True, slots=True)
class Document:
    """``payload`` as the client sent it; ``frame`` is the size of its image."""

    payload: Json
    dialect: Dialect
    frame: Frame = NO_FRAME

    @classmethod
    def of(cls, payload: Any, dialect: Dialect, most_objects: int = 1000) -> "Document":
        """The document in a decoded body; checks the form of what is common to all documents."""
        if not isinstance(payload, dict):
            raise BadDocument("Input should be an object", (), "dict_type")
        objects = payload.get("objects")
        if objects is not None and not isinstance(objects, list):
            raise BadDocument("Input should be a list", ("objects",), "list_type")
        for index, each in enumerate(objects or ()):
            if not isinstance(each, dict):
                raise BadDocument("Input should be an object", ("objects", index), "dict_type")
        if objects is not None and len(objects) > most_objects:
            raise TooLarge(f"The document has {len(objects)} objects, {most_objects} are allowed")
        return cls(payload, dialect)

    @classmethod
    def holding(cls, image: bytes, dialect: Dialect) -> "Document":
        """A document with an encoded image and nothing else."""
        return cls({dialect.image.key: dialect.image.dump(image)}, dialect)

    def framed(self, image: NDArray[np.uint8]) -> "Document":
        """This document with the size of its decoded image, (height, width, 3)."""
        return replace(self, frame=Frame(image.shape[1], image.shape[0]))

    def picture(self) -> Picture:
        """The image as it stands in the payload, not yet decoded."""
        field = self.dialect.image
        key = self._image_key()
        if key is None:
            raise BadDocument("Field required", (field.key,), "missing")
        picture: Picture = within(key, field.load, self.payload[key])
        return picture

    def _image_key(self) -> str | None:
        """Where the image stands: under its own key, or under an alias."""
        field = self.dialect.image
        return next((key for key in (field.key, *field.aliases) if self.payload.get(key) is not None), None)

    @property
    def objects(self) -> Sequence[Json]:
        return self.payload.get("objects") or ()

    def indices(self, subject: str) -> list[int]:
        """Where the objects of class ``subject`` stand; one without a class is a face, an empty one is nothing."""
        return [index for index, raw in enumerate(self.objects) if raw and raw.get("class", "face") == subject]

    def given(self, subject: str) -> frozenset[Attribute[Any]]:
        """The attributes that every object of class ``subject`` carries; none where there are no such objects."""
        carried = [self.dialect.carried(self.objects[index]) for index in self.indices(subject)]
        return frozenset[Attribute[Any]].intersection(*carried) if carried else frozenset()

    def read(self, index: int, wanted: AbstractSet[Attribute[Any]]) -> Attributes:
        """The ``wanted`` attributes of one object."""
        raw = self.objects[index]
        names = sorted(wanted, key=lambda attribute: attribute.name)
        try:
            return self.dialect.read(raw, names, self.frame)
        except BadDocument as fault:
            raise fault.under("objects", index) from None

    def enriched(self, found: Mapping[int, Attributes]) -> "Document":
        """This document with what was ``found`` laid over the objects at those indices."""
        objects = list(self.objects)
        for index, attributes in found.items():
            objects[index] = self.dialect.write(objects[index], attributes, self.frame)
        return self._with("objects", objects)

    def detected(self, subject: str, found: Iterable[Attributes]) -> "Document":
        """This document with the ``found`` objects in place of those of class ``subject``; others stay."""
        nothing = not any(self.objects)  # [{}] is how some clients send no objects
        kept = [] if nothing else [raw for raw in self.objects if not raw or raw.get("class", "face") != subject]
        taken = [raw["id"] for raw in kept if type(raw.get("id")) is int and raw["id"] >= 0]
        first = max(taken, default=-1) + 1
        new = [
            self.dialect.write({"id": first + index, "class": subject}, attributes, self.frame)
            for index, attributes in enumerate(found)
        ]
        return self._with("objects", [*kept, *new])

    def _with(self, key: str, value: Any) -> "Document":
        return replace(self, payload={**self.payload, key: value})

    def answer(self, *, echo: bool = True, **members: Any) -> Json:
        """The payload to send back, with the image under its own key, or without it, and with other ``members``."""
        key, own = self._image_key(), self.dialect.image.key
        out: Json = {}
        for name, value in self.payload.items():
            if name == key:
                out |= {own: value} if echo else {}
            elif name != own or key is None:  # an alias stands for an own key that is null
                out[name] = value
        return {**out, **members}
