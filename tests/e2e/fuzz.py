"""Malformed requests by the thousand against a running server: ``python -m tests.e2e.fuzz --url … --requests 10000``.

Every answer must be a well-formed one below 500 (503 and 504 are allowed where documented: a missing model, a full
queue, a time limit), must come in time, and the server must answer a good request right afterwards. The requests follow
from the seed alone.
"""

import argparse
import asyncio
import base64
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import msgpack
import numpy as np
from PIL import Image
from skimage.data import astronaut

from schemas.attributes import KEYPOINT_NAMES
from tests.pictures import encoded

SERVICES = (
    "body-detector",
    "face-detector-face-fitter",
    "face-detector-template-extractor",
    "face-detector-liveness-estimator",
    "gender-estimator",
    "age-estimator",
    "emotion-estimator",
    "mask-estimator",
    "liveness-estimator",
    "quality-assessment-estimator",
    "template-extractor",
    "verify-matcher",
    "graph",
)
PATIENCE = 60.0  # seconds, twice the server's own limit


class Shot(NamedTuple):
    """One request."""

    path: str
    body: bytes
    headers: dict[str, str]


_PHOTO = Image.fromarray(np.ascontiguousarray(astronaut()))  # type: ignore[no-untyped-call]  # no annotations
JPEG = encoded(_PHOTO.crop((150, 30, 310, 220)).resize((160, 160)), "JPEG")


def odd(draw: random.Random) -> Any:
    """A value that does not belong."""
    values: list[Any] = [
        None, True, False, 0, -1, 10**30, -(10**30), 1e308, -1e308, 1e-320, 0.5, "", "x", "NaN", "\x00", "🙂" * 9,
        [], {}, [[]], [{}], {"": {}}, [None] * 5, "A" * 5000, [0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0], [-9, -9, 9, 9],
        [1e308, 1e308, 1e308, 1e308], [0.999999, 0.999999, 1.0, 1.0], [0, 0, 1e-12, 1e-12], ["0", "0", "1", "1"],
    ]  # fmt: skip
    return draw.choice(values)


def nested(draw: random.Random) -> Any:
    """Lists in lists, or objects in objects, far down."""
    depth, value = draw.choice([50, 300, 900]), odd(draw)
    for _ in range(depth):
        value = [value] if depth % 4 else {"objects": value}
    return value


def image_bytes(draw: random.Random) -> bytes:
    """An image: whole, cut, changed, of another kind, or of a size that lies."""
    data = bytearray(JPEG)
    kind = draw.randrange(9)
    if kind == 0:
        del data[draw.randrange(len(data)) :]
    elif kind == 1:
        for _ in range(draw.randrange(1, 200)):
            data[draw.randrange(len(data))] = draw.randrange(256)
    elif kind == 2:
        data = bytearray(draw.randbytes(draw.randrange(2000)))
    elif kind == 3:
        data = bytearray(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + draw.randbytes(200))
    elif kind == 4:
        width, height = draw.choice([(0, 0), (65535, 65535), (2**31 - 1, 1), (1, 2**31 - 1), (50_001, 1000)])
        data = bytearray(b"BM" + draw.randbytes(4) + b"\0\0\0\0\x36\0\0\0\x28\0\0\0")
        data += width.to_bytes(4, "little") + height.to_bytes(4, "little") + b"\1\0\x18\0" + bytes(80)
    elif kind == 5:
        data = bytearray(_gif_header(draw))
    return bytes(data)


def image_text(draw: random.Random) -> Any:
    """An image as base64, or something else in its place."""
    text, kind = base64.b64encode(image_bytes(draw)).decode(), draw.randrange(10)
    if kind == 0 and text:
        return text[: draw.randrange(len(text))] + draw.choice(["=", "!", "é", " ", "\n", ""])
    return odd(draw) if kind == 1 else text


def _gif_header(draw: random.Random) -> bytes:
    return b"GIF89a" + draw.choice([b"\xff\xff\xff\xff", b"\0\0\0\0"]) + draw.randbytes(100)


