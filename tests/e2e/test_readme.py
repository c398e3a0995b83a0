"""What the README tells people to type works."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.server import Server

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
BLOCKS = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    if "127.0.0.1:8000" in block and "make" not in block
]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_command_of_the_readme_works(block: str, server: Server) -> None:
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None:
        pytest.skip("bash or curl is not installed")
    script = block.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(  # noqa: S603 - the README's own commands
        [bash, "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=os.environ | {"FACET_DATA_FOLDER": str(server.data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = ("objects", "verification", "subjects")
    assert any(word in done.stdout for word in said) or done.stdout.strip().isdigit()


def test_the_readme_has_commands() -> None:
    assert len(BLOCKS) >= 7
