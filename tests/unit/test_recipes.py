import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models import ModelStore, load_manifest, open_session
from models.fetch import PullResult, pull
from models.manifest import PackageSource
from models.recipes import RECIPES
from models.recipes.builder import same_padding
from models.recipes.graph_model import read_graph_model
from models.recipes.tensorflow import convert
from models.recipes.weights import read_weights
from models.sources import PackageFolders

Image = NDArray[np.uint8]
MANIFEST = load_manifest()
CONVERTED = {name: spec for name, spec in MANIFEST.models.items() if spec.conversions}
TOLERANCE = 1e-4  # of the largest output of the reference
FACES = [(170, 60, 110), (150, 40, 150), (185, 80, 90)]  # squares (left, top, side) around the astronaut's face
EYES = [(181, 79, 46), (224, 80, 46), (175, 72, 60)]  # squares around its eyes


def crops(photograph: Image, squares: list[tuple[int, int, int]], side: int) -> NDArray[np.float32]:
    """Squares of the photograph, RGB 0..255 float32 (n, side, side, 3)."""
    cut = [photograph[top : top + size, left : left + size] for left, top, size in squares]
    return np.stack([cv2.resize(one, (side, side)) for one in cut]).astype(np.float32)


def channels_first(images: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def views(name: str, photograph: Image) -> NDArray[np.float32]:
    """What the network is fed in earnest, several at once."""
    match name:
        case "centerface_dyn":
            turned = np.stack([photograph, photograph[:, ::-1]])[:, 32:, 64:480]  # 480 x 416
            return channels_first(turned.astype(np.float32))
        case "human_centernet_heads":
            return np.stack([photograph, photograph[:, ::-1]]).astype(np.float32)
        case "human_emotion":
            grey = crops(photograph, FACES, 64) @ np.array([0.299, 0.587, 0.114], np.float32)
            return grey[..., None] / np.float32(127.5) - np.float32(1)
        case "human_facemesh" | "human_iris":
            squares, side = (FACES, 192) if name == "human_facemesh" else (EYES, 64)
            return crops(photograph, squares, side) / np.float32(255)
        case "human_faceres":
            return crops(photograph, FACES, 224)[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
    return channels_first(crops(photograph, FACES, 112))


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelStore, list[PullResult]]:
    """A store that was filled from the registries alone."""
    store = ModelStore(tmp_path_factory.mktemp("cache"), None, MANIFEST)
    return store, pull(MANIFEST, store)


@pytest.mark.registry
def test_registries_alone_give_every_model_that_has_a_recipe(converted: tuple[ModelStore, list[PullResult]]) -> None:
    store, outcomes = converted
    assert {outcome.name: outcome.reasons for outcome in outcomes if outcome.installed is None} == {
        name: ("mirror: no mirror folder is set",)
        for name, spec in MANIFEST.models.items()
        if not spec.conversions and not spec.bundled
    }
    assert {one.name: {one.source} for one in store.list_installed()} == {
        name: set(spec.conversions) or {"bundled"}
        for name, spec in MANIFEST.models.items()
        if spec.conversions or spec.bundled
    }


@pytest.mark.registry
def test_registries_alone_leave_only_an_optional_task_unserved(converted: tuple[ModelStore, list[PullResult]]) -> None:
    store, _ = converted
    assert [task for task in MANIFEST.tasks if not store.can_serve(task)] == ["face-quality"]


@pytest.mark.registry
@pytest.mark.parametrize("name", CONVERTED)
def test_a_converted_model_answers_like_the_reference(
    name: str, converted: tuple[ModelStore, list[PullResult]], store: ModelStore, astronaut: Image
) -> None:
    spec = CONVERTED[name]
    if store.mirror is None or not (store.mirror / spec.file).is_file():
        pytest.skip(f"no mirror folder that has {spec.file} is set")
    images = views(name, astronaut)
    answers = open_session(converted[0].path(spec))(images)
    references = open_session(store.mirror / spec.file)(images)
    assert [answer.shape for answer in answers] == [reference.shape for reference in references]
    for answer, reference in zip(answers, references, strict=True):
        assert np.abs(reference).max() > 0
        assert np.abs(answer - reference).max() <= TOLERANCE * np.abs(reference).max()


@pytest.mark.registry
@pytest.mark.parametrize("name", CONVERTED)
def test_a_batch_answers_like_its_parts(
    name: str, converted: tuple[ModelStore, list[PullResult]], astronaut: Image
) -> None:
    run, images = open_session(converted[0].path(CONVERTED[name])), views(name, astronaut)
    for whole, *parts in zip(run(images), *(run(image[None]) for image in images), strict=True):
        together = np.concatenate(parts)
        assert np.abs(whole - together).max() <= TOLERANCE * np.abs(together).max()


@pytest.mark.registry
def test_a_recipe_gives_the_same_bytes_each_time(
    converted: tuple[ModelStore, list[PullResult]], tmp_path: Path
) -> None:
    store, _ = converted
    packages = PackageFolders(tmp_path, lambda _label, _done, _total: None)
    for spec in CONVERTED.values():
        (source,) = [source for source in spec.sources if isinstance(source, PackageSource)]
        assert RECIPES[source.recipe](packages.folder(source.package)) == store.path(spec).read_bytes(), spec.name


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "expected"),
    [
        (112, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (224, 7, 2, (2, 3)),
        (10, 1, 1, (0, 0)),
        (10, 3, 1, (1, 1)),
        (9, 2, 3, (0, 0)),
    ],
)
def test_same_padding_is_tensorflow_s(length: int, kernel: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(length, kernel, stride) == expected


def test_weights_are_read_in_every_storage(tmp_path: Path) -> None:
    half, eighth = np.array([[1.5], [-2]], np.float16), np.array([0, 255], np.uint8)
    plain, scalar = np.array([0.25], np.float32), np.array(7, np.int32)
    contents = b"".join(array.tobytes() for array in (half, eighth, plain, scalar))
    (tmp_path / "a.bin").write_bytes(contents[:5])  # files are cut anywhere
    (tmp_path / "b.bin").write_bytes(contents[5:])
    entries = [
        {"name": "half", "shape": [2, 1], "dtype": "float32", "quantization": {"dtype": "float16"}},
        {
            "name": "eighth",
            "shape": [2],
            "dtype": "float32",
            "quantization": {"dtype": "uint8", "scale": 0.1, "min": -1.0},
        },
        {"name": "plain", "shape": [1], "dtype": "float32"},
        {"name": "scalar", "shape": [], "dtype": "int32"},
    ]
    weights = read_weights(tmp_path, [{"paths": ["a.bin", "b.bin"], "weights": entries}])
    assert weights["half"].tolist() == [[1.5], [-2]]
    assert weights["eighth"] == pytest.approx([-1, 24.5])
    assert weights["plain"].tolist() == [0.25]
    assert (weights["scalar"].shape, str(weights["scalar"].dtype), int(weights["scalar"])) == ((), "int32", 7)
    assert {weights[name].dtype for name in ("half", "eighth", "plain")} == {np.dtype(np.float32)}
    with pytest.raises(ValueError, match="hold 14 bytes, the manifest tells of 10"):
        read_weights(tmp_path, [{"paths": ["a.bin", "b.bin"], "weights": entries[:-1]}])


def text(value: str) -> dict[str, str]:
    return {"s": b64encode(value.encode()).decode()}


def window(padding: str, stride: int) -> dict[str, Any]:
    strides = {"list": {"i": ["1", str(stride), str(stride), "1"]}}
    return {"padding": text(padding), "strides": strides}


@pytest.fixture
def graph_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes a TensorFlow.js graph model of nodes (name, operation, inputs, attributes) on an image [N, 6, 6, 2]."""

    def write(weights: Mapping[str, NDArray[np.generic]], *nodes: tuple[str, str, list[str], dict[str, Any]]) -> Path:
        shape = {"shape": {"dim": [{"size": "-1"}, {"size": "6"}, {"size": "6"}, {"size": "2"}]}}
        topology: list[dict[str, Any]] = [
            {"name": name, "op": operation, "input": inputs, "attr": attributes}
            for name, operation, inputs, attributes in reversed(nodes)  # the order in the file means nothing
        ]
        topology.append({"name": "image", "op": "Placeholder", "attr": {"shape": shape}})
        topology += [{"name": name, "op": "Const"} for name in weights]
        entries = [
            {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)} for name, array in weights.items()
        ]
        document = {
            "modelTopology": {"node": topology},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": entries}],
        }
        (tmp_path / "weights.bin").write_bytes(b"".join(array.tobytes() for array in weights.values()))
        (tmp_path / "model.json").write_text(json.dumps(document), encoding="utf-8")
        return tmp_path / "model.json"

    return write


RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.standard_normal((3, 6, 6, 2)).astype(np.float32)


def answer(path: Path, folder: Path) -> NDArray[np.float32]:
    (folder / "model.onnx").write_bytes(convert(path, {"images": "image"}, {"result": "result"}))
    (result,) = open_session(folder / "model.onnx")(IMAGES)
    return result


def test_a_convolution_slides_as_tensorflow_s_does(graph_model: Callable[..., Path], tmp_path: Path) -> None:
    filters = RANDOM.standard_normal((3, 3, 2, 4)).astype(np.float32)
    bias = RANDOM.standard_normal(4).astype(np.float32)
    fused = {"fused_ops": {"list": {"s": [text("BiasAdd")["s"], text("Relu6")["s"]]}}}
    node = ("result", "_FusedConv2D", ["image", "filters", "bias"], {**window("SAME", 2), **fused})
    padded = np.pad(IMAGES, [(0, 0), (0, 1), (0, 1), (0, 0)])  # SAME at stride 2: one row and one column, at the end
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))[:, ::2, ::2]  # (n, 3, 3, in, h, w)
    expected = np.clip(np.einsum("nyxihw,hwio->nyxo", patches, filters) + bias, 0, 6)
    given = answer(graph_model({"filters": filters, "bias": bias}, node), tmp_path)
    np.testing.assert_allclose(given, expected, atol=1e-5)


def test_what_is_done_to_images_keeps_their_channels_last(graph_model: Callable[..., Path], tmp_path: Path) -> None:
    weights = {
        "scale": np.array([2, -3], np.float32),
        "slopes": np.array([[[0.5, 0.25]]], np.float32),
        "amounts": np.array([[0, 0], [0, 1], [1, 0], [0, 2]], np.int32),
        "axis": np.array(3, np.int32),
    }
    path = graph_model(
        weights,
        ("scaled", "Mul", ["scale", "image:0"], {}),
        ("sloped", "Prelu", ["scaled", "slopes"], {}),
        ("padded", "Pad", ["sloped", "amounts"], {}),
        ("other", "Pad", ["image", "amounts"], {}),
        ("result", "ConcatV2", ["padded", "other", "axis"], {}),
    )
    scaled = IMAGES * weights["scale"]
    sloped = np.where(scaled < 0, scaled * weights["slopes"], scaled)
    both = [np.pad(array, [(0, 0), (0, 1), (1, 0), (0, 2)]) for array in (sloped, IMAGES)]
    np.testing.assert_allclose(answer(path, tmp_path), np.concatenate(both, axis=3), atol=1e-6)


def test_a_classifier_ends_in_probabilities(graph_model: Callable[..., Path], tmp_path: Path) -> None:
    weights = {
        "axes": np.array([1, 2], np.int32),
        "matrix": RANDOM.standard_normal((2, 5)).astype(np.float32),
        "bias": RANDOM.standard_normal(5).astype(np.float32),
    }
    path = graph_model(
        weights,
        ("mean", "Mean", ["image", "axes"], {"keep_dims": {"b": False}}),
        ("dense", "_FusedMatMul", ["mean", "matrix", "bias"], {"fused_ops": {"list": {"s": [text("BiasAdd")["s"]]}}}),
        ("result", "Softmax", ["dense"], {}),
    )
    exponentials = np.exp(IMAGES.mean((1, 2)) @ weights["matrix"] + weights["bias"])
    expected = exponentials / exponentials.sum(1, keepdims=True)
    np.testing.assert_allclose(answer(path, tmp_path), expected, atol=1e-6)


def test_an_image_is_flattened_with_its_channels_last(graph_model: Callable[..., Path], tmp_path: Path) -> None:
    path = graph_model({"shape": np.array([-1, 72], np.int32)}, ("result", "Reshape", ["image", "shape"], {}))
    np.testing.assert_array_equal(answer(path, tmp_path), IMAGES.reshape(3, 72))


@pytest.mark.parametrize(
    ("operation", "attributes", "message"),
    [
        ("Telepathy", {}, "result: no translation of Telepathy"),
        (
            "MaxPool",
            {"ksize": {"list": {"i": ["1", "2", "2", "1"]}}, **window("EXPLICIT", 1)},
            "result: padding EXPLICIT",
        ),
        ("Softmax", {}, "result: a softmax over an image"),
    ],
)
def test_what_cannot_be_translated_is_named(
    operation: str, attributes: dict[str, Any], message: str, graph_model: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(NotImplementedError, match=message):
        answer(graph_model({}, ("result", operation, ["image"], attributes)), tmp_path)


def test_only_what_the_outputs_need_is_read_and_in_order(graph_model: Callable[..., Path]) -> None:
    path = graph_model(
        {},
        ("one", "Relu", ["image"], {}),
        ("two", "Add", ["one", "image"], {}),
        ("idle", "Relu", ["two"], {}),
        ("result", "Mul", ["two", "one"], {}),
    )
    assert [operation.name for operation in read_graph_model(path).needed(["result"])] == [
        "image",
        "one",
        "two",
        "result",
    ]
