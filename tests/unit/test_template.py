"""The 296 bytes of a template, and the node that makes them."""

import pickle
import struct
import zlib
from collections.abc import Callable, Mapping
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from estimators.geometry import ARCFACE
from estimators.template import TemplateExtractor
from models import Model, ModelStore
from schemas.attributes import BOX, KEYPOINT_NAMES, KEYPOINTS, TEMPLATE, Attributes, Box, Point
from schemas.template import SIZE, BadTemplate, Template, TemplateMismatch, decode, encode, key
from training.reduce_faceres import last_convolution, reduction

MODELS = {  # template model: name in the manifest, dimension
    "foamliu": ("foamliu_mobilefacenet_dyn", 128),
    "faceres": ("human_faceres", 256),
    "mobileface": ("mobileface_V2", 256),
}


def made_vector(dimension: int, seed: int, spread: float, magnitude: float) -> NDArray[np.float32]:
    """Components of both signs, ``spread`` apart in size, about ``magnitude`` large."""
    random = np.random.default_rng(seed)
    sizes = np.clip(np.exp(spread * random.normal(size=dimension)), 1e-6, 1e6)
    return np.asarray(random.choice([-1, 1], dimension) * sizes * magnitude, np.float32)


vectors = st.builds(
    made_vector,
    st.sampled_from([128, 256]),
    st.integers(0, 2**32 - 1),
    st.floats(0, 5),
    st.sampled_from([1e-30, 1, 1e30]),
)
names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,15}", fullmatch=True)


def example(dimension: int = 128) -> bytes:
    vector = np.random.default_rng(1).normal(size=dimension).astype(np.float32)
    return encode(Template("foamliu", 1, vector))


def resealed(blob: bytes, offset: int, replacement: bytes) -> bytes:
    """The bytes with some replaced and the checksum put right."""
    changed = blob[:offset] + replacement + blob[offset + len(replacement) :]
    return changed[:36] + struct.pack("<I", zlib.crc32(changed[:36] + changed[40:])) + changed[40:]


def test_the_bytes_of_a_float16_template_are_as_documented() -> None:
    vector = np.zeros(128, np.float32)
    vector[:2] = 3, -4
    expected = bytes.fromhex(
        "46414354"  # FACT
        "01"  # layout version 1
        "01"  # float16
        "8000"  # 128
        "0000803f"  # scale 1.0
        "666f616d6c6975000000000000000000"  # foamliu
        "0100"  # model version 1
        "000000000000"
    )
    body = bytes.fromhex("cd3866ba") + bytes(252)  # 0.6, -0.8
    assert encode(Template("foamliu", 1, vector)) == expected + struct.pack("<I", zlib.crc32(expected + body)) + body


def test_the_bytes_of_an_int8_template_are_as_documented() -> None:
    vector = np.zeros(256, np.float32)
    vector[:2] = 3, -4
    expected = (
        b"FACT\x01\x02\x00\x01" + struct.pack("<f", 0.8 / 127) + b"mobileface" + bytes(6) + b"\x07\x00" + bytes(6)
    )
    body = bytes([95, 256 - 127]) + bytes(254)  # 0.6 * 127 / 0.8 = 95.25
    assert encode(Template("mobileface", 7, vector)) == expected + struct.pack("<I", zlib.crc32(expected + body)) + body


@settings(deadline=None)
@given(vectors, names, st.integers(1, 0xFFFF))
def test_decoding_gives_back_what_was_encoded(vector: NDArray[np.float32], name: str, version: int) -> None:
    blob = encode(Template(name, version, vector))
    template = decode(blob)
    assert len(blob) == SIZE
    assert (template.model, template.version) == (name, version)
    assert template.vector.dtype == np.float32
    assert np.linalg.norm(template.vector) == pytest.approx(1, abs=1e-6)
    # Rounding changes the length, which is put right for all components alike: compare them to the largest one.
    largest = int(np.abs(vector).argmax())
    expected = vector.astype(np.float64) / vector[largest]
    error = 2**-10 if len(vector) == 128 else 0.5001 / 127  # float16 rounds the largest one, too
    np.testing.assert_allclose(template.vector / template.vector[largest], expected, atol=error, rtol=0)


