"""Optimised files are made once, never trusted when damaged, and never needed."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import open_session
from models.optimise import FOLDER, optimised
from tests.unit.small_models import CONTENTS

DIGESTS = {name: hashlib.sha256(contents).hexdigest() for name, contents in CONTENTS.items()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "first.onnx"
    path.write_bytes(CONTENTS["first"])
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def total(opened: Path | bytes) -> float:
    """What a network that adds something to its input makes of zero."""
    (answer,) = open_session(opened)(np.zeros((1, 2), np.float32))
    return float(answer[0, 0])


def kept(cache: Path) -> list[Path]:
    return sorted((cache / FOLDER).iterdir())


def test_a_file_is_made_once(source: Path, cache: Path) -> None:
    first = optimised(source, DIGESTS["first"], cache)
    assert kept(cache) == [first]
    source.unlink()  # so it cannot be made again
    assert optimised(source, DIGESTS["first"], cache) == first
    assert total(first) == 1


def test_models_do_not_share_a_file(source: Path, cache: Path) -> None:
    optimised(source, DIGESTS["first"], cache)
    source.write_bytes(CONTENTS["second"])
    assert total(optimised(source, DIGESTS["second"], cache)) == 2
    assert len(kept(cache)) == 2


@pytest.mark.parametrize("damage", [b"", b"?", CONTENTS["second"]])
def test_a_damaged_file_is_made_again(source: Path, cache: Path, damage: bytes) -> None:
    path = optimised(source, DIGESTS["first"], cache)
    assert isinstance(path, Path)
    path.write_bytes(damage)
    again = optimised(source, DIGESTS["first"], cache)
    assert total(again) == 1
    assert kept(cache) == [again]


def test_a_folder_that_cannot_be_is_not_needed(source: Path, cache: Path) -> None:
    cache.write_bytes(b"a file where the folder would be")
    contents = optimised(source, DIGESTS["first"], cache)
    assert isinstance(contents, bytes)
    assert total(contents) == 1


def test_other_providers_get_the_file_itself(source: Path, cache: Path) -> None:
    assert optimised(source, DIGESTS["first"], cache, ("CUDAExecutionProvider", "CPUExecutionProvider")) == source
    assert not cache.exists()


def test_the_package_onnx_is_not_loaded_where_the_file_is_there(source: Path, cache: Path) -> None:
    optimised(source, DIGESTS["first"], cache)
    program = (
        "import sys; from pathlib import Path; from models.optimise import optimised;"
        f"optimised(Path({str(source)!r}), {DIGESTS['first']!r}, Path({str(cache)!r})); sys.exit('onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603
