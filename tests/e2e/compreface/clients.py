"""CompreFace's own clients, installed from their registries as their locks say, and run."""

import json
import shutil
import subprocess
import venv
from pathlib import Path
from typing import Any

import httpx

from bench.server import Server

ADMIN = "a-key-of-the-administrator"
_HERE = Path(__file__).parent
_KINDS = ("recognition", "detection", "verification")


def new_keys(server: Server) -> dict[str, str]:
    """A key of a service of each kind, that of recognition with a face collection of its own."""
    made = {}
    for kind in _KINDS:
        wanted = {"name": kind, "scopes": [kind], "application": "tests"}
        answer = httpx.post(f"{server.url}/admin/keys", json=wanted, headers={"X-API-Key": ADMIN})
        assert answer.status_code == 201, answer.text
        made[kind] = str(answer.json()["key"])
    return made


def python(folder: Path) -> list[str]:
    """The command that runs every call of the Python client, in an environment of its own in ``folder``.

    It needs versions of other packages that ours may not have.
    """
    venv.create(folder, with_pip=True)
    own = str(folder / "bin" / "python")
    locked = ["--require-hashes", "--no-deps", "-r", str(_HERE / "requirements.txt")]
    _run([own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked], folder)
    return [own, str(_HERE / "client.py")]


def node(folder: Path, programs: tuple[str, str]) -> list[str]:
    """The command that runs every call of the JavaScript client in ``folder``; ``programs`` are node and npm."""
    for name in ("client.js", "package.json", "package-lock.json"):
        shutil.copy(_HERE / name, folder)
    _run([programs[1], "ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    return [programs[0], "client.js"]


def answers(command: list[str], server: Server, folder: Path) -> dict[str, Any]:
    """What a client was answered to each of its calls, with new keys; it runs in ``folder``, where the photos are."""
    arguments = ["http://127.0.0.1", str(server.port), json.dumps(new_keys(server)), str(folder)]
    found: dict[str, Any] = json.loads(_run([*command, *arguments], folder))
    return found


def _run(command: list[str], folder: Path) -> str:
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - ours
    assert found.returncode == 0, f"{command[0]} failed:\n{found.stdout[-2000:]}\n{found.stderr[-4000:]}"
    return found.stdout
