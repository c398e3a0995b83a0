"""The operations of the services: what each takes, answers, and may fail with."""

from collections.abc import Iterable, Mapping
from typing import Any

from estimators import Detector, Matcher, Node
from schemas import Attribute, Dialect
from schemas.attributes import BOX, CONFIDENCE, KIND
from schemas.fields import Json
from schemas.wire import JSON, MSGPACK
from serving.openapi import examples
from serving.openapi.components import record, ref, sequence, text

_FILE = text("The image file.", format="binary")
UPLOAD: Json = {
    "required": True,
    "content": {"multipart/form-data": {"schema": record("The form.", {"image": _FILE}, ["image"])}},
}
ERRORS = {
    "400": "The image, the base64 text or the template cannot be decoded.",
    "404": "There is no such service, version or graph.",
    "413": "The body, the image, or the number of objects or samples is larger than the server allows.",
    "415": "The route does not take bodies of this content type.",
    "422": "The document or an option does not have the form that it should; says where and why.",
    "503": "A model is not installed, or the service is busy or restarting (then with Retry-After).",
    "504": "The request took longer than it may.",
}
_DETAILS: Json = {
    "400": "Failed to decode base64 string",
    "401": "A valid API key is required",
    "404": "There is no service 'face-painter'",
    "409": "There is a collection 'vip' already",
    "413": "The request body is larger than 16777216 bytes",
    "415": "process/sample takes application/json or application/msgpack",
    "422": [{"loc": ["body", "objects", 0, "bbox"], "msg": "Field required", "type": "missing"}],
    "503": "Too many requests are waiting; try again shortly",
    "504": "The request took longer than it may",
}
_UNAUTHORISED = "The server asks for a key, and the request carries none that is valid."


def service_paths(kind: type[Node], version: str, dialect: Dialect) -> Json:
    """The paths of a service in one version."""
    summary = (kind.__doc__ or kind.name).strip().splitlines()[0]
    detects, compares = issubclass(kind, Detector), issubclass(kind, Matcher)
    base = {"tags": ["Detectors" if detects else "Comparison" if compares else "Estimators"], "summary": summary}
    names = ["echo", "prefer", "timings", *(["min_confidence"] if detects else [])]
    shown = {"answer": example("With ?echo=false", examples.answer(kind, dialect))}
    done = answered(_enriched(kind, dialect), shown)
    photo = example("Two faces" if compares else "A photo", examples.request(kind, dialect))
    paths: Json = {}
    for way, about, body in (
        ("sample", _needs(kind, dialect), sent(_asked(kind, dialect), {"photo": photo})),
        ("image", "The same for an uploaded file.", UPLOAD),
    ):
        if way == "sample" or detects:
            also = f"Also as `/{kind.name}/process/{way}`, which means v1."
            named = {**base, "operationId": f"{kind.name}-{version}-{way}", "description": f"{about} {also}"}
            paths[f"/{kind.name}/{version}/process/{way}"] = {"post": operation(named, names, body, done)}
    return paths


def operation(described: Json, parameters: Iterable[str], body: Json, done: Json) -> Json:
    """A POST operation: ``described`` has its name and words, ``done`` is what it answers when all goes well."""
    errors = {status: {"$ref": f"#/components/responses/{status}"} for status in ERRORS}
    return {
        **described,
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in parameters],
        "requestBody": body,
        "responses": {"200": done, **errors},
    }


def _needs(kind: type[Node], dialect: Dialect) -> str:
    """What the documents of a service must carry, in words."""
    if issubclass(kind, Detector):
        return "Needs an image; objects of the class that it finds are replaced, others stay."
    keys = ", ".join(f"`{key}`" for key in _keys(dialect, kind.requires))
    if issubclass(kind, Matcher):
        return f"Needs no image but exactly two objects, each with {keys}."
    return f"Needs an image and objects, each with {keys}. Objects of another class pass through."


def _keys(dialect: Dialect, attributes: Iterable[Attribute[Any]]) -> list[str]:
    """The members of an object that carry the attributes."""
    return sorted(key for attribute in attributes for key in dialect.lenses[attribute].keys)


def _asked(kind: type[Node], dialect: Dialect) -> Json:
    """The schema of a request: the document, with what the service needs."""
    needed = _keys(dialect, kind.requires)
    if issubclass(kind, Matcher):
        objects = sequence("The two to compare.", {"required": needed}, 2)
        return {"allOf": [sample(dialect), {"required": ["objects"], "properties": {"objects": objects}}]}
    image = {"anyOf": [{"required": [key]} for key in (dialect.image.key, *dialect.image.aliases)]}
    if issubclass(kind, Detector):
        return {"allOf": [sample(dialect), image]}
    # Objects of another class need not carry anything, so the schema asks of an object no more than its form.
    return {"allOf": [sample(dialect), image, {"required": ["objects"]}]}


def _enriched(kind: type[Node], dialect: Dialect) -> Json:
    """The schema of an answer: the document, with what the service adds."""
    if issubclass(kind, Matcher):
        return {"allOf": [sample(dialect), record("The comparison.", {"verification": ref("Verification")},
                                                   ["objects", "verification"])]}  # fmt: skip
    objects = sequence("Its objects.", _result(kind, dialect))
    return {"allOf": [sample(dialect), timed({"objects": objects}, ["objects"])]}


def _result(kind: type[Node], dialect: Dialect) -> Json:
    """What an object of the service's class carries in its answer."""
    added = _keys(dialect, kind.provides - {KIND, BOX, CONFIDENCE})
    if issubclass(kind, Detector):
        added = ["id", "class", *_keys(dialect, {BOX, CONFIDENCE}), *added]
    mine = {"properties": {"class": {"const": kind.subject}}, "required": ["class"]}
    whole = ref("BodyObject") if kind.subject == "body" else {}
    return {"if": mine, "then": {**whole, "required": added}}


def sample(dialect: Dialect) -> Json:
    """The schema of any document."""
    return ref(f"Sample{dialect.name.upper()}")


def timed(properties: Json, required: list[str]) -> Json:
    """The schema of an answer that may tell its timings."""
    return record("With what was found.", {**properties, "timings": ref("Timings")}, required)


def example(summary: str, value: Json) -> Json:
    """A named example."""
    return {"summary": summary, "value": value}


def sent(schema: Json, shown: Mapping[str, Json]) -> Json:
    """The body of a request."""
    return {
        "required": True,
        "content": {JSON: {"schema": schema, "examples": dict(shown)}, MSGPACK: {"schema": schema}},
    }


def answered(schema: Json, shown: Mapping[str, Json]) -> Json:
    """The answer when all goes well."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-ID", "Server-Timing")}
    content = {JSON: {"schema": schema, "examples": dict(shown)}, MSGPACK: {"schema": schema}}
    return {"description": "The document, enriched.", "headers": headers, "content": content}


def told(tag: str, identity: str, summary: str, schema: Json, *errors: str) -> Json:
    """An operation without a body, which answers in JSON."""
    return {
        "tags": [tag],
        "operationId": identity,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {JSON: {"schema": schema}}},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in errors},
        },
    }


def responses() -> Json:
    """The error answers by status."""
    described = ERRORS | {"401": _UNAUTHORISED, "409": "There is one with this key already."}
    return {status: {"description": about, "content": _refused(status)} for status, about in described.items()}


def _refused(status: str) -> Json:
    """The content of an error answer with its example."""
    schema = {"schema": ref("Error")}
    return {JSON: {**schema, "example": {"detail": _DETAILS[status]}}, MSGPACK: schema}
