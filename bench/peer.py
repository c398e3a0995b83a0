"""Facet beside InsightFace-REST (github.com/SthPhoenix/InsightFace-REST): detector and template, on the same files.

    python -m bench.peer --peer CHECKOUT --python PYTHON

``CHECKOUT`` is a copy of its repository, ``PYTHON`` an interpreter that has its requirements and finds libturbojpeg.
Its own default weights may not be used commercially and are not needed: it is given CenterFace and MobileFace, two
models that both projects can run, through the configuration file that it reads (``models.json``). It is started as its
own ``entrypoint.sh`` does, gunicorn with a worker a core, and asked at ``/extract``.

What is not the same, and stays as each project has it: Facet also runs the face mesh on every face, from which it
aligns the crop, while the peer aligns by the detector's points; the peer scales every photo to a canvas of 640 x 640
pixels, while Facet shows the detector the photo at its own size, up to 1280 pixels, and once more a quarter as large;
each uses the ONNX Runtime that it pins.
"""

import base64
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import msgpack
import msgspec
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.load import Plan, driven, request_bytes
from bench.measure import CONCURRENCIES, CORES, WrongAnswer
from bench.photos import Photo, default_photos
from bench.pipeline import settings
from bench.processes import CpuMeter, memory
from bench.report import PEER_PROGRAM, check_page, markdown_table, told, write_part
from bench.results import Cell, Figures, figures_of
from bench.server import Server, answered, end_on_signal, running, started
from bench.statistics import ratios, spread
from estimators import FaceDetectorWith
from estimators.composite import FaceDetectorTemplateExtractor
from models import ModelStore
from schemas.template import decode
from schemas.wire import JSON, MSGPACK
from serving.launch.ingress import free_port

DETECTOR, TEMPLATE = "centerface_dyn", "mobileface_V2"
THRESHOLD = 0.4  # of the detector, in both
PEER, FACET = "InsightFace-REST", "Facet"
_SERVICE: type[FaceDetectorWith] = FaceDetectorTemplateExtractor

# Of its configuration: which of its functions runs a model, and what that must know. "arcface_mxnet" feeds RGB 0..255.
_MODELS = {
    "centerface": {"function": "centerface", "reshape": True, "shape": [1, 3, 640, 640]},
    "mobileface": {"function": "arcface_mxnet", "reshape": False, "shape": [1, 3, 112, 112]},
}
_ENVIRONMENT = {
    "DET_NAME": "centerface",
    "REC_NAME": "mobileface",
    "GA_NAME": "None",
    "MASK_DETECTOR": "None",
    "INFERENCE_BACKEND": "onnx",
    "MAX_SIZE": "640,640",
    "LOG_LEVEL": "WARNING",
}

Vectors = NDArray[np.float64]  # (n, d), each of length 1

console = Console(width=None if sys.stdout.isatty() else 140)


class CannotCompare(RuntimeError):
    """What keeps the peer from running here."""


def model_files(store: ModelStore) -> dict[str, Path]:
    """The files of the models by the names that the peer knows them by; raises ``CannotCompare`` without them."""
    specs = {"centerface": store.manifest.models[DETECTOR], "mobileface": store.manifest.models[TEMPLATE]}
    lacking = [spec.file for spec in specs.values() if not store.has(spec)]
    if lacking:
        raise CannotCompare(
            f"the models {', '.join(lacking)} are not here: FACET_MODEL_MIRROR names no folder with them"
        )
    return {name: store.path(spec) for name, spec in specs.items()}


def check_checkout(folder: Path) -> None:
    """Raises ``CannotCompare`` where a folder is no copy of the peer's repository."""
    if not (folder / "if_rest" / "api" / "main.py").is_file():
        raise CannotCompare(f"{folder} has no if_rest/api/main.py: it is no checkout of InsightFace-REST")


