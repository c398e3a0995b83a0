"""People who do not exist, for tests of the identity store."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.template import Template, encode
from store import Collection, Member, NewFace, Store, collections, members

DIMENSIONS = {"foamliu": 128, "faceres": 256, "mobileface": 256}


def vectors(count: int, seed: int = 0, model: str = "foamliu") -> NDArray[np.float32]:
    """Random directions, (count, dimension of the model)."""
    found = np.random.default_rng(seed).standard_normal((count, DIMENSIONS[model]), dtype=np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def template(vector: NDArray[np.float32], model: str = "foamliu") -> bytes:
    return encode(Template(model, 1, vector))


def templates(count: int, seed: int = 0, model: str = "foamliu") -> list[bytes]:
    return [template(vector, model) for vector in vectors(count, seed, model)]


async def add_collection(store: Store, key: str = "c", kind: str = "recognition") -> Collection:
    async with store.begin() as transaction:
        return await collections.create_collection(transaction, kind, key, key.upper())


async def enrol(
    store: Store, key: str, faces: Sequence[NewFace], inside: Sequence[int] = (), space: str = "c"
) -> Member:
    """Adds faces to the member with this key, as a façade does."""
    model = await store.common_model(faces)
    async with store.begin() as transaction:
        owner = await members.get_or_create_member(transaction, space, key, key.upper())
        for number in sorted(inside):
            await members.link_members(transaction, number, [owner.number])
        if model is not None:
            await store.enrol_faces(transaction, owner, model, faces)
    return owner
