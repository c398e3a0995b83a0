import re
from pathlib import Path

import onnx
import pytest

from estimators import CATALOGUE
from models import ManifestError, MissingModel, ModelStore, load_manifest
from models.listing import document
from models.manifest import MANIFEST, MirrorSource, PackageSource, UrlSource
from models.recipes import RECIPES
from models.store import WEIGHTS, file_digest

MANIFEST_OF_FACET = load_manifest()
ARCHITECTURES = {
    "face-detection": {"yunet", "centerface"},
    "face-landmarks": {"facemesh"},
    "iris": {"iris"},
    "body-detection": {"picodet", "centernet"},
    "age-gender": {"faceapi-age-gender"},
    "expression": {"faceapi-expression", "mini-xception"},
    "mask": {"facet-mask", "aizoo-mask"},
    "liveness": {"minifasnet", "facet-liveness"},
    "face-quality": {"lightqnet"},
    "template": {"foamliu", "faceres", "mobileface"},
}
FROM_REGISTRIES = {
    "centerface_dyn",
    "faceapi_age_gender",
    "faceapi_face_expression",
    "human_centernet_heads",
    "human_emotion",
    "human_facemesh",
    "human_faceres",
    "human_iris",
}
BUNDLED = {"facet_mask": 2**20, "facet_liveness": 2 * 2**20}  # and the most bytes of each
SMALL = """
[tasks]
seeing = [["one"]]

[packages.box]
registry = "npm"
name = "@someone/box"
version = "1.0.0"
archive = "someone-box-1.0.0.tgz"
sha256 = "00"
licence = "MIT"

[models.one]
file = "one.onnx"
architecture = "one"
licence = "MIT"
training_data = "unknown"
upstream = "somewhere"
input = "N,3"
sha256 = "00"
sources = [{ mirror = true }, { url = "http://127.0.0.1/one.onnx" }, { package = "box", recipe = "iris" }]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("task", ARCHITECTURES)
def test_a_task_is_served_by_the_architectures_that_estimators_know(task: str) -> None:
    choices = MANIFEST_OF_FACET.choices(task)
    assert {spec.architecture for choice in choices for spec in choice} == ARCHITECTURES[task]


def test_no_task_is_unknown_and_no_model_is_idle() -> None:
    assert set(MANIFEST_OF_FACET.tasks) == set(ARCHITECTURES)
    assert all(MANIFEST_OF_FACET.tasks_of(name) for name in MANIFEST_OF_FACET.models)


@pytest.mark.parametrize("name", MANIFEST_OF_FACET.models)
def test_a_model_says_all_that_it_takes_to_trust_it(name: str) -> None:
    spec = MANIFEST_OF_FACET.models[name]
    assert spec.file == f"{name}.onnx"
    assert re.fullmatch(r"[0-9a-f]{64}", spec.sha256)
    assert spec.licence in {"Apache-2.0", "MIT"}
    assert spec.training_data
    assert spec.upstream
    assert spec.sources


def test_every_package_is_told_by_its_digest_and_every_recipe_is_there() -> None:
    sources = [source for spec in MANIFEST_OF_FACET.models.values() for source in spec.sources]
    packaged = [source for source in sources if isinstance(source, PackageSource)]
    assert all(re.fullmatch(r"[0-9a-f]{64}", source.package.sha256) for source in packaged)
    assert sorted(source.recipe for source in packaged) == sorted(RECIPES)


def test_registries_give_what_is_promised() -> None:
    given = {name for name, spec in MANIFEST_OF_FACET.models.items() if spec.conversions}
    assert given == FROM_REGISTRIES


def test_every_service_has_models_without_a_mirror() -> None:
    obtainable = FROM_REGISTRIES | set(BUNDLED)
    for kind in CATALOGUE.values():
        for task in kind.tasks:
            assert any(obtainable.issuperset(names) for names in MANIFEST_OF_FACET.tasks[task]), (kind.name, task)


def test_what_comes_with_facet_is_small_whole_and_has_a_card() -> None:
    assert {name for name, spec in MANIFEST_OF_FACET.models.items() if spec.bundled} == set(BUNDLED)
    for name, most in BUNDLED.items():
        assert file_digest(WEIGHTS / f"{name}.onnx") == MANIFEST_OF_FACET.models[name].sha256
        assert (WEIGHTS / f"{name}.onnx").stat().st_size <= most
        card = (WEIGHTS / f"{name}.md").read_text(encoding="utf-8")
        assert f"training.{name.removeprefix('facet_')}" in card


def test_no_registry_is_named_so_that_the_user_s_settings_decide() -> None:
    texts = [path.read_text(encoding="utf-8") for path in MANIFEST.parent.rglob("*") if path.suffix in {".py", ".toml"}]
    assert not [text for text in texts if re.search(r"npmjs|pypi\.org|pythonhosted|--(index|registry)", text)]


@pytest.mark.parametrize("name", MANIFEST_OF_FACET.models)
def test_the_input_of_the_file_is_the_input_that_is_described(name: str, store: ModelStore) -> None:
    spec = MANIFEST_OF_FACET.models[name]
    if not store.has(spec):
        pytest.skip(f"the model {name} is not installed")
    graph = onnx.load(store.path(spec)).graph
    weights = {weight.name for weight in graph.initializer}
    (images,) = [value for value in graph.input if value.name not in weights]
    sizes = [dimension.dim_value for dimension in images.type.tensor_type.shape.dim]
    described = spec.input.split(" ")[0].split(",")
    assert [int(size) if size.isdecimal() else 0 for size in described] == sizes


def test_the_document_is_that_of_the_manifest() -> None:
    text = (MANIFEST.parent.parent / "docs" / "models.md").read_text(encoding="utf-8")
    assert text == document(MANIFEST_OF_FACET)


def test_sources_are_read_in_order(tmp_path: Path) -> None:
    manifest = load_manifest(written(tmp_path, SMALL))
    mirror, url, package = manifest.models["one"].sources
    assert isinstance(mirror, MirrorSource)
    assert isinstance(url, UrlSource)
    assert isinstance(package, PackageSource)
    assert [str(source) for source in (url, package)] == ["http://127.0.0.1/one.onnx", "npm @someone/box 1.0.0"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('[["one"]]', '[["two"]]', "two"),
        ('package = "box"', 'package = "crate"', r"models\.one\.sources"),
        ("{ mirror = true }", "{ telepathy = true }", r"models\.one\.sources"),
        ("{ mirror = true }", "{ bundled = true }", r"models\.one\.sources: .* nowhere else"),
        ('registry = "npm"', 'registry = "shop"', "shop"),
        ('upstream = "somewhere"', "", "upstream"),
        ('upstream = "somewhere"', 'upstream = "somewhere"\ncolour = "RGB"', "colour"),
        ("[models.one]", "[models.one", "manifest.toml"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_the_place(
    before: str, after: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ManifestError, match=message):
        load_manifest(written(tmp_path, SMALL.replace(before, after)))


def test_an_unknown_task_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(MissingModel, match=r"telepathy: no such task; there are face-detection, "):
        MANIFEST_OF_FACET.choices("telepathy")
