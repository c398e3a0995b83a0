import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import CorruptModel, MissingModel, ModelStore, UnavailableProvider, provider_names
from models.fetch import pull
from models.manifest import BundledSource
from tests.unit.small_models import CONTENTS, manifest, spec


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A mirror folder that has all models."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, contents in CONTENTS.items():
        (folder / f"{name}.onnx").write_bytes(contents)
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> ModelStore:
    """A store with nothing in it, and no mirror."""
    return ModelStore(tmp_path / "cache", None, manifest())


def serving(store: ModelStore, task: str, preferred: str | None = None) -> list[str]:
    return [one.name for one in store.resolve(task, preferred)]


def test_the_first_choice_that_is_installed_serves(empty: ModelStore, mirror: Path) -> None:
    pull(empty.manifest, empty, ["second"], mirror)
    assert serving(empty, "adding") == ["second"]
    pull(empty.manifest, empty, ["first"], mirror)
    assert serving(empty, "adding") == ["first"]
    assert serving(empty, "adding", "second") == ["second"]


def test_models_that_work_together_serve_only_together(empty: ModelStore, mirror: Path) -> None:
    pull(empty.manifest, empty, ["right"], mirror)
    assert not empty.can_serve("both")
    with pytest.raises(MissingModel, match=r"^both: the model left is not installed; `facet models pull`"):
        empty.resolve("both")
    pull(empty.manifest, empty, ["left"], mirror)
    assert empty.can_serve("both")
    assert serving(empty, "both") == ["left", "right"]


@pytest.fixture
def sharing(empty: ModelStore, mirror: Path) -> ModelStore:
    """A store with a mirror, whose choices for the task ``either`` share a model."""
    tasks = {"either": (("left", "right"), ("left",))}
    return replace(empty, mirror=mirror, manifest=replace(empty.manifest, tasks=tasks))


@pytest.mark.parametrize(
    ("preferred", "expected"),
    [
        (None, ["left", "right"]),
        ("left+right", ["left", "right"]),
        ("left", ["left"]),
        ("right", ["left", "right"]),
    ],
)
def test_a_preference_names_a_whole_choice(sharing: ModelStore, preferred: str | None, expected: list[str]) -> None:
    assert serving(sharing, "either", preferred) == expected
    assert preferred is None or preferred in sharing.choices_by_name("either")


@pytest.mark.parametrize("preferred", ["left+right", "right"])
def test_a_choice_that_is_preferred_is_not_replaced(sharing: ModelStore, mirror: Path, preferred: str) -> None:
    (mirror / "right.onnx").unlink()
    assert serving(sharing, "either") == ["left"]
    with pytest.raises(MissingModel, match=r"^either: the model right is not installed"):
        sharing.resolve("either", preferred)


@pytest.mark.parametrize("preferred", ["right+left", "left+", "+", "", "first"])
def test_a_preference_that_is_no_choice_is_refused_with_those_that_are(sharing: ModelStore, preferred: str) -> None:
    with pytest.raises(MissingModel) as caught:
        sharing.resolve("either", preferred)
    assert caught.value.args == (f"either: no model {preferred}; there are left+right, left, right",)


def test_a_mirror_serves_in_place(empty: ModelStore, mirror: Path) -> None:
    store = replace(empty, mirror=mirror)
    (adder,) = store.open("adding")
    (total,) = adder.run(np.zeros((1, 2), np.float32))
    assert (adder.name, adder.architecture, total.tolist()) == ("first", "adder", [[1.0, 1.0]])
    assert {one.source for one in store.list_installed()} == {"mirror"}


