"""A dialect is a table of lenses: each reads one attribute from an object's JSON and writes it back.

Every lens obeys two laws, which ``tests/unit/test_lenses.py`` checks for every dialect:

* what was put is what is got: ``get(put(value)) == value``;
* putting touches nothing else: the other keys survive, in order.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from schemas.attributes import Attribute, Attributes, Verification
from schemas.errors import BadDocument
from schemas.fields import Json, within

T = TypeVar("T")


class Frame(NamedTuple):
    """The size of the upright image in pixels, for dialects that speak pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Lens(Generic[T]):
    """One attribute on the wire; it is present when all its ``keys`` are, none of them null."""

    attribute: Attribute[T]
    keys: tuple[str, ...]
    get: Callable[[Mapping[str, Any], Frame], T]
    put: Callable[[T, Frame], Json]


def at(key: str, attribute: Attribute[T], load: Callable[[Any], T], dump: Callable[[T], Any]) -> Lens[T]:
    """A lens for an attribute that lives whole under one key and needs no frame."""

    def get(raw: Mapping[str, Any], _: Frame) -> T:
        value: T = within(key, load, raw[key])
        return value

    def put(value: T, _: Frame) -> Json:
        return {key: dump(value)}

    return Lens(attribute, (key,), get, put)


@dataclass(frozen=True)
class ImageField:
    """Where the image stands in a document: ``load`` gives the content of the ``key``, ``dump`` builds it anew."""

    key: str
    aliases: tuple[str, ...]
    load: Callable[[Any], "Picture"]
    dump: Callable[[bytes], Any]


class Picture(NamedTuple):
    """An image on the wire: an encoded file, or bare RGB rows of ``shape`` (height, width, 3) uint8."""

    data: bytes
    shape: tuple[int, int, int] | None = None


class Dialect:
    """One version of the wire format."""

    def __init__(self, name: str, image: ImageField, lenses: Iterable[Lens[Any]]) -> None:
        self.name = name
        self.image = image
        self.lenses: Mapping[Attribute[Any], Lens[Any]] = {lens.attribute: lens for lens in lenses}

    def carried(self, raw: Mapping[str, Any]) -> frozenset[Attribute[Any]]:
        """The attributes present in an object's JSON."""
        return frozenset(
            attribute for attribute, lens in self.lenses.items() if all(raw.get(key) is not None for key in lens.keys)
        )

    def read(self, raw: Mapping[str, Any], wanted: Iterable[Attribute[Any]], frame: Frame) -> Attributes:
        """The ``wanted`` attributes of an object."""
        values: dict[Attribute[Any], Any] = {}
        for attribute in wanted:
            lens = self.lenses[attribute]
            for key in lens.keys:
                if raw.get(key) is None:
                    raise BadDocument("Field required", (key,), "missing")
            values[attribute] = lens.get(raw, frame)
        return Attributes(values)

    def write(self, raw: Mapping[str, Any], attributes: Attributes, frame: Frame) -> Json:
        """The object's JSON with ``attributes`` laid over it, those that are internal left out."""
        out = dict(raw)
        for attribute, value in attributes.items():
            if not attribute.internal:
                out |= self.lenses[attribute].put(value, frame)
        return out

    def verification(self, found: Verification) -> Json:
        """The answer of the matcher, the same in every dialect so far."""
        return {
            "distance": found.distance,
            "fa_r": found.false_accept,
            "fr_r": found.false_reject,
            "score": found.score,
        }
