"""Faster equivalents of model files, kept beside the models and made again when they are lost.

A model's identity stays that of its file: what is kept here is derived from it, by ``models.rewriting``, and called

    <sha256 of the model's file>-<version of the rules>-<version of ONNX Runtime>.<sha256 of this file>.onnx

so that another model, other rules, another ONNX Runtime or a damaged file are never taken for it. Nothing depends on
the folder: where it cannot be written, each process rewrites for itself, in memory; a model that cannot be rewritten is
served as it is.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from models.runtime import onnxruntime as ort
from models.session import CPU

logger = logging.getLogger("facet")

VERSION = 4  # of the rules in models/rewriting.py and of what is unread: raised with each change of either
FOLDER = "optimised"  # in the cache


def optimised(
    path: Path, digest: str, cache: Path, providers: Sequence[str] = CPU, unread: Collection[str] = ()
) -> Path | bytes:
    """What to open instead of the model file at ``path``, whose sha256 is ``digest``: a file, or its contents.

    It may lack the outputs ``unread``.

    The rules suit the processor's kernels: for any other execution provider it is the file itself.
    """
    if tuple(providers) != CPU:
        return path
    folder = cache / FOLDER
    stem = f"{digest}-{VERSION}-{ort.__version__}"
    return _kept(folder, stem) or _made(path.read_bytes(), folder, stem, unread)


def _kept(folder: Path, stem: str) -> Path | None:
    """The file that was made before, if it is whole."""
    with suppress(OSError):
        for path in sorted(folder.glob(f"{stem}.*.onnx")):
            if not _is_ours(path):
                continue
            if path.name == _name(stem, path.read_bytes()):
                return path
            path.unlink()  # damaged
    return None


def _is_ours(path: Path) -> bool:
    """Whether nobody but this user and root could have written the file: its name only guards against damage."""
    status = path.stat()
    return status.st_uid in {os.getuid(), 0} and not status.st_mode & 0o022


def _made(contents: bytes, folder: Path, stem: str, unread: Collection[str]) -> Path | bytes:
    from models.rewriting import rewritten  # noqa: PLC0415 - it needs onnx, which no process has to load otherwise

    try:
        result = rewritten(contents, unread)
    except Exception:
        # Whatever a rule stumbles over in a network that nobody has seen yet, the network as it is answers as well.
        logger.exception("a model could not be rewritten and is used as it is")
        return contents
    with suppress(OSError):  # a full disk, or a folder that may only be read
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _name(stem, result)
        _write(path, result)
        return path
    return result


def _name(stem: str, contents: bytes) -> str:
    return f"{stem}.{hashlib.sha256(contents).hexdigest()}.onnx"


def _write(path: Path, contents: bytes) -> None:
    """Writes the file in one step: nobody ever sees half of it."""
    handle, unfinished = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(contents)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(path)
    except OSError:
        Path(unfinished).unlink(missing_ok=True)
        raise
