"""The operations of ``/graph``, and the schemas of what may be wanted of it."""

from schemas import Dialect
from schemas.fields import Json
from serving.engine.engine import Engine
from serving.openapi import examples
from serving.openapi.components import record, ref, sequence, text, within
from serving.openapi.operations import UPLOAD, answered, example, operation, sample, sent, timed, told

_OPTIONS = ["services", "outputs", "graph", "on_failure", "echo", "prefer", "timings", "min_confidence"]
_NODES = [
    {"service": "age-estimator", "optional": True},
    {
        "service": "template-extractor",
        "after": ["age-estimator"],
        "when": {"class": "face", "min_confidence": 0.8, "min_size": 60},
    },
]
_ABOUT = (
    "What is wanted is said once: in the query by `services` and `outputs`, or by `graph`, or in the body under "
    "`graph`; without any, it is the default graph. With `samples` in the body there is one answer a sample. "
    "Also as `/graph/process/sample`, which means v1."
)


def graph_paths(engine: Engine, version: str, dialect: Dialect) -> Json:
    """The paths that run graphs in one version."""
    base = {"tags": ["Graph"], "summary": "Everything that is wanted of a photo, in one request"}
    found = {
        "answer": example("outputs=age,emotions,template, echo=false, timings=true", examples.graph_answer(dialect))
    }
    both = found | {"verify": example("Two photos compared, echo=false", examples.pair_answer(dialect))}
    one, several = _answer(dialect), _batch_answer(dialect)
    posted = {**base, "operationId": f"graph-{version}-sample", "description": _ABOUT}
    upload = {**base, "operationId": f"graph-{version}-image", "description": "The same for an uploaded file. "
              "Also as `/graph/process/image`, which means v1."}  # fmt: skip
    asked = sent(_asked(dialect), _requests(engine, dialect))
    return {
        f"/graph/{version}/process/sample": {
            "post": operation(posted, _OPTIONS, asked, answered({"anyOf": [one, several]}, both))
        },
        f"/graph/{version}/process/image": {"post": operation(upload, _OPTIONS, UPLOAD, answered(one, found))},
    }


def _requests(engine: Engine, dialect: Dialect) -> Json:
    """Requests that name what is wanted in each of the ways that there are, as far as what they name runs here."""
    photo = examples.image(dialect)
    default = engine.settings.default_graph
    shown = {
        "outputs": example("Named results", {"graph": {"outputs": ["age", "emotions", "template"]}} | photo),
        "nodes": example("Services with conditions", {"graph": {"nodes": _NODES}} | photo),
        "named": example("A named graph", {"graph": default} | photo),
        "batch": example("A batch", {"graph": {"services": ["gender-estimator"]}, "samples": [photo, photo]}),
        "verify": example(
            "Two photos compared", {"graph": {"services": ["verify-matcher"]}, "samples": [photo, photo]}
        ),
    }
    runs = {
        "outputs": {"age", "emotions", "template"} <= set(engine.planner.outputs()),
        "nodes": {"age-estimator", "template-extractor"} <= set(engine.stages),
        "named": default in engine.settings.graphs,
        "batch": "gender-estimator" in engine.stages,
        "verify": "verify-matcher" in engine.stages,
    }
    return {name: request for name, request in shown.items() if runs[name]}


def _asked(dialect: Dialect) -> Json:
    """The schema of a request."""
    keys = (dialect.image.key, *dialect.image.aliases, "objects", "samples")
    wanted = record("What is wanted.", {"graph": ref("Graph"), "samples": sequence("A batch.", sample(dialect))})
    return {"allOf": [sample(dialect), wanted, {"anyOf": [{"required": [key]} for key in keys]}]}


def _answer(dialect: Dialect) -> Json:
    """The schema of the answer about one sample."""
    errors = sequence("With on_failure=partial, or of optional services.", ref("NodeError"))
    return {"allOf": [sample(dialect), timed({"errors": errors}, ["objects"])]}


def _batch_answer(dialect: Dialect) -> Json:
    """The schema of the answer about several samples."""
    properties = {
        "samples": sequence("One answer or error a sample.", {"anyOf": [ref("SampleError"), _answer(dialect)]}),
        "verification": ref("Verification"),
        "pair": sequence("Which object of each sample is in the best pair.", {"type": "integer"}, 2),
    }
    return timed(properties, ["samples"])


def graph_lists() -> Json:
    """The operations that tell what graphs there are."""
    listed = record("The graphs.", {
        "graphs": sequence("Those of the settings.", record(
            "A graph.", {"name": text("Its name."), "description": text("What it is for.")}, ["name"])),
        "outputs": sequence("What `outputs` may name.", {"type": "string"}),
    }, ["graphs", "outputs"])  # fmt: skip
    compiled = record("A graph.", {
        "name": text("Its name."),
        "description": text("What it is for."),
        "stages": sequence("Services that run one after the other, in groups that run at once.",
                           sequence("A group.", {"type": "string"})),
        "nodes": sequence("The services.", ref("GraphNode")),
        "mermaid": text("The graph as a Mermaid diagram."),
    }, ["name", "stages", "nodes", "mermaid"])  # fmt: skip
    path = [
        {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "default": "face-analytics"}},
        {
            "name": "format",
            "in": "query",
            "schema": {"type": "string", "enum": ["mermaid"]},
            "description": "The diagram alone, as text.",
        },
    ]
    return {
        "/graph": {"get": told("Graph", "graphs", "The named graphs, and the results that can be asked for", listed)},
        "/graph/{name}": {
            "get": {
                **told("Graph", "graph", "What a named graph runs, and in which order", compiled, "404", "422"),
                "parameters": path,
            }
        },
    }


def graph_schemas(engine: Engine) -> Json:
    """The schemas by name, with what there is to be named on this server."""
    services = {"type": "string", "enum": list(engine.stages)}
    condition = record("The objects that the service runs for; the others stay as they are.", {
        "class": text("Of this class.", enum=["face", "body"]),
        "min_confidence": within(0, 1, "Found with at least this confidence."),
        "min_size": {
            "type": "number",
            "minimum": 0,
            "maximum": 1e6,
            "description": "The shorter side of the box, in pixels.",
        },
    }, additionalProperties=False)  # fmt: skip
    node = record("A service in a graph.", {
        "service": services,
        "after": sequence("Services to wait for though it does not need them.", services),
        "when": condition,
        "optional": {"type": "boolean", "description": "The others go on where it fails.", "default": False},
    }, ["service"], additionalProperties=False)  # fmt: skip
    spec = record("Results, services or nodes; they may be combined. What they need is added.", {
        "outputs": sequence("Results.", {"type": "string", "enum": engine.planner.outputs()}),
        "services": sequence("Services.", services),
        "nodes": sequence("Services with what is to be said about them.", ref("GraphNode")),
        "description": text("What the graph is for."),
    }, additionalProperties=False, minProperties=1)  # fmt: skip
    name = text("A graph of the settings.", examples=list(engine.settings.graphs))
    named = record("The same.", {"name": name}, ["name"], additionalProperties=False)
    detail = {"description": "As in an error's answer."}
    return {
        "Graph": {"description": "What is wanted.", "anyOf": [name, named, spec]},
        "GraphNode": node,
        "NodeError": record("A service that failed, or that waited for one that failed.", {
            "node": text("The service."), "detail": detail, "waited_for": text("The service that failed."),
        }, ["node", "detail"]),
        "SampleError": record("A sample that failed.", {
            "status": {"type": "integer", "description": "The HTTP status that it would have had alone."},
            "detail": detail,
        }, ["status", "detail"]),
    }  # fmt: skip
