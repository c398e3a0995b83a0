"""The work behind ``/graph``: which graph is wanted, and running it on a document, a batch of them, or a pair."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.datastructures import QueryParams

from estimators import CATALOGUE, Matcher
from graph import Fact, Failure, GraphSpec, NodeSpec, Outcome, Plan, PlanError
from schemas import Attributes, BadDocument, Dialect, Document, TooLarge
from schemas.attributes import TEMPLATE
from schemas.fields import Json, text, within
from serving.engine.context import Context
from serving.engine.engine import Engine
from serving.http.errors import Problem, UnknownService, problem
from serving.telemetry.metrics import ERRORS

Planning = Callable[[GraphSpec, frozenset[Fact], frozenset[str]], Plan]
_SUBJECTS = frozenset(kind.subject for kind in CATALOGUE.values())


class Wanted:
    """A graph that a request asks for; ``compares`` where it ends in a comparison of two samples."""

    def __init__(self, spec: GraphSpec) -> None:
        kinds = {node.service: CATALOGUE.get(node.service) for node in spec.nodes}
        matchers = {name for name, kind in kinds.items() if kind is not None and issubclass(kind, Matcher)}
        for node in spec.nodes:
            if node.service in matchers and node != NodeSpec(node.service):
                raise PlanError(f"{node.service} compares what the whole graph gives; nothing can be said of it")
        self.compares = bool(matchers)
        nodes = tuple(node for node in spec.nodes if node.service not in matchers)
        outputs = (*spec.outputs, TEMPLATE.name) if matchers else spec.outputs
        self.spec = replace(spec, nodes=nodes, outputs=outputs)


def named(engine: Engine, name: str) -> GraphSpec:
    """The specification of a graph in the settings."""
    graphs = engine.settings.graphs
    if name not in graphs:
        raise UnknownService(f"There is no graph {name!r:.80}; there are {', '.join(sorted(graphs))}")
    if name not in engine.specs:
        engine.specs[name] = GraphSpec.parse(graphs[name], engine.settings.max_nodes)
    return engine.specs[name]


def wanted(engine: Engine, query: QueryParams, body: Any) -> Wanted:
    """The graph that the query or the ``graph`` member of the body asks for, or the default one."""
    asked: Json = {}
    most = engine.settings.max_nodes
    for key in ("services", "outputs"):
        if key in query:
            asked[key] = [each for each in ",".join(query.getlist(key)).split(",") if each]
    ways = [bool(asked), "graph" in query, body is not None]
    if sum(ways) > 1:
        raise PlanError("name the graph once: in the query by services and outputs, or by graph, or in the body")
    if asked:
        return Wanted(GraphSpec.parse(asked, most))
    if body is None:
        body = query.get("graph", engine.settings.default_graph)
    if isinstance(body, str):
        return Wanted(named(engine, body))
    if isinstance(body, dict) and set(body) == {"name"}:
        return Wanted(named(engine, within("graph", lambda raw: within("name", text, raw["name"]), body)))
    return Wanted(within("graph", GraphSpec.parse, body, most))


def compiled(plan: Planning, graph: Wanted, document: Document | None = None) -> Plan:
    """The plan for a document, or for an image alone."""
    if document is None:
        return plan(graph.spec, frozenset(), frozenset())
    present = frozenset(subject for subject in _SUBJECTS if document.indices(subject))
    given = frozenset(Fact(subject, attribute) for subject in present for attribute in document.given(subject))
    return plan(graph.spec, given, present)


async def sample(engine: Engine, graph: Wanted, document: Document, context: Context) -> tuple[Document, Json]:
    """The document with what the graph found, and the members to send beside it."""
    # An answer that was sent here again may hold the errors of the run before.
    document = replace(document, payload={key: value for key, value in document.payload.items() if key != "errors"})
    plan = compiled(engine.plan, graph, document)
    if not plan.steps:
        return document, {}
    async with engine.photo(document.picture(), context) as photo:
        document = document.framed(photo.image)
        outcome = await engine.execute(plan, engine.scene(plan, document), photo, context)
    if not context.options.partial:
        _raise(plan, outcome)
    beside: Json = {}
    if outcome.failures:
        beside["errors"] = [_error(name, failure) for name, failure in outcome.failures.items()]
    return _merged(plan, document, outcome), beside


async def answered(engine: Engine, graph: Wanted, document: Document, context: Context) -> Json:
    """The answer to a document."""
    done, beside = await sample(engine, graph, document, context)
    return done.answer(echo=context.options.echo, **beside)


def _raise(plan: Plan, outcome: Outcome) -> None:
    """Raises the first failure that is not of optional services alone."""
    for name, failure in outcome.failures.items():
        origin = failure.waited_for or name
        if not (plan.steps[name].optional and plan.steps[origin].optional):
            raise failure.error


def _error(name: str, failure: Failure) -> Json:
    found: Json = {"node": name, "detail": problem(failure.error).detail}
    return found | ({"waited_for": failure.waited_for} if failure.waited_for else {})


def _merged(plan: Plan, document: Document, outcome: Outcome) -> Document:
    detected = {step.subject for step in plan.steps.values() if step.detects}
    for subject, objects in outcome.objects.items():
        if subject in detected:
            document = document.detected(subject, objects)
        elif objects:
            document = document.enriched(dict(zip(document.indices(subject), objects, strict=True)))
    if "objects" not in document.payload:
        document = replace(document, payload={**document.payload, "objects": []})
    return document


async def batch(engine: Engine, graph: Wanted, dialect: Dialect, payload: Json, context: Context) -> Json:
    """The answers to the ``samples`` of a body, each its own document or its own error."""
    samples = payload["samples"]
    if not isinstance(samples, list):
        raise BadDocument("Input should be a list", ("samples",), "list_type")
    if len(samples) > engine.settings.max_samples:
        raise TooLarge(f"The batch has {len(samples)} samples, {engine.settings.max_samples} are allowed")
    if graph.compares:
        return {**payload, **await _pair(engine, graph, dialect, samples, context)}

    async def one(raw: Any) -> Json:
        try:
            document = Document.of(raw, dialect, engine.settings.max_objects)
            return await answered(engine, graph, document, context)
        except Exception as error:  # noqa: BLE001 - the failure of a sample is its answer
            return _sample_error(problem(error))

    return {**payload, "samples": await _few_at_once(one, samples)}


def _sample_error(found: Problem) -> Json:
    ERRORS.add(1, "graph", found.kind)
    return {"status": int(found.status), "detail": found.detail}


async def _few_at_once(work: Callable[[Any], Awaitable[Json]], samples: list[Any], most: int = 4) -> list[Json]:
    """The results of all, of which no more than ``most`` run at a time, so that a batch holds few images in memory."""
    gate = asyncio.Semaphore(most)

    async def gated(each: Any) -> Json:
        async with gate:
            return await work(each)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(gated(each)) for each in samples]
    return [task.result() for task in tasks]


async def _pair(engine: Engine, graph: Wanted, dialect: Dialect, samples: list[Any], context: Context) -> Json:
    """Both samples with their templates, and the verification of the pair of faces that are most alike."""
    if len(samples) != 2:
        raise BadDocument("Input should be a list of exactly 2 samples", ("samples",), "list_length")
    # Without its templates there is nothing to compare: a part of the answer will not do.
    context = replace(context, options=context.options._replace(partial=False))
    documents, answers = [], []
    for index, raw in enumerate(samples):
        try:
            document = Document.of(raw, dialect, engine.settings.max_objects)
            done, beside = await sample(engine, graph, document, context)
        except BadDocument as fault:
            raise fault.under("samples", index) from None
        documents.append(done)
        answers.append(done.answer(echo=context.options.echo, **beside))
    first, second = (_templates(document, index) for index, document in enumerate(documents))
    with context.timings.measure("verify-matcher"):
        one, other, found = await engine.best(list(first.values()), list(second.values()), context)
    pair = [list(first)[one], list(second)[other]]
    return {"samples": answers, "verification": dialect.verification(found), "pair": pair}


def _templates(document: Document, index: int) -> Mapping[int, Attributes]:
    """The templates of a sample's faces, by the place of the face among its objects."""
    carried = document.dialect.carried
    faces = {
        place: document.read(place, {TEMPLATE})
        for place in document.indices("face")
        if TEMPLATE in carried(document.objects[place])
    }
    if not faces:
        raise BadDocument("No faces found", ("samples", index), "no_face")
    return faces


