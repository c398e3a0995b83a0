"""``facet eval`` from end to end in this process: a folder of labelled images, good and bad, and what comes out."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from cli.main import app
from tests.pictures import encoded

Evaluate = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def labelled(folder: Path, astronaut: NDArray[np.uint8]) -> Callable[..., Path]:
    """Writes a task's labels file, and images of an astronaut, of nobody, and of nothing that can be read."""

    def write(task: str, *lines: str) -> Path:
        images = folder / task / "images"
        images.mkdir(parents=True)
        (images / "astronaut.jpg").write_bytes(encoded(Image.fromarray(astronaut), "JPEG"))
        (images / "nobody.jpg").write_bytes(encoded(Image.new("RGB", (200, 200), "green"), "JPEG"))
        (images / "broken.jpg").write_bytes(b"not a picture")
        (folder / task / "labels.csv").write_text("\n".join(lines) + "\n")
        return folder

    return write


@pytest.fixture
def evaluate(folder: Path, models_for: Callable[..., Any], store: Any, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Runs the command; skips where its models are missing."""
    models_for("face-detection", "face-landmarks", "age-gender", "expression")
    monkeypatch.setenv("FACET_CACHE", str(store.cache))
    if store.mirror:
        monkeypatch.setenv("FACET_MODEL_MIRROR", str(store.mirror))

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["eval", "--data", str(folder), "--resamples", "20", *words])

    return run


def test_figures_come_with_intervals_plots_and_what_was_left_out(
    labelled: Callable[..., Path], evaluate: Evaluate, tmp_path: Path
) -> None:
    labelled(
        "age_gender",
        "path,age,gender",
        "images/astronaut.jpg,37,female",
        "images/nobody.jpg,20,male",
        "images/broken.jpg,20,male",
        "images/missing.jpg,20,male",
        "images/astronaut.jpg,unknown,female",
    )
    page, file = tmp_path / "accuracy.md", tmp_path / "figures.json"
    result = evaluate("--tasks", "age,gender", "--json", str(file), "--markdown", str(page))
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text())
    figures = {(one["task"], one["name"]): one for one in report["figures"] if not one["half"]}
    error = figures["age", "mean absolute error, years"]
    assert error["size"] == 2
    low, high = error["interval"]
    assert 0 <= low <= error["value"] <= high
    assert figures["age", "images without a face found"]["value"] == 1
    assert figures["gender", "accuracy"]["size"] == 2
    assert [line.split(":")[0] for line in report["left_out"]["age"]] == ["1 left out"] * 3
    for told in ("the image cannot be read: No such file", "column `age` (first: line 6)", "broken.jpg"):
        assert told in " ".join(report["left_out"]["age"])
        assert told in " ".join(result.output.split())
    text = page.read_text()
    assert "faceapi_age_gender | MIT | UTKFace" in text
    for plot in ("age-decades.png", "gender-confusion.png"):
        assert f"(accuracy/{plot})" in text
        assert (tmp_path / "accuracy" / plot).read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_figures(labelled: Callable[..., Path], evaluate: Evaluate) -> None:
    labelled("photos", "path,faces", "images/astronaut.jpg,1", "images/nobody.jpg,0", "images/astronaut.jpg,2")
    first, second = (evaluate("--tasks", "photos", "--json", "-", "--seed", "5") for _ in range(2))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["figures"] == json.loads(second.stdout)["figures"]


def test_labels_without_a_column_are_told_and_the_rest_is_measured(
    labelled: Callable[..., Path], evaluate: Evaluate
) -> None:
    labelled("mask", "path,covered", "images/astronaut.jpg,0")
    labelled("photos", "path,faces", "images/astronaut.jpg,1")
    result = evaluate("--tasks", "mask,photos,eyes", "--json", "-")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert "no column mask; needed: path, mask; there: path, covered" in report["not_measured"]["mask"]
    assert "No such file" in report["not_measured"]["eyes"]
    assert {one["task"] for one in report["figures"]} == {"photos"}


def test_where_no_face_is_found_there_is_no_figure_and_no_traceback(
    labelled: Callable[..., Path], evaluate: Evaluate
) -> None:
    labelled("eyes", "path,eyes", "images/nobody.jpg,open", "images/nobody.jpg,closed")
    result = evaluate("--tasks", "eyes", "--json", "-")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["not_measured"]["eyes"].startswith("cannot be measured: ")


def test_a_server_that_cannot_be_reached_is_one_line(labelled: Callable[..., Path], evaluate: Evaluate) -> None:
    labelled("photos", "path,faces", "images/astronaut.jpg,1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = evaluate("--url", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert result.output.startswith("no answer from http://127.0.0.1:")


def test_images_outside_the_folder_and_huge_ones_are_left_out(
    labelled: Callable[..., Path], evaluate: Evaluate, folder: Path
) -> None:
    secret = folder.parent / "secret.jpg"
    labelled(
        "face_boxes",
        "path,xmin,ymin,xmax,ymax",
        "images/astronaut.jpg,180,60,260,180",
        "images/huge.png,1,1,9,9",
        "../../secret.jpg,1,1,9,9",
        "images/nobody.jpg,9,9,1,1",
        "images/nobody.jpg,nan,1,9,9",
    )
    secret.write_bytes((folder / "face_boxes" / "images" / "astronaut.jpg").read_bytes())
    Image.new("1", (20000, 20000)).save(folder / "face_boxes" / "images" / "huge.png")
    result = evaluate("--tasks", "faces", "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {one["size"] for one in report["figures"]} == {1}
    told = " ".join(report["left_out"]["faces"])
    for reason in ("outside the folder", "huge.png", "a box without an area", "a finite number, got nan"):
        assert reason in told


def test_where_nobody_is_recognisable_there_is_no_traceback(labelled: Callable[..., Path], evaluate: Evaluate) -> None:
    labelled("verification", "fold,path_a,path_b,same", "1,images/nobody.jpg,images/nobody.jpg,1")
    labelled("liveness", "path,label,subject", "images/nobody.jpg,live,1", "images/astronaut.jpg,live,1")
    result = evaluate("--tasks", "quality,strangers", "--json", "-")
    assert result.exit_code in {0, 1}
    assert isinstance(result.exception, SystemExit | None)


@pytest.mark.parametrize(
    "words",
    [
        ("--tasks", "mask,mood"),
        ("--tasks", ","),
        ("--limit", "0"),
        ("--json", "/nowhere/figures.json"),
        ("--markdown", "/nowhere/report.md"),
        ("--markdown", "report"),
        ("--url", "http://facet:abc"),
        ("--url", "http://127.0.0.1:9", "--key", "schlüssel…"),
    ],
)
def test_options_that_cannot_work_are_refused(
    words: tuple[str, ...], labelled: Callable[..., Path], evaluate: Evaluate
) -> None:
    labelled("photos", "path,faces")
    assert evaluate(*words).exit_code == 2
