"""The admin API: keys and collections."""

from typing import Any

from pydantic import BaseModel

from schemas.fields import Json
from schemas.wire import JSON
from serving.http.admin import CollectionRequest
from serving.identity.gate import Gate
from serving.identity.keys import KINDS, SCOPES, KeyRequest
from serving.openapi.components import record, ref, sequence, text

_TIME = text("When it was made.", format="date-time")
_KEY: Json = {
    "id": text("Its identity, not the key itself.", format="uuid"),
    "name": text("What it is for."),
    "scopes": sequence("What it opens.", {"type": "string", "enum": list(SCOPES)}),
    "application": {"type": ["string", "null"], "description": "The application that a CompreFace service is of."},
    "collection": {"type": ["string", "null"], "description": "The face collection that it opens."},
    "created_at": _TIME,
}
_COLLECTION: Json = {
    "kind": text("recognition or watchlist."),
    "key": text("Its identity."),
    "name": text("Its name."),
    "gate": ref("Gate"),
    "created_at": _TIME,
}
_ERRORS = {"keys": ("401", "404", "422", "503"), "collections": ("401", "404", "409", "422", "503")}


def admin_schemas() -> Json:
    """The schemas that the operations refer to."""
    return {
        "Gate": Gate.model_json_schema(),
        "KeyRequest": KeyRequest.model_json_schema(),
        "CollectionRequest": _without_definitions(CollectionRequest),
        "Key": record("A key.", _KEY, [*_KEY]),
        "Collection": record("A collection.", _COLLECTION, [*_COLLECTION]),
    }


def _without_definitions(model: type[BaseModel]) -> Json:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return schema


def admin_paths(security: list[Json]) -> Json:
    """The operations, each of which wants a key with the scope ``admin``, whatever the settings say."""
    secret = record(
        "The key.", {"key": text("To be kept: it is told this once.", format="uuid"), **_KEY}, ["key", *_KEY]
    )
    keys = record("The keys.", {"keys": sequence("Those that are not revoked.", ref("Key"))}, ["keys"])
    application = record("An application.", {"name": text("Its name."), "services": sequence("Its keys.", ref("Key"))})
    found = record("The collections.", {"collections": sequence("All of the kind.", ref("Collection"))})
    counted = record("The collection.", {**_COLLECTION, "faces": {"type": "integer"}}, [*_COLLECTION, "faces"])
    gone = record("The collection.", {**_COLLECTION, "members_removed": {"type": "integer"}})
    kind = _parameter("kind", {"type": "string", "enum": list(KINDS)})
    key = _parameter("key", {"type": "string"})

    def says(summary: str, area: str, schema: Json, body: str | None = None, *parameters: Json) -> Json:
        status = "201" if summary.startswith("Makes") else "200"
        done = {status: {"description": summary, "content": {JSON: {"schema": schema}}}}
        errors = {each: {"$ref": f"#/components/responses/{each}"} for each in _ERRORS[area]}
        sent: dict[str, Any] = {}
        if body is not None:
            sent = {"requestBody": {"required": True, "content": {JSON: {"schema": ref(body)}}}}
        identity = "admin-" + summary.lower().replace(" ", "-")
        named = {"tags": ["Admin"], "operationId": identity, "summary": summary, "security": security}
        return {**named, "parameters": list(parameters), **sent, "responses": {**done, **errors}}

    identity = _parameter("id", {"type": "string", "format": "uuid"})
    return {
        "/admin/keys": {
            "get": says("Lists keys", "keys", keys),
            "post": says("Makes a key", "keys", secret, "KeyRequest"),
        },
        "/admin/keys/{id}": {"delete": says("Revokes a key", "keys", ref("Key"), None, identity)},
        "/admin/applications": {
            "get": says("Lists applications", "keys", record("All.", {"applications": sequence("All.", application)}))
        },
        "/admin/collections/{kind}": {
            "get": says("Lists collections", "collections", found, None, kind),
            "post": says("Makes a collection", "collections", ref("Collection"), "CollectionRequest", kind),
        },
        "/admin/collections/{kind}/{key}": {
            "get": says("Tells of a collection", "collections", counted, None, kind, key),
            "put": says("Changes a collection", "collections", ref("Collection"), "CollectionRequest", kind, key),
            "delete": says("Removes a collection", "collections", gone, None, kind, key),
        },
    }


def _parameter(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}