def good_object(draw: random.Random) -> dict[str, Any]:
    """An object that a service could take, with some members that are not quite right."""
    points = [draw.uniform(0.2, 0.8) for _ in range(42)]
    raw: dict[str, Any] = {
        "id": 0,
        "class": draw.choice(["face", "face", "face", "body", "cat"]),
        "confidence": 0.9,
        "bbox": [0.1, 0.1, 0.9, 0.9],
        "fitter": {"fitter_type": "fda", "keypoints": [each * 160 for each in points] + [0] * 21},
        "angles": {"yaw": 0, "roll": 0, "pitch": 0},
        "keypoints": {name: {"proj": [draw.uniform(-1, 2), 0.5]} for name in KEYPOINT_NAMES},
        "pose": {"yaw": 0, "roll": 0, "pitch": 0},
        "$template": base64.b64encode(draw.randbytes(draw.choice([0, 295, 296, 297]))).decode(),
        "template_size": 74,
        "template": {"_x": {"blob": base64.b64encode(draw.randbytes(296)).decode(), "shape": [296]}},
    }
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        spoil(draw, raw)
    return raw


def spoil(draw: random.Random, raw: Any) -> None:
    """Replaces or removes something at a random depth."""
    while isinstance(raw, dict | list) and raw:
        key = draw.choice(list(raw)) if isinstance(raw, dict) else draw.randrange(len(raw))
        if draw.random() < 0.5 or not isinstance(raw[key], dict | list):
            if draw.random() < 0.2 and isinstance(raw, dict):
                del raw[key]
            else:
                raw[key] = odd(draw)
            return
        raw = raw[key]


def sample(draw: random.Random) -> dict[str, Any]:
    """A document."""
    raw: dict[str, Any] = {}
    if draw.random() < 0.9:
        raw["$image"] = image_text(draw)
    if draw.random() < 0.9:
        raw["_image"] = {"blob": image_text(draw), "format": draw.choice(["IMAGE", "IMAGE", "NDARRAY", "PDF"])}
        raw["_image"] |= {"dtype": "uint8", "shape": [draw.choice([1, 40, 2**40, -1, 1.5]), 40, 3]}
    if draw.random() < 0.8:
        raw["objects"] = [good_object(draw) for _ in range(draw.choice([0, 1, 2, 2, 2, 5]))]
    if draw.random() < 0.2:
        raw["objects"] = [{}] * draw.choice([1000, 1001])
    if draw.random() < 0.3:
        raw["graph"] = draw.choice([graph(draw), "face-analytics", "verify", "nobody", odd(draw)])
    if draw.random() < 0.1:
        raw["samples"] = draw.choice([[{"$image": image_text(draw)}] * draw.choice([1, 2, 65]), odd(draw)])
    if draw.random() < 0.1:
        raw[draw.choice(["objects", "more", "graph"])] = nested(draw)
    for _ in range(draw.choice([0, 0, 0, 1])):
        spoil(draw, raw)
    return raw


def graph(draw: random.Random) -> dict[str, Any]:
    """A graph, often an impossible one."""
    names = [draw.choice(SERVICES) for _ in range(draw.randrange(5))]
    raw: dict[str, Any] = {
        "nodes": [
            {"service": name, "after": names[:2], "when": {"class": "face", "min_confidence": 0.1}} for name in names
        ],
        "outputs": draw.sample(["age", "template", "body", "face", "wings"], 2),
    }
    spoil(draw, raw)
    return raw


def body(draw: random.Random) -> tuple[bytes, str]:
    """The bytes of a request and what its header calls them, which may not agree."""
    value = sample(draw) if draw.random() < 0.95 else draw.choice([odd(draw), nested(draw)])
    try:
        data = msgpack.packb(value) if draw.random() < 0.3 else json.dumps(value).encode()
    except (OverflowError, ValueError):
        data = b'{"$image": NaN}'
    kinds = {True: "application/msgpack", False: "application/json"}
    honest = kinds[data[:1] not in b"{["]
    if draw.random() < 0.1:
        data = data[: draw.randrange(len(data) + 1)]
    if draw.random() < 0.05:
        data = draw.randbytes(draw.randrange(500))
    return data, honest if draw.random() < 0.9 else draw.choice(
        [*kinds.values(), "text/plain", "multipart/form-data", ""]
    )


