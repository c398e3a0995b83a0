"""A service wherever it runs: in this process, or behind a Ray Serve handle. Callers do not know which."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

from ray.exceptions import RayActorError
from ray.serve.handle import DeploymentHandle

from estimators import CATALOGUE, Detector, Estimator, Image, Matcher, Node
from models import MissingModel, Model, ModelError, ModelSpec, provider_names
from schemas import Attributes
from schemas.attributes import Verification
from serving.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
Pair = tuple[Attributes, Attributes]
Objects = Sequence[Attributes]


class Status(NamedTuple):
    """Whether a service can answer, and with which models."""

    models: tuple[str, ...]
    missing: str | None


class Stage(Protocol):
    """A service that can be awaited."""

    async def detect(self, image: Image, threshold: float | None) -> list[Attributes]: ...
    async def estimate(self, views: Sequence[Any]) -> list[Attributes]: ...
    async def match(self, pairs: Sequence[Pair]) -> list[Verification]: ...
    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]: ...
    async def status(self) -> Status: ...


def node(name: str, settings: Settings, *, loaded: bool) -> Node:
    """The service ``name`` with its models, or with models that cannot run where only its ``view`` is wanted.

    Raises ``MissingModel`` where a model that it cannot do without is not on this machine.
    """
    kind, store = CATALOGUE[name], settings.store()
    providers = provider_names(settings.providers.get(name, ("cpu",))) if loaded else ()

    def model(spec: ModelSpec) -> Model:
        if loaded:
            return store.load(spec, providers, settings.threads)
        return Model(spec.name, spec.architecture, _never)

    return kind({task: tuple(map(model, specs)) for task, specs in chosen(name, settings).items()})


def chosen(name: str, settings: Settings) -> Mapping[str, tuple[ModelSpec, ...]]:
    """The models of a service by task; those of optional tasks only where they are on this machine."""
    kind, store = CATALOGUE[name], settings.store()
    found = {task: store.resolve(task, settings.models.get(task)) for task in kind.tasks}
    for task in kind.optional:
        with suppress(MissingModel):
            found[task] = store.resolve(task, settings.models.get(task))
    return found


def _never(*_: Any) -> Any:
    raise RuntimeError("this model is only described here; it runs in its own deployment")


class Local:
    """Hosts one service in this process; also what a deployment's replica consists of."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._turn = asyncio.Lock()  # one run of a model at a time; questions of state need not wait for it
        self._node: Node | None = None
        self._missing: str | None = None
        try:
            self._node = node(name, settings, loaded=True)
            self._models = tuple(spec.name for specs in chosen(name, settings).values() for spec in specs)
        except ModelError as error:  # missing or damaged: this service cannot answer, the others can
            self._missing, self._models = str(error), ()

    async def detect(self, image: Image, threshold: float | None) -> list[Attributes]:
        match self._loaded():
            case Detector() as detector:
                [found] = await self._in_turn(detector.detect, [image], threshold)
                return found
            case other:
                raise TypeError(f"{other.name} is no detector")

    async def estimate(self, views: Sequence[Any]) -> list[Attributes]:
        match self._loaded():
            case Estimator() as estimator:
                return await self._in_turn(estimator.estimate, views)
            case other:
                raise TypeError(f"{other.name} is no estimator")

    async def match(self, pairs: Sequence[Pair]) -> list[Verification]:
        return await self._in_turn(self._matcher().match, pairs)

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        return await self._in_turn(self._matcher().best, first, second)

    async def status(self) -> Status:
        return Status(self._models, self._missing)

    async def _in_turn(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What a method of the service returns, run in a thread once no other runs."""
        async with self._turn:
            return await asyncio.to_thread(function, *arguments, **named)

    def _matcher(self) -> Matcher:
        match self._loaded():
            case Matcher() as matcher:
                return matcher
            case other:
                raise TypeError(f"{other.name} is no matcher")

    def _loaded(self) -> Node:
        if self._node is None:
            raise MissingModel(f"{self.name} cannot answer: {self._missing}")
        return self._node


class Remote:
    """A service in a deployment of its own."""

    def __init__(self, handle: "DeploymentHandle[Any]") -> None:
        self._handle = handle

    async def detect(self, image: Image, threshold: float | None) -> list[Attributes]:
        found: list[Attributes] = await self._call("detect", image, threshold)
        return found

    async def estimate(self, views: Sequence[Any]) -> list[Attributes]:
        found: list[Attributes] = await self._call("estimate", views)
        return found

    async def match(self, pairs: Sequence[Pair]) -> list[Verification]:
        found: list[Verification] = await self._call("match", pairs)
        return found

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        found: tuple[int, int, Verification] = await self._call("best", first, second)
        return found

    async def status(self) -> Status:
        found: Status = await self._call("status")
        return found

    async def _call(self, method: str, *arguments: Any) -> Any:
        """The answer of a replica; of a second one where the first died, which is safe as services are pure."""
        remote = getattr(self._handle, method).remote
        try:
            return await remote(*arguments)
        except RayActorError:
            return await remote(*arguments)