@settings(deadline=None)
@given(st.sampled_from([128, 256]), st.integers(0, 2**32 - 1))
def test_rounding_hardly_changes_the_direction(dimension: int, seed: int) -> None:
    vector = np.random.default_rng(seed).normal(size=dimension)
    cosine = vector @ decode(encode(Template("any", 1, vector.astype(np.float32)))).vector / np.linalg.norm(vector)
    assert cosine > 1 - 1e-4


@settings(deadline=None)
@given(st.sampled_from([128, 256]), st.integers(0, SIZE - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(dimension: int, offset: int, change: int) -> None:
    blob = bytearray(example(dimension))
    blob[offset] ^= change
    with pytest.raises(BadTemplate):
        decode(bytes(blob))


def test_every_byte_is_covered() -> None:
    for dimension in (128, 256):
        blob = example(dimension)
        for offset in range(SIZE):
            with pytest.raises(BadTemplate):
                decode(blob[:offset] + bytes([blob[offset] ^ 0x10]) + blob[offset + 1 :])


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_other_bytes_are_refused(blob: bytes) -> None:
    with pytest.raises(BadTemplate):
        decode(blob)


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "wrong size: expected a template of 296 bytes, got 0"),
        (example()[:-1], "wrong size: expected a template of 296 bytes, got 295"),
        (example() + b"\0", "wrong size: expected a template of 296 bytes, got 297"),
        (resealed(example(), 0, b"FAKE"), "not a template: expected it to begin with b'FACT', got b'FAKE'"),
        (resealed(example(), 4, b"\x02"), "unknown layout version 2 of the template, expected 1"),
        (example()[:-1] + b"\x55", "bad checksum: the template was changed or damaged"),
        (resealed(example(), 5, b"\x03"), "unknown element type 3 of dimension 128 in the template"),
        (resealed(example(), 5, b"\x02"), "unknown element type 2 of dimension 128 in the template"),
        (resealed(example(), 8, struct.pack("<f", 0)), "the template's scale must be finite and above 0, is 0.0"),
        (resealed(example(), 8, struct.pack("<f", np.nan)), "the template's scale must be finite and above 0, is nan"),
        (resealed(example(), 12, b"Foam"), "the template's model name is not one: 'Foamliu'"),
        (resealed(example(), 12, bytes(16)), "the template's model name is not one: ''"),
        (resealed(example(), 28, bytes(2)), "the template's model version must be 1 or more, is 0"),
        (resealed(example(), 30, b"\x01"), "the template's reserved bytes must be zero"),
        (resealed(example(), 40, bytes(256)), "the template's vector is zero or not finite"),
        (resealed(example(), 40, b"\x00\x7c"), "the template's vector is zero or not finite"),
        (resealed(example(), 40, b"\x00\x7e"), "the template's vector is zero or not finite"),
    ],
)
def test_a_refusal_says_what_is_wrong(blob: bytes, message: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        decode(blob)
    assert str(caught.value) == caught.value.message == message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (Template("two words", 1, np.ones(128, np.float32)), "no such model identity: 'two words' version 1"),
        (Template("a" * 17, 1, np.ones(128, np.float32)), f"no such model identity: '{'a' * 17}' version 1"),
        (Template("foamliu", 0, np.ones(128, np.float32)), "no such model identity: 'foamliu' version 0"),
        (Template("foamliu", 1, np.zeros(128, np.float32)), "the template's vector is zero or not finite"),
        (Template("foamliu", 1, np.full(128, np.nan, np.float32)), "the template's vector is zero or not finite"),
        (
            Template("foamliu", 1, np.ones(64, np.float32)),
            "expected a vector of 128 or 256 components, got shape (64,)",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused(template: Template, message: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        encode(template)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", [BadTemplate, TemplateMismatch])
def test_errors_survive_pickling(kind: type[BadTemplate]) -> None:
    copy = pickle.loads(pickle.dumps(kind("wrong size")))  # noqa: S301 - our own bytes
    assert type(copy) is kind
    assert copy.message == "wrong size"


def test_the_key_names_model_and_version() -> None:
    assert key(example()) == "_face_template_extractor_foamliu_1"


def test_the_key_of_no_template_is_refused() -> None:
    with pytest.raises(BadTemplate, match="wrong size"):
        key(b"abc")


def face(size: int) -> Attributes:
    """A face whose five points lie on the ArcFace template, in an image of (size, size)."""
    points = [Point(0.5, 0.5)] * len(KEYPOINT_NAMES)
    for name, (x, y) in zip(("left_eye", "right_eye", "nose", "mouth_left", "mouth_right"), ARCFACE, strict=True):
        points[KEYPOINT_NAMES.index(name)] = Point((x + 0.5) / size, (y + 0.5) / size)
    return Attributes({BOX: Box(0.2, 0.2, 0.8, 0.9), KEYPOINTS: tuple(points)})


def silent(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    raise AssertionError(f"the network ran on {len(inputs)} inputs")


@pytest.mark.parametrize(("architecture", "size"), [("foamliu", 112), ("faceres", 224), ("mobileface", 112)])
def test_a_view_is_the_aligned_face_and_needs_no_network(architecture: str, size: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    view = TemplateExtractor({"template": [Model("any", architecture, silent)]}).view(image, face(112))
    assert view.shape == (size, size, 3)
    assert view.dtype == np.uint8
    if size == 112:
        np.testing.assert_array_equal(view, image)


def test_no_views_need_no_network() -> None:
    assert TemplateExtractor({"template": [Model("any", "foamliu", silent)]}).estimate([]) == []


def test_the_networks_are_fed_as_they_were_trained() -> None:
    crops = np.zeros((2, 112, 112, 3), np.uint8)
    crops[..., 0] = 255  # red
    seen: list[NDArray[np.float32]] = []

    def network(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        seen.extend(inputs)
        many = len(inputs[0])
        return [np.ones((many, 128), np.float32), np.random.default_rng(0).random((many, 1024), np.float32)]

    for architecture in ("foamliu", "faceres"):
        views = np.repeat(np.repeat(crops, 2, axis=1), 2, axis=2) if architecture == "faceres" else crops
        assert len(TemplateExtractor({"template": [Model("any", architecture, network)]}).estimate(list(views))) == 2
    assert seen[0].shape == (2, 3, 112, 112)
    np.testing.assert_allclose(seen[0][0, :, 0, 0], [(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225], rtol=1e-5)
    assert seen[1].shape == (4, 224, 224, 3)
    np.testing.assert_allclose(seen[1][0, 0, 0], [-103.939, -116.779, 255 - 123.68], rtol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_real_face_has_a_template_that_depends_neither_on_its_batch_nor_on_its_mirror_image(
    name: str, model: Callable[[str], Model], astronaut: NDArray[np.uint8]
) -> None:
    extractor = TemplateExtractor({"template": [model(MODELS[name][0])]})
    points = [Point(0.5, 0.5)] * len(KEYPOINT_NAMES)
    places: Mapping[str, tuple[float, float]] = {  # read off the photograph, pixels
        "left_eye": (205, 110), "right_eye": (249, 108), "nose": (231, 137), "mouth_left": (213, 158),
        "mouth_right": (250, 156),
    }  # fmt: skip
    for place, (x, y) in places.items():
        points[KEYPOINT_NAMES.index(place)] = Point((x + 0.5) / 512, (y + 0.5) / 512)
    view = extractor.view(astronaut, Attributes({BOX: Box(0.3, 0.1, 0.6, 0.4), KEYPOINTS: tuple(points)}))
    mirrored = np.ascontiguousarray(view[:, ::-1])
    alone = extractor.estimate([view])
    together = extractor.estimate([mirrored, view, np.zeros_like(view)])
    template, same, mirror = (
        decode(blob) for blob in (alone[0][TEMPLATE], together[1][TEMPLATE], together[0][TEMPLATE])
    )
    assert (template.model, template.version) == (name, 1)
    assert template.vector.shape == (MODELS[name][1],)
    assert template.vector @ same.vector > 0.9999
    assert template.vector @ mirror.vector > 0.7


def test_the_reduction_of_faceres_follows_from_its_weights(store: ModelStore, model: Callable[[str], Model]) -> None:
    model("human_faceres")  # skips where it is not installed
    expected = reduction(last_convolution(store.path(store.manifest.models["human_faceres"])))
    with files("estimators.calibration").joinpath("faceres_reduction.npy").open("rb") as file:
        committed = np.load(file)
    assert committed.shape == expected.shape == (1024, 256)
    # The sign of a direction means nothing, and directions of nearly equal strength may mix: compare the spaces.
    overlap = np.linalg.svd(committed.astype(np.float64).T @ expected.astype(np.float64), compute_uv=False)
    assert overlap[:-1].min() > 0.99