def upload(draw: random.Random) -> tuple[bytes, str]:
    """A multipart body, often damaged."""
    file = image_bytes(draw)
    boundary = draw.choice([b"xyz", b"a b", b""])
    field = draw.choice([b"image", b"image", b"file", b"", b'im"age'])
    name = draw.choice([b'; filename="a.jpg"', b""])
    data = b"--%s\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n--%s--\r\n" % (
        boundary, field, name, file, boundary,
    )  # fmt: skip
    if draw.random() < 0.2:
        data = data[: draw.randrange(len(data))]
    kind = draw.choice(
        ["multipart/form-data; boundary=xyz"] * 4 + ["multipart/form-data", "application/json", "image/jpeg"]
    )
    return data, kind


def shot(draw: random.Random) -> Shot:
    """A random request to a random route."""
    service = draw.choice([*SERVICES, *SERVICES, "graph", "graph", "nobody", "a" * 300])
    version = draw.choice([*["/v1"] * 8, *["/v2"] * 10, "", "/v3", "/v1/v2"])
    image = draw.random() < (0.3 if "detector" in service or service == "graph" else 0.03)
    path = f"/{service}{version}/process/{'image' if image else 'sample'}"
    queries = ["", "", "", "?echo=false", "?echo=maybe", "?timings=true", "?min_confidence=nan", "?min_confidence=0",
               "?services=age-estimator", "?outputs=age,gender", "?outputs=", "?graph=verify", "?graph=x&services=y",
               "?services=verify-matcher", "?on_failure=partial", "?on_failure=never", "?%00=%ff"]  # fmt: skip
    data, kind = upload(draw) if image else body(draw)
    headers = {"Content-Type": kind} if kind else {}
    if draw.random() < 0.1:
        headers["Accept"] = draw.choice(["application/msgpack", "text/html", "", "application/json;q=x"])
    if draw.random() < 0.05:
        headers["X-Request-ID"] = "x" * draw.choice([1, 128, 129, 4000])
    return Shot(path + draw.choice(queries), data, headers)


def verdict(response: httpx.Response) -> str | None:
    """What is wrong with an answer, if anything."""
    if response.status_code >= 500 and response.status_code not in {503, 504}:
        return f"status {response.status_code}: {response.text[:200]}"
    kind = response.headers.get("content-type", "")
    try:
        value = msgpack.unpackb(response.content) if "msgpack" in kind else json.loads(response.content)
    except ValueError as error:
        return f"unreadable {kind} body with status {response.status_code}: {error}"
    if response.status_code >= 400 and "detail" not in value:
        return f"no detail with status {response.status_code}"
    if b"Traceback" in response.content:
        return "a traceback"
    return None


async def fire(
    client: httpx.AsyncClient, requests: int, seed: int, show: Callable[[int], None] = lambda _: None
) -> tuple[Counter[int], list[str]]:
    """Sends the requests, eight at a time; returns how often each status came and what went wrong."""
    statuses: Counter[int] = Counter()
    problems: list[str] = []
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            chosen = shot(random.Random(f"{seed}-{number}"))  # noqa: S311 - repeatable, not secret
            try:
                response = await client.post(chosen.path, content=chosen.body, headers=chosen.headers)
            except httpx.HTTPError as error:
                problems.append(f"request {number} {chosen.path[:80]}: {type(error).__name__} {error}")
                continue
            statuses[response.status_code] += 1
            wrong = verdict(response)
            if wrong:
                problems.append(f"request {number} {chosen.path[:80]}: {wrong}")
            show(number)

    await asyncio.gather(*(worker() for _ in range(8)))
    return statuses, problems


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    async with httpx.AsyncClient(base_url=chosen.url, timeout=PATIENCE) as client:

        def show(number: int) -> None:
            if number % 500 == 0:
                sys.stderr.write(f"\r{number}")

        statuses, problems = await fire(client, chosen.requests, chosen.seed, show)
        good = await client.post("/face-detector-face-fitter/v2/process/image", files={"image": JPEG})
    sys.stdout.write(f"\nstatuses: {dict(sorted(statuses.items()))}\nproblems: {len(problems)}\n")
    sys.stdout.write("".join(f"  {each}\n" for each in problems[:20]))
    sys.stdout.write(f"a good request afterwards: {good.status_code}, {len(good.json()['objects'])} face(s)\n")
    return 1 if problems or good.status_code != 200 else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
