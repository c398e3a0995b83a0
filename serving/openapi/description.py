"""The OpenAPI 3.1 document of every route, made of the catalogue, the dialects and the settings in use."""

from estimators import CATALOGUE
from schemas.fields import Json
from schemas.versions import DIALECTS
from serving.engine.engine import Engine
from serving.http.health import product_version
from serving.http.middleware import OPEN
from serving.openapi.admin import admin_paths, admin_schemas
from serving.openapi.components import record, sequence, text, wire_schemas
from serving.openapi.graph import graph_lists, graph_paths, graph_schemas
from serving.openapi.operations import responses, service_paths, told

_ABOUT = """
Photos in, facts about faces and bodies out. Every service takes a *sample* - an image and its `objects` - and answers
with the same sample, its objects enriched. Nothing is stored.

* **Versions.** `v1` and `v2` differ in how they spell a document. Each path also exists without a version,
  `/{service}/process/sample`, which means `v1`.
* **Chains.** Detectors need no more than an image. What estimators need is in the answers of
  `face-detector-face-fitter`; send those answers on as they are. `/graph` runs such chains in one request.
* **Formats.** Bodies are JSON, or msgpack where `Content-Type` says `application/msgpack`. The answer comes in the
  format that `Accept` names, otherwise in that of the request. Binary data is base64 in JSON and bin in msgpack.
* **Images.** JPEG, PNG, BMP, WebP, TIFF, GIF (first frame) or ICO, upright by their EXIF orientation.
* **Places** are fractions of the image's width and height, from its top left; pixels only where it says so. *Left* is
  the left of the image.
* **Requests** may carry an `X-Request-ID`, which comes back; otherwise the answer names one.
"""
_TAGS = {
    "Graph": "Several services in one request: what must run for the wanted result is found out, and runs in parallel.",
    "Detectors": "Find faces and bodies; they need no more than an image.",
    "Estimators": "Say something about each object of a document.",
    "Comparison": "Compares two templates.",
    "Server": "How the server is.",
    "Admin": "Keys and collections of people, for who holds a key with the scope admin.",
}
_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "token": {"type": "apiKey", "in": "header", "name": "TOKEN"},
}


def document(engine: Engine) -> Json:
    """The OpenAPI document of the services that run here."""
    secured = bool(engine.settings.api_keys) or engine.settings.require_key
    paths: Json = {}
    for name, dialect in DIALECTS.items():
        paths |= graph_paths(engine, name, dialect)
    paths |= graph_lists()
    for service in engine.stages:
        for name, dialect in DIALECTS.items():
            paths |= service_paths(CATALOGUE[service], name, dialect)
    paths |= _server_paths()
    paths |= admin_paths([{name: []} for name in _KEYS])
    if secured:
        _secure(paths)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Facet Image API", "version": product_version(), "description": _ABOUT.strip(),
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        **({"security": [{name: []} for name in _KEYS]} if secured else {}),
        "paths": paths,
        "components": {
            "schemas": wire_schemas() | graph_schemas(engine) | admin_schemas(),
            "parameters": _parameters(engine),
            "headers": {
                "X-Request-ID": {"description": "The identity of the request.", "schema": {"type": "string"}},
                "Server-Timing": {"description": "Milliseconds spent on each part.", "schema": {"type": "string"}},
            },
            "responses": responses(),
            "securitySchemes": _KEYS,
        },
    }  # fmt: skip


def _parameters(engine: Engine) -> Json:
    """The options of a request by name."""
    flag, names = {"type": "boolean"}, {"type": "array", "items": {"type": "string"}}
    graphs = {"type": "string", "examples": list(engine.settings.graphs)}
    listed = {"style": "form", "explode": False}
    return {
        "echo": _option("echo", {**flag, "default": True}, "Whether the answer carries the image."),
        "prefer": _option("Prefer", {"type": "string", "enum": ["return=minimal"]}, "Asks for echo=false.")
        | {"in": "header"},
        "timings": _option("timings", {**flag, "default": False}, "Adds milliseconds spent on each part."),
        "min_confidence": _option(
            "min_confidence", {"type": "number", "minimum": 0, "maximum": 1}, "Leaves out objects below it."
        ),
        "services": _option("services", names, "Services to run, with what they need.") | listed,
        "outputs": _option("outputs", names, f"Results: {', '.join(engine.planner.outputs())}.") | listed,
        "graph": _option("graph", graphs, f"A named graph; by default {engine.settings.default_graph}."),
        "on_failure": _option(
            "on_failure",
            {"type": "string", "enum": ["fail", "partial"], "default": "fail"},
            "partial: errors stand beside the objects.",
        ),
    }


def _option(name: str, schema: Json, about: str) -> Json:
    return {"name": name, "in": "query", "schema": schema, "description": about}


def _server_paths() -> Json:
    state = record("A service.", {
        "ready": {"type": "boolean", "description": "Whether it can answer."},
        "models": sequence("The models that it uses.", {"type": "string"}),
        "detail": text("Why it cannot answer."),
    }, ["ready"])  # fmt: skip
    ready = record("The services.", {
        "ready": {"type": "boolean", "description": "Whether all of them can answer."},
        "services": {"type": "object", "additionalProperties": state},
        "database": {"anyOf": [state, {"type": "null"}], "description": "That of people; null where there is none."},
    }, ["ready", "services", "database"])  # fmt: skip
    model = record("A model.", {
        "services": sequence("The services that use it.", {"type": "string"}),
        "licence": text("As an SPDX expression."),
        "sha256": text("The digest of its file."),
        "source": text("Where it came from."),
    })  # fmt: skip
    version = record("The product.", {
        "product": text("Its name."),
        "version": text("Its version."),
        "models": {"type": "object", "additionalProperties": model},
    }, ["product", "version", "models"])  # fmt: skip
    health = record("Alive.", {"status": {"const": "ok"}}, ["status"])
    asked = told("Server", "ready", "Whether every service has a replica and its models", ready, "404")
    asked["parameters"] = [_option("services", {"type": "string"}, "Asks about these alone: a,b.")]
    asked["responses"]["503"] = {**asked["responses"]["200"], "description": "Some cannot answer; says which and why."}
    return {
        "/health": {"get": told("Server", "health", "Whether the server is alive", health)},
        "/ready": {"get": asked},
        "/version": {"get": told("Server", "version", "The product, and every model in use", version)},
    }


def _secure(paths: Json) -> None:
    """Adds to every operation but the probes that it may be refused, and to those that they are open."""
    for path, operations in paths.items():
        for described in operations.values():
            if "security" in described:  # it says so itself
                continue
            if path in OPEN:
                described["security"] = []
            else:
                described["responses"]["401"] = {"$ref": "#/components/responses/401"}
