"""SmartFace's interface against its maker's document, by schemathesis, over HTTP on real models and a real database.

Twice: with the document as it is and the checks that hold whatever is sent; and with all checks, after the document was
told what its texts say and its schemas do not, so that requests of the right form are ones that can be answered.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from compat.smartface import SmartFace
from compat.smartface.app import OPERATIONS
from compat.smartface.liveness import DETECTORS
from compat.smartface.requests import LONGEST_KEY
from schemas.attributes import TEMPLATE
from serving.engine.context import Context, Options
from serving.engine.engine import Engine
from serving.http.application import application
from serving.identity.people import People
from serving.launch.ingress import free_port
from store import Store
from tests.contract.smartface import LISTS, OPENAPI, text
from tests.pictures import encoded

Json = dict[str, Any]

EXAMPLES = os.environ.get("FACET_SCHEMATHESIS_EXAMPLES", "5")  # an operation and phase
SEED = "1"
_IMAGES = 3  # of a registration, each of which is looked at
LIST = "guests"  # a watchlist that is there

# Checks that are left out. In both runs:
#   use_after_free: the document has no 404 for the members of a watchlist, so that of one that is gone none are listed.
#   ensure_resource_availability: that a member has no such face is taken for there being no such member.
_NEVER = "use_after_free,ensure_resource_availability"
# With the document as it is, which no server could pass:
#   positive_data_acceptance: any text is an image to it, and any name a watchlist that is there.
#   negative_data_rejection: it forbids members that it does not list, which its maker's own clients send.
_BARE = f"{_NEVER},positive_data_acceptance,negative_data_rejection"
_PHASES = "examples,fuzzing,stateful"
_CONFIGURATION = """
[generation]
allow-x00 = false  # no database of ours stores it in text

[phases.stateful.generation]
mode = "positive"  # sequences of calls that bodies that are none would break; they are sent alone
"""

pytestmark = pytest.mark.skipif(
    OPENAPI is None, reason="FACET_SMARTFACE_OPENAPI names no copy of the maker's document, which is not ours to give"
)


class Served(NamedTuple):
    """A server of the interface; ``template`` and ``photo`` are one person's, in base64."""

    url: str
    template: str
    photo: str


@pytest.fixture
def served(engine: Engine, identity: Store, astronaut: NDArray[np.uint8]) -> Iterator[Served]:
    photo = encoded(Image.fromarray(astronaut[:320, 80:400]), "JPEG", quality=70)
    few = engine.settings.model_copy(update={"max_samples": _IMAGES})
    with running(Engine(few, engine.stages), identity.database.url) as url:
        httpx.put(f"{url}{LISTS}", json={"id": LIST, "displayName": LIST, "fullName": LIST}).raise_for_status()
        yield Served(url, text(asyncio.run(template_of(engine, photo))), text(photo))


@contextmanager
def running(engine: Engine, database_url: str) -> Iterator[str]:
    """The application behind uvicorn, in a thread of its own; gives its address."""
    port = free_port()
    with_loop: list[Callable[[], None]] = []

    async def serve() -> None:
        store = Store(database_url, connections=4)
        people = People(engine, store)
        app = application(engine, people, [SmartFace(people)])
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        with_loop.append(lambda: setattr(server, "should_exit", True))
        await server.serve()
        await store.close()

    thread = threading.Thread(target=_run, args=(serve,))
    thread.start()
    try:
        _wait(port, thread)
        yield f"http://127.0.0.1:{port}"
    finally:
        for stop in with_loop:
            stop()
        thread.join()


