"""What answers of CompreFace's interface look like, and requests as bytes."""

import json
from http.client import HTTPConnection
from typing import Any

import numpy as np

from bench.server import Server

NO_FACE = {"message": "No face is found in the given image", "code": 28}
SEVERAL = {"message": "More than one face in the source image", "code": 31}
KNOWN = {"message": "Subject already exists", "code": 43}
EMPTY = [{"subjects": []}, {"faces": [], "page_number": 0, "page_size": 20, "total_pages": 0, "total_elements": 0}]
PLUGINS = {"age", "gender", "mask", "embedding", "landmarks"}
TIMED = {"age", "gender", "mask", "calculator", "detector"}


def check_full(face: dict[str, Any], *more: str) -> None:
    """A face with all that the plugins say, in the forms of CompreFace 1.x."""
    assert set(face) == PLUGINS | {"box", "execution_time", *more}
    assert set(face["box"]) == {"probability", "x_max", "y_max", "x_min", "y_min"}
    assert all(isinstance(face["box"][name], int) for name in face["box"] if name != "probability")
    assert face["age"]["low"] < face["age"]["high"]
    assert face["gender"]["value"] == "female"
    assert face["mask"]["value"] == "without_mask"
    assert np.shape(face["landmarks"]) == (5, 2)
    assert len(face["embedding"]) in {128, 256}
    assert set(face["execution_time"]) == TIMED


def _sizes(found: dict[str, Any]) -> list[int]:
    """Of the faces in an answer the areas of the boxes, in square pixels."""
    boxes = [face["box"] for face in found["result"]]
    return [(box["x_max"] - box["x_min"]) * (box["y_max"] - box["y_min"]) for box in boxes]


def faces_of(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The faces of a full answer, the biggest first, which also tells what is behind the plugins."""
    found = said[name]
    assert set(found["plugins_versions"]) >= TIMED
    assert _sizes(found) == sorted(_sizes(found), reverse=True)
    faces: list[dict[str, Any]] = found["result"]
    return faces


def alike(face: dict[str, Any]) -> dict[str, float]:
    return {each["subject"]: each["similarity"] for each in face["subjects"]}


def wire(server: Server, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
    """Status and answer to bytes that are sent as they are; with chunks where there is no length."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        chunks = None if body is None else (body[start : start + 4096] for start in range(0, len(body), 4096))
        connection.request(method, path, chunks, headers, encode_chunked=chunks is not None)
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data.startswith(b"{") else data
    finally:
        connection.close()


def part(image: bytes, name: str) -> bytes:
    """A multipart body with one file, whose part has no Content-Type."""
    head = f'--limit\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + image + b"\r\n--limit--\r\n"