@contextmanager
def peer(checkout: Path, python: str, log: Path) -> Iterator[Server]:
    """The peer on its own models' places, for the length of the block."""
    check_checkout(checkout)
    files, port = model_files(settings().store()), free_port()
    with tempfile.TemporaryDirectory() as folder:
        for name, file in files.items():
            place = Path(folder) / "onnx" / name
            place.mkdir(parents=True)
            shutil.copy(file, place / f"{name}.onnx")
        (Path(folder) / "models.json").write_text(json.dumps(_MODELS), encoding="utf-8")
        command = [python, "-m", "gunicorn", "--chdir", str(checkout.absolute()), "--log-level", "warning"]
        command += ["-w", str(CORES), "-k", "uvicorn.workers.UvicornWorker", "--keep-alive", "60", "--timeout", "60"]
        command += ["if_rest.api.main:app", "-b", f"127.0.0.1:{port}"]
        environment = {**_ENVIRONMENT, "MODELS_DIR": folder, "PYTHONPATH": str(checkout.absolute())}
        with started(command, port, log, environment, _peer_is_up) as server:
            yield server


def _peer_is_up(port: int) -> bool:
    answer = answered(port, "/info")
    return answer is not None and answer[0] == 200


def _facet(log: Path) -> AbstractContextManager[Server]:
    chosen = {"face-detection": DETECTOR, "template": TEMPLATE}
    return running(log, {"FACET_MODELS": json.dumps(chosen)})


def requests(name: str, url: str, photo: bytes) -> dict[str, bytes]:
    """The same question to either, by format."""
    text = base64.b64encode(photo).decode()
    if name == PEER:
        members: dict[str, Any] = {"threshold": THRESHOLD, "extract_embedding": True}
        packed = msgpack.packb({"images": {"data": [photo]}, "msgpack": True, **members})
        plain = msgspec.json.encode({"images": {"data": [text]}, **members})
        path = "/extract"
    else:
        packed = msgpack.packb({"_image": {"blob": photo, "format": "IMAGE"}})
        plain = msgspec.json.encode({"_image": {"blob": text, "format": "IMAGE"}})
        path = f"/{_SERVICE.name}/v2/process/sample?echo=false&min_confidence={THRESHOLD}"
    return {
        "json": request_bytes(url + path, plain, {"Content-Type": JSON, "Accept": JSON}),
        "msgpack": request_bytes(url + path, packed, {"Content-Type": MSGPACK, "Accept": "*/*"}),
    }


def vectors(name: str, body: bytes, packed: bool) -> Vectors:
    """(n, 256) the templates in an answer, each of length 1, in the order of the answer."""
    content = msgpack.unpackb(body) if packed else msgspec.json.decode(body)
    if name == PEER:
        found = [face["vec"] for face in content["data"][0]["faces"]]
    else:
        blobs = [next(iter(each["template"].values()))["blob"] for each in content["objects"]]
        found = [decode(each if packed else base64.b64decode(each)).vector for each in blobs]
    array = np.array(found, np.float64).reshape(len(found), -1 if found else 0)
    units: Vectors = array / np.linalg.norm(array, axis=1, keepdims=True)
    return units


def measured(name: str, server: Server, photos: Sequence[Photo], seconds: float) -> dict[Cell, Figures]:
    """One round of a server: each photo at each concurrency in msgpack, and the first one in JSON as well."""
    found = {}
    ready = requests(name, server.url, photos[-1].data)["msgpack"]
    driven(
        server.url, [ready], Plan(4 * CORES, 60, most=8 * CORES, timeout=120)
    )  # the peer compiles as it is first used
    for photo in photos:
        asked = requests(name, server.url, photo.data)
        for form, concurrency in [("msgpack", each) for each in CONCURRENCIES] + [("json", 8)]:
            if photo is not photos[0] and (form, concurrency) != ("msgpack", 8):
                continue
            cell = Cell(name, "template", photo.name, concurrency, form)

            def right(body: bytes, form: str = form, faces: int | None = photo.faces) -> bool:
                return len(vectors(name, body, form == "msgpack")) == faces

            first = driven(server.url, [asked[form]] * 2, Plan(1, 0, check=right, every=1))
            if not first.ok:
                raise WrongAnswer(f"{cell.title}: {dict(first.failures)}")
            plan = Plan(concurrency, seconds, seconds / 3, check=right, meter=CpuMeter(server.processes))
            found[cell] = figures_of(driven(server.url, [asked[form]], plan))
    return found


