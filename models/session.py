"""A loaded model: arrays in, arrays out."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import UnavailableProvider
from models.runtime import onnxruntime as ort

CPU = ("CPUExecutionProvider",)
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
SEVERITY_ERROR = 3  # of ONNX Runtime's logger; its warnings tell of unused constants in the file, one line each


class Session(Protocol):
    """Runs a network: its inputs in order, its outputs in order, all float32."""

    def __call__(self, *inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]: ...


class Model(NamedTuple):
    """A network and what an estimator must know to feed it; the manifest has the rest."""

    name: str
    architecture: str  # picks the adapter in the estimator, e.g. "yunet"
    run: Session


def provider_names(names: Sequence[str], offered: Sequence[str] | None = None) -> tuple[str, ...]:
    """ONNX Runtime's names of execution providers, from those or from cpu, cuda, openvino and coreml.

    ``offered`` is what the build has; by default that of the ONNX Runtime that is installed.
    """
    has = ort.get_available_providers() if offered is None else offered
    wanted = tuple(PROVIDERS.get(name.lower(), name) for name in names)
    lacking = [name for name in wanted if name not in has]
    if lacking or not wanted:
        problem = f"{', '.join(lacking)} not available" if lacking else "none named"
        raise UnavailableProvider(f"execution providers: {problem}; this build of ONNX Runtime offers {', '.join(has)}")
    return wanted


@cache
def _share_memory() -> None:
    """Makes one pool of the memory that sessions of this process work in, which each would have to itself otherwise.

    That is 43 MB less for the eleven networks of a face, and 2 % less time: the next network works where the last one
    did, in memory that is near the processor.
    """
    kind = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(kind, None)


def open_session(source: Path | bytes, providers: Sequence[str] = CPU, threads: int = 1) -> Session:
    """A session on a model file, or on its contents, with ``threads`` threads of its own."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SEVERITY_ERROR
    for kind in ("intra_op", "inter_op"):  # replicas share cores: a waiting thread must not burn one
        options.add_session_config_entry(f"session.{kind}.allow_spinning", "0")
    wanted = provider_names(providers)
    if wanted == CPU:
        _share_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
    session = ort.InferenceSession(source, options, providers=list(wanted))
    names = [node.name for node in session.get_inputs()]

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs = session.run(None, dict(zip(names, inputs, strict=True)))
        return [np.asarray(output, np.float32) for output in outputs]

    return run