def offered(engine: Engine) -> list[Json]:
    """The named graphs that the services here can run."""
    listed = []
    for name in engine.settings.graphs:
        graph = Wanted(named(engine, name))
        if graph.compares and "verify-matcher" not in engine.stages:
            continue
        try:
            compiled(engine.plan, graph)
        except PlanError:
            continue
        listed.append({"name": name, "description": graph.spec.description})
    return listed


def description(engine: Engine, name: str) -> Json:
    """What ``GET /graph/{name}`` tells of a graph."""
    graph = Wanted(named(engine, name))
    plan = compiled(engine.plan, graph)
    nodes = [
        {
            "service": step.name,
            "after": sorted(step.after),
            "when": {
                "class": step.subject,
                "min_confidence": step.when.min_confidence,
                "min_size": step.when.min_size,
            },
            "optional": step.optional,
        }
        for step in plan.steps.values()
    ]
    stages = [list(stage) for stage in plan.stages()]
    mermaid = plan.mermaid()
    if graph.compares:
        last = stages[-1]
        stages.append(["verify-matcher"])
        mermaid += '\n    verify-matcher["verify-matcher"]' + "".join(
            f"\n    {each} --> verify-matcher" for each in last
        )
        nodes.append({"service": "verify-matcher", "after": last, "when": {}, "optional": False})
    return {
        "name": name,
        "description": graph.spec.description,
        "stages": stages,
        "nodes": nodes,
        "mermaid": mermaid,
    }