def _asked(name: str, server: Server, photo: Photo) -> bytes:
    """The body of one answer in JSON."""
    raw = requests(name, server.url, photo.data)["json"]
    head, _, content = raw.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode()
    answer = httpx.post(server.url + path, content=content, headers={"Content-Type": JSON, "Accept": JSON}, timeout=60)
    answer.raise_for_status()
    return answer.content


def main(
    checkout: Annotated[Path, typer.Option("--peer", help="A checkout of InsightFace-REST.", file_okay=False)],
    python: Annotated[str, typer.Option(help="An interpreter that has its requirements.")] = sys.executable,
    seconds: Annotated[float, typer.Option(min=0.1, help="Of a measurement.")] = 4.0,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, of which medians are taken.")] = 3,
    markdown: Annotated[Path | None, typer.Option(help="A page to put the table into.")] = None,
) -> None:
    """Compare Facet with InsightFace-REST, detector and template only, on the same model files and photos."""
    photos = [photo for name, photo in default_photos().items() if name in {"one", "four"}]
    comparison = Comparison(photos, seconds)
    try:
        check_checkout(checkout)
        model_files(settings().store())
        if markdown is not None:
            check_page(markdown, PEER_PROGRAM)
        for _ in range(repeats):
            comparison.round(checkout, python)
    except (CannotCompare, WrongAnswer, TimeoutError, OSError, ValueError, httpx.HTTPError) as error:
        console.print(f"not compared: {error}", markup=False)
        raise typer.Exit(1) from None
    table = Table(*HEADS)
    for row in comparison.rows():
        table.add_row(*row)
    console.print(table)
    console.print(comparison.notes())
    if markdown is not None:
        made = f"`python -m bench.peer`, {CORES} cores, {seconds:g} s a measurement, rounds: {repeats}."
        parts = [made, markdown_table(HEADS, comparison.rows()), comparison.notes()]
        write_part(markdown, PEER_PROGRAM, "\n\n".join(parts))


HEADS = ("", "photo", "at once", "format", "images/s", "Facet's over it", "p50 ms", "p95 ms", "CPU ms", "failures")


class Comparison:
    """The rounds of both, first Facet, then the peer in each."""

    def __init__(self, photos: Sequence[Photo], seconds: float) -> None:
        self._photos, self._seconds = photos, seconds
        self._rounds: dict[Cell, list[Figures]] = {}
        self._sizes: dict[str, list[float]] = {FACET: [], PEER: []}  # GB
        self._templates: dict[str, Vectors] = {}  # of the first photo

    def round(self, checkout: Path, python: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.txt"
            for name in (FACET, PEER):
                console.print(f"{name} starting")
                with _facet(log) if name == FACET else peer(checkout, python, log) as server:
                    for cell, figures in measured(name, server, self._photos, self._seconds).items():
                        self._rounds.setdefault(cell, []).append(figures)
                    self._sizes[name].append(memory(server.processes())[1] / 1e9)
                    self._templates[name] = vectors(name, _asked(name, server, self._photos[0]), packed=False)

    def rows(self) -> list[list[str]]:
        """One row a cell, of medians with their spread."""
        rows = []
        for cell, found in self._rounds.items():
            mine = [figures.rate for figures in self._rounds[cell._replace(system=FACET)]]
            rates = [figures.rate for figures in found]
            share = "" if cell.system == FACET else told(spread(ratios(mine, rates)))
            times = ([each.p50 for each in found], [each.p95 for each in found], [each.cpu for each in found])
            failures = sum(sum(figures.failures.values()) for figures in found)
            row = [cell.system, cell.photo, str(cell.concurrency), cell.format, told(spread(rates), 1), share]
            rows.append([*row, *(told(spread(values), 1) for values in times), str(failures or "none")])
        return rows

    def notes(self) -> str:
        """Memory of both, and how alike their templates of one face are."""
        sizes = ", ".join(f"{name} {told(spread(found))} GB" for name, found in self._sizes.items())
        cosine = float((self._templates[FACET][0] * self._templates[PEER][0]).sum())
        return f"Memory after the load: {sizes}. Cosine between both templates of one face: {cosine:.3f}."


if __name__ == "__main__":
    end_on_signal()
    typer.run(main)