def _run(serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(serve())


def _wait(port: int, thread: threading.Thread) -> None:
    while thread.is_alive():
        try:
            httpx.get(f"http://127.0.0.1:{port}/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start")


async def template_of(engine: Engine, photo: bytes) -> bytes:
    async with People(engine, None).look(photo, ["template"], Context(Options("application/json"))) as sight:
        template: bytes = sight.faces[0][TEMPLATE]
        return template


def test_the_document_as_it_is(served: Served, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    schemathesis(served.url, ours(), tmp_path, capfd, "--exclude-checks", _BARE)


def test_the_document_with_what_its_texts_say(
    served: Served, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Without the phase of edge cases, which are thousands: the first test has them, and here each is a photo looked at.
    schemathesis(served.url, told(ours(), served), tmp_path, capfd, "--exclude-checks", _NEVER, "--phases", _PHASES)


def test_every_operation_of_ours_is_in_the_document() -> None:
    found = {(method.upper(), path) for path, operations in ours()["paths"].items() for method in operations}
    assert found == {(method, _template(path)) for path, methods in OPERATIONS.items() for method in methods}


def schemathesis(url: str, document: Json, folder: Path, capfd: pytest.CaptureFixture[str], *options: str) -> None:
    """Fails with the report where a check fails; shows the summary where none does."""
    (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "schemathesis.toml").write_text(_CONFIGURATION, encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        "openapi.json",
        "--url",
        url,
        "--checks",
        "all",
    ]
    command += ["--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure", "--warnings", "off", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stdout + done.stderr
    with capfd.disabled():
        sys.stdout.write("\n" + done.stdout[done.stdout.index("= SUMMARY =") :])


def ours() -> Json:
    """The part of the document that is served."""
    document: Json = json.loads(Path(OPENAPI or "").read_text(encoding="utf-8"))
    paths = {_template(path): {method.lower() for method in methods} for path, methods in OPERATIONS.items()}
    document["paths"] = {
        path: {method: operation for method, operation in operations.items() if method in paths[path]}
        for path, operations in document["paths"].items()
        if path in paths
    }
    return document


def _template(path: str) -> str:
    return "/api/v1" + path.replace("{id:uuid}", "{id}")


def told(document: Json, served: Served) -> Json:
    """The document with what is in its texts alone, in the sense of its words, or in what is there to be found."""
    found = deepcopy(document)
    schemas = found["components"]["schemas"]
    for name, members in _words(served).items():
        _narrow(schemas[name], **members)
    schemas["RegisterWatchlistMemberRequest"]["required"].remove("id")  # "if you omit this, it will be set"
    del found["paths"]["/api/v1/Watchlists/{id}"]["delete"]  # else it finds the one list that there is
    for parameter in found["paths"]["/api/v1/Images/{id}"]["get"]["parameters"][1:]:
        parameter["schema"]["minimum"] = 1  # pixels
    for schema in schemas.values():  # unknown members are passed over: its maker's own clients send some
        if schema.get("additionalProperties") is False:
            del schema["additionalProperties"]
    return found


def _words(served: Served) -> Mapping[str, Json]:
    """What members of objects must be, by the names of their schemas."""
    image = {"enum": [served.photo]}  # an image, with a face
    selector = {"enum": ["singleFaceOnly", "biggestFace"]}
    fitting = {  # that this face fits
        "minFaceSize": {"maximum": 35},
        "maxFaceSize": {"minimum": 100},
        "confidenceThreshold": {"enum": [450]},
    }
    detectors = {"items": {"type": "string", "enum": [*DETECTORS, "none"]}}  # "supported values are"
    conditions = {f"{kind}LivenessConditions": {"enum": ["default"]} for kind in ("distant", "nearby")}
    key, colour = {"maxLength": LONGEST_KEY}, {"pattern": "^#([0-9a-fA-F]{3}){1,2}$"}  # "hexadecimal … is necessary"
    several = {"minimum": 1}
    return {
        "ImageData": {"data": image},
        "RegistrationImageData": {"data": image, "faceSelector": selector, "modality": {"enum": ["Face"]}},
        "FaceRegistrationImageData": {"data": image, "faceSelector": selector},
        "FaceDetectorConfig": {**fitting, "maxFaces": several},
        "FaceSearchDetectorConfig": fitting,
        "SearchInWatchlistRequest": {"maxResultCount": several, "spoofDetectorResourceIds": detectors},
        "SearchInWatchlistByTemplateRequest": {"maxResultCount": several, "template": {"enum": [served.template]}},
        "SpoofCheckRequest": {"spoofDetectorResourceIds": detectors},
        "SpoofCheckConfig": conditions,
        "WatchlistSpoofCheckConfig": conditions,
        "RegisterWatchlistMemberRequest": {
            "id": key | {"minLength": 0},  # its default is the empty one
            "images": {"maxItems": _IMAGES},
            "watchlistIds": {"items": {"type": "string", "enum": [LIST]}},  # there is no other
        },
        "WatchlistCreateRequest": {"previewColor": colour},
        "WatchlistUpsertRequest": {"previewColor": colour, "id": key},
        "WatchlistMemberUpsertRequest": {"id": key},
    }


def _narrow(schema: Json, **members: Json) -> None:
    """Adds words to the schemas of some members of an object; a default that they exclude would not be one."""
    for name, words in members.items():
        before = schema["properties"][name]
        schema["properties"][name] = {key: value for key, value in before.items() if key != "default"} | words
