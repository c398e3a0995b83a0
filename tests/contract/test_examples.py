"""Every JSON example of the Image API's own documentation goes through the documents unharmed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas import Attributes, BadEncoding, Document, Frame
from schemas.attributes import KEYPOINTS, TEMPLATE
from schemas.template import Template, encode
from schemas.versions import DIALECTS

EXAMPLES = json.loads((Path(__file__).parent / "image_api_examples.json").read_text())
FRAME = Frame(512, 512)  # the image of the documentation's first face
BLOB = encode(Template("example", 1, np.eye(128, dtype=np.float32)[0]))


def name_of(index: int) -> str:
    example = EXAMPLES[index]
    return f"{index}-{example['sec']}-{example['ver']}-{example['kind']}".replace(" ", "_")


def with_blobs(value: Any) -> Any:
    """The example with a template where the documentation writes "template in base64"."""
    if isinstance(value, dict):
        return {key: with_blobs(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_blobs(each) for each in value]
    return BLOB if value == "template in base64" else value


documents = pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each["kind"] != "err"], ids=lambda each: f"{each['sec']}-{each['kind']}"
)


def test_there_are_52_examples() -> None:
    assert len(EXAMPLES) == 52


@documents
def test_a_document_that_nothing_was_found_about_comes_back_as_it_was(example: Any) -> None:
    document = Document.of(example["doc"], DIALECTS[example["ver"]])
    assert json.dumps(document.enriched({}).answer() if document.objects else document.answer()) == json.dumps(
        example["doc"]
    )


@documents
def test_what_is_read_and_written_again_is_the_same_in_the_same_order(example: Any) -> None:
    dialect = DIALECTS[example["ver"]]
    document = Document(with_blobs(example["doc"]), dialect, FRAME)
    for index, raw in enumerate(document.objects):
        carried = dialect.carried(raw)
        written = dialect.write(raw, document.read(index, carried), FRAME)
        assert list(written) == list(raw)
        for attribute, key, value in members(dialect.lenses, raw):
            if attribute is KEYPOINTS:
                assert flat(written[key]) == pytest.approx(flat(value), rel=1e-6)
            elif attribute is not TEMPLATE:  # which is written under the key of its own model
                assert written[key] == value, attribute


@documents
def test_every_attribute_that_an_example_shows_is_known(example: Any) -> None:
    dialect = DIALECTS[example["ver"]]
    known = {key for lens in dialect.lenses.values() for key in lens.keys} | {"id", "template_size"}
    for raw in example["doc"].get("objects", []):
        assert set(raw) <= known


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_documented_error_is_what_text_that_is_not_base64_gives(version: str) -> None:
    errors = [each["doc"] for each in EXAMPLES if each["kind"] == "err"]
    request = next(each["doc"] for each in EXAMPLES if each["ver"] == version and each["kind"] == "req")
    with pytest.raises(BadEncoding) as caught:
        Document.of(request, DIALECTS[version]).picture()
    assert errors == [{"detail": caught.value.message}] * 4


def test_the_key_points_of_both_versions_are_the_same_points() -> None:
    frame = Frame(512, 512)
    [one], [two] = (
        [
            each["doc"]["objects"][0]
            for each in EXAMPLES
            if each["sec"] == "liveness-estimator" and each["ver"] == version and each["kind"] == "req"
        ]
        for version in ("v1", "v2")
    )
    read = [DIALECTS[version].read(raw, [KEYPOINTS], frame)[KEYPOINTS] for version, raw in (("v1", one), ("v2", two))]
    assert read[0] == read[1]
    assert DIALECTS["v1"].write({}, Attributes({KEYPOINTS: read[1]}), frame)["fitter"] == one["fitter"]
    assert DIALECTS["v2"].write({}, Attributes({KEYPOINTS: read[0]}), frame)["keypoints"] == two["keypoints"]


def members(lenses: Any, raw: Any) -> Iterator[tuple[Any, str, Any]]:
    for attribute, lens in lenses.items():
        for key in lens.keys:
            if raw.get(key) is not None:
                yield attribute, key, raw[key]


def flat(value: Any) -> list[float]:
    """The numbers in a nested value, in order."""
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in flat(value[key])]
    if isinstance(value, list):
        return [number for each in value for number in flat(each)]
    return [float(value)] if isinstance(value, int | float) else []
