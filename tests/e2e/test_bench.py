"""The benchmark itself, as short as it goes, against the server that starts fastest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.server import ROOT
from models import ModelStore

pytestmark = pytest.mark.server


def test_the_command_measures_a_server_beside_the_limit_and_ends_it(store: ModelStore, tmp_path: Path) -> None:
    if not store.can_serve("template"):
        pytest.skip("no models are installed")
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "b", "--seconds", "0.2", "--json", str(file)]
    environment = {**os.environ, "FACET_CACHE": str(store.cache)}
    if store.mirror is not None:
        environment["FACET_MODEL_MIRROR"] = str(store.mirror)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr
    assert "(b) uvicorn + Starlette" in done.stdout
    figures = json.loads(file.read_text())
    assert figures["about"]["problems"] == []
    assert {each["system"] for each in figures["measurements"]} == {"a", "b"}
    assert all(each["answers"] > 0 and not each["failures"] for each in figures["measurements"])
    assert all(each["cpu"] > 0 for each in figures["measurements"])
