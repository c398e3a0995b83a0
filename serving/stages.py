"""A service wherever it runs: in this process, or behind a Ray Serve handle. Callers do not know which."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from ray.exceptions import RayActorError
from ray.serve.handle import DeploymentHandle

from estimators import CATALOGUE, Detector, Estimator, Image, Matcher, Node
from models import MissingModel, Model, ModelError, ModelStore, provider_names
from schemas import Attributes
from schemas.attributes import Verification
from serving.settings import Settings

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
    tasks = [*kind.tasks, *(task for task in kind.optional if store.available(task))]
    if not loaded:
        return kind({task: _unloaded(store, task, settings.models.get(task)) for task in tasks})
    providers = provider_names(settings.providers.get(name, ("cpu",)))
    return kind({task: store.open(task, providers, settings.threads, settings.models.get(task)) for task in tasks})


def _unloaded(store: ModelStore, task: str, preferred: str | None) -> tuple[Model, ...]:
    return tuple(Model(spec.name, spec.architecture, _never) for spec in store.resolve(task, preferred))


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
            self._models = _model_names(name, settings)
        except ModelError as error:  # missing or damaged: this service cannot answer, the others can
            self._missing, self._models = str(error), ()

    async def detect(self, image: Image, threshold: float | None) -> list[Attributes]:
        match self._loaded():
            case Detector() as detector:
                async with self._turn:
                    [found] = await asyncio.to_thread(detector.detect, [image], threshold)
                return found
            case other:
                raise TypeError(f"{other.name} is no detector")

    async def estimate(self, views: Sequence[Any]) -> list[Attributes]:
        match self._loaded():
            case Estimator() as estimator:
                async with self._turn:
                    return await asyncio.to_thread(estimator.estimate, views)
            case other:
                raise TypeError(f"{other.name} is no estimator")

    async def match(self, pairs: Sequence[Pair]) -> list[Verification]:
        match self._loaded():
            case Matcher() as matcher:
                async with self._turn:
                    return await asyncio.to_thread(matcher.match, pairs)
            case other:
                raise TypeError(f"{other.name} is no matcher")

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        match self._loaded():
            case Matcher() as matcher:
                async with self._turn:
                    return await asyncio.to_thread(matcher.best, first, second)
            case other:
                raise TypeError(f"{other.name} is no matcher")

    async def status(self) -> Status:
        return Status(self._models, self._missing)

    def _loaded(self) -> Node:
        if self._node is None:
            raise MissingModel(f"{self.name} cannot answer: {self._missing}")
        return self._node


def _model_names(name: str, settings: Settings) -> tuple[str, ...]:
    kind, store = CATALOGUE[name], settings.store()
    tasks = [*kind.tasks, *(task for task in kind.optional if store.available(task))]
    return tuple(spec.name for task in tasks for spec in store.resolve(task, settings.models.get(task)))


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
