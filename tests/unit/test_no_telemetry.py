"""Nothing leaves the machine: ONNX Runtime, which reports home by default, is kept from it in every process of ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = [
    "import models",
    "import cli.main",
    "import serving.launch.command",
    "import compat.app",
    "import eval.run",
    "import bench.reference",
    "from models import *; from pathlib import Path; open_session(next(Path('models/weights').glob('*.onnx')))",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_process_of_ours_writes_or_sends_telemetry(program: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, timeout=60)  # noqa: S603 - ours
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in str(path).lower()] == []


def test_onnx_runtime_is_imported_in_one_place_after_its_telemetry_is_off() -> None:
    """So that no import can come before the variable is set."""
    imports = re.compile(r"^\s*(import|from) onnxruntime\b", re.MULTILINE)
    sources = [path for path in ROOT.glob("[!.]*/**/*.py") if imports.search(path.read_text(encoding="utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in sources] == ["models/runtime.py"]


def test_the_container_turns_telemetry_off_in_every_stage_that_runs_facet() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    stages = re.split(r"^FROM ", dockerfile, flags=re.MULTILINE)[1:]
    running = [stage for stage in stages if "FACET_CACHE=" in stage]
    assert len(running) == 2
    assert all("ORT_DISABLE_TELEMETRY=1" in stage for stage in running)
