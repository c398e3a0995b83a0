"""Templates of another model, computed again from stored images."""

from collections.abc import Callable, Mapping

import pytest

from estimators.face.fitter import FaceFitter
from estimators.template import TemplateExtractor
from models import Model
from schemas.attributes import BOX, TEMPLATE, Box
from schemas.dialect import Picture as Encoded
from schemas.image import decode as decode_image
from schemas.template import decode
from store import ModelMismatch, NewFace, Store, StoredImage, faces, members
from store.reembed import Progress, re_embed
from tests.contract.identities import add_collection, enrol, templates

NEW = templates(60, 3, "mobileface")


def picture(name: str) -> StoredImage:
    return StoredImage(name.encode(), "image/jpeg", 10, 10)


async def embed(data: bytes, box: Box | None) -> bytes | None:
    """The template that belongs to an image by its name, which has a number at its end."""
    name, _, number = data.decode().partition(" ")
    if name == "empty":
        return None
    assert (box is None) == (name == "crop")
    return NEW[int(number)]


async def filled(store: Store) -> int:
    """Forty members with a photo, a crop, both, or neither each; returns the number of their collection."""
    where = (await add_collection(store)).number
    for index, each in enumerate(templates(40)):
        photo = picture(f"photo {index}") if index % 4 in {0, 2} else None
        crop = picture(f"crop {index}") if index % 4 in {1, 2} else None
        await enrol(store, f"p{index}", [NewFace(each, Box(0, 0, 1, 1), photo=photo, crop=crop)], [where])
    return where


async def test_what_has_an_image_is_found_by_the_new_model(identity: Store) -> None:
    where = await filled(identity)
    told: list[Progress] = []
    done = await re_embed(identity, "mobileface", 1, embed, told.append)
    assert (done.done, done.total, len(done.without_image), done.without_face) == (30, 40, 10, ())
    assert [each.done for each in told] == sorted(each.done for each in told)
    async with identity.begin() as transaction:
        for index in range(40):
            [face] = await faces.faces_of_member(
                transaction, (await members.get_member(transaction, "c", f"p{index}")).number
            )
            assert face.model == ("foamliu version 1" if index % 4 == 3 else "mobileface version 1")
            assert (face.id in done.without_image) == (index % 4 == 3)
        # Those without an image hold the old templates; without them the new ones are searched.
        old = [await members.get_member(transaction, "c", f"p{index}") for index in range(3, 40, 4)]
        await members.unlink_members(transaction, where, [each.number for each in old])
    for exact in (True, False):
        [match] = await identity.search(NEW[6], [where], 1, exact=exact)
        assert (match.member.key, match.template) == ("p6", NEW[6])


async def test_until_all_is_done_collections_are_not_searched(identity: Store) -> None:
    where = await filled(identity)
    calls = 0

    async def stopping(data: bytes, box: Box | None) -> bytes | None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise KeyboardInterrupt
        return await embed(data, box)

    with pytest.raises(KeyboardInterrupt):
        await re_embed(identity, "mobileface", 1, stopping)
    for probe in (templates(1)[0], NEW[0]):
        for exact in (True, False):
            with pytest.raises(ModelMismatch):
                await identity.search(probe, [where], 1, exact=exact)
    rest = await re_embed(identity, "mobileface", 1, embed)
    assert rest.done == rest.total - 10
    assert 0 < rest.done < 30
    assert (await re_embed(identity, "mobileface", 1, embed)).done == 0


async def test_images_without_a_face_are_told_and_wrong_templates_refused(identity: Store) -> None:
    where = (await add_collection(identity)).number
    [one, two] = templates(2)
    await enrol(identity, "p", [NewFace(one, photo=picture("empty 0"))], [where])
    done = await re_embed(identity, "mobileface", 1, embed)
    assert (done.done, done.total, len(done.without_face)) == (0, 1, 1)

    async def wrong(_: bytes, __: Box | None) -> bytes | None:
        return two

    with pytest.raises(ModelMismatch, match="expected templates of mobileface version 1"):
        await re_embed(identity, "mobileface", 1, wrong)
    [match] = await identity.search(one, [where], 1)
    assert match.member.key == "p"


async def test_a_photo_gets_the_template_that_another_real_model_makes(
    identity: Store,
    jpeg: bytes,
    model: Callable[[str], Model],
    models_for: Callable[..., Mapping[str, tuple[Model, ...]]],
) -> None:
    fitter = FaceFitter(models_for(*FaceFitter.tasks))
    first, second = (
        TemplateExtractor({"template": [model(name)]}) for name in ("foamliu_mobilefacenet_dyn", "mobileface_V2")
    )
    photo = decode_image(Encoded(jpeg))
    [face] = fitter.detect([photo])[0]

    def made(extractor: TemplateExtractor) -> bytes:
        [attributes] = extractor.estimate([extractor.view(photo, face)])
        return bytes(attributes[TEMPLATE])

    async def again(data: bytes, box: Box | None) -> bytes | None:
        assert (data, box) == (jpeg, face[BOX])
        return made(second)

    where = (await add_collection(identity)).number
    kept = StoredImage(jpeg, "image/jpeg", 512, 512)
    await enrol(identity, "eileen", [NewFace(made(first), face[BOX], photo=kept)], [where])
    await re_embed(identity, "mobileface", 1, again)
    [match] = await identity.search(made(second), [where], 1)
    assert decode(match.template).model == "mobileface"