@pytest.fixture
def bundling(tmp_path: Path) -> ModelStore:
    """A store of which the model ``first`` comes with Facet."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "first.onnx").write_bytes(CONTENTS["first"])
    return ModelStore(tmp_path / "cache", None, manifest(spec("first", BundledSource())), tmp_path / "weights")


def test_what_comes_with_facet_needs_no_pull(bundling: ModelStore) -> None:
    assert serving(bundling, "adding") == ["first"]
    assert bundling.open("adding")
    assert [(one.name, one.source) for one in bundling.list_installed()] == [("first", "bundled")]
    (outcome,) = pull(bundling.manifest, bundling, ["first"])
    assert outcome.installed is not None
    assert outcome.installed.source == "bundled"
    assert not list(bundling.cache.glob("*.onnx*"))


def test_what_came_with_facet_and_is_damaged_is_told(bundling: ModelStore) -> None:
    (bundling.weights / "first.onnx").write_bytes(b"?")
    with pytest.raises(CorruptModel, match=r"; it came with Facet: install Facet again$"):
        bundling.open("adding")
    (outcome,) = pull(bundling.manifest, bundling, ["first"])
    assert outcome.installed is None
    assert "install Facet again" in outcome.reasons[0]


@pytest.mark.parametrize("place", ["cache", "mirror"])
def test_what_comes_with_facet_is_not_shadowed(bundling: ModelStore, mirror: Path, place: str) -> None:
    store = replace(bundling, mirror=mirror)
    if place == "cache":
        older = replace(bundling, manifest=manifest())  # of a version in which the model did not come with Facet
        pull(older.manifest, older, ["first"], mirror)
    folder = {"cache": store.cache, "mirror": mirror}[place]
    (folder / "first.onnx").write_bytes(CONTENTS["second"])
    assert store.path(store.manifest.models["first"]) == store.weights / "first.onnx"
    assert store.open("adding")
    assert store.record(store.manifest.models["first"]).source == "bundled"
    (outcome,) = pull(store.manifest, store, ["first"])
    assert outcome.installed is not None
    assert outcome.installed.source == "bundled"
    (store.weights / "first.onnx").unlink()
    assert not store.has(store.manifest.models["first"])
    (outcome,) = pull(store.manifest, store, ["first"])
    assert outcome.installed is None
    assert "install Facet again" in outcome.reasons[0]


@pytest.mark.parametrize(
    ("task", "preferred", "message"),
    [
        ("adding", None, "adding: the model first or second is not installed; `facet models pull` obtains models"),
        ("adding", "second", "adding: the model second is not installed; `facet models pull` obtains models"),
        ("adding", "third", "adding: no model third; there are first, second"),
        ("flying", None, "flying: no such task; there are adding, both"),
    ],
)
def test_what_is_missing_is_named(empty: ModelStore, task: str, preferred: str | None, message: str) -> None:
    with pytest.raises(MissingModel) as caught:
        empty.resolve(task, preferred)
    assert caught.value.args == (message,)


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("cache", "`facet models pull` replaces such files"),
        ("mirror", "the mirror folder has another file of that name: replace or remove it"),
    ],
)
def test_a_damaged_file_is_not_opened(place: str, advice: str, empty: ModelStore, mirror: Path) -> None:
    store = replace(empty, mirror=mirror)
    if place == "cache":
        pull(store.manifest, store, ["first"])
    path = (store.cache if place == "cache" else mirror) / "first.onnx"
    path.write_bytes(CONTENTS["first"][:-1] + b"?")
    with pytest.raises(CorruptModel, match=rf"first\.onnx has sha256 .* instead of \w+; {advice}$"):
        store.open("adding")


def test_what_is_installed_is_known_without_reading_it(empty: ModelStore, mirror: Path) -> None:
    pull(empty.manifest, empty, ["first"], mirror)
    (empty.cache / "first.onnx").write_bytes(b"")
    (installed,) = empty.list_installed()
    expected = hashlib.sha256(CONTENTS["first"]).hexdigest()
    assert (installed.name, installed.sha256, installed.source, installed.licence) == (
        "first",
        expected,
        "mirror",
        "MIT",
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("cpu",), ("CPUExecutionProvider",)),
        (("CUDA", "cpu"), ("CUDAExecutionProvider", "CPUExecutionProvider")),
        (("CUDAExecutionProvider",), ("CUDAExecutionProvider",)),
    ],
)
def test_providers_have_short_names(names: Sequence[str], expected: Sequence[str]) -> None:
    assert provider_names(names, ["CPUExecutionProvider", "CUDAExecutionProvider"]) == expected


@pytest.mark.parametrize("names", [("coreml",), ("cpu", "abacus"), ()])
def test_a_provider_that_is_lacking_is_named_with_those_on_offer(names: Sequence[str]) -> None:
    with pytest.raises(
        UnavailableProvider, match=r"^execution providers: .*; this build .* offers CPUExecutionProvider$"
    ):
        provider_names(names, ["CPUExecutionProvider"])


def test_the_fixture_opens_models_by_name(model: Callable[[str], object]) -> None:
    assert model("human_facemesh") is model("human_facemesh")
