"""A service wherever it runs: in this process, or behind a Ray Serve handle. Callers do not know which."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

import cv2
from ray import serve
from ray.exceptions import RayActorError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from estimators import Detector, Estimator, Image, Matcher, Node
from models import MissingModel, ModelError
from schemas import Attributes
from schemas.attributes import Verification
from serving.cluster.coalescing import ANYTIME, Answered, Asked, Call, Calls, sound
from serving.cluster.telemetry import start_telemetry
from serving.engine.batching import Batcher, Batching
from serving.engine.loading import Loader, chosen
from serving.http.errors import foreseen
from serving.settings import Settings
from serving.telemetry.meter import Meter

logger = logging.getLogger("ray.serve")

P = ParamSpec("P")
T = TypeVar("T")
Pair = tuple[Attributes, Attributes]
Objects = Sequence[Attributes]

_BYTES_TOGETHER = 8 * 2**20  # of the images of calls that travel together: eight of a camera of 600 x 600 pixels
_WAIT_OF_GPU = 0.005  # seconds; a run on a GPU costs about as much for one object as for many


class Status(NamedTuple):
    """Whether a service can answer, and with which models."""

    models: tuple[str, ...]
    missing: str | None


class Stage(Protocol):
    """A service that can be awaited."""

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]: ...
    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]: ...
    async def match(self, pairs: Sequence[Pair], call: Call = ANYTIME) -> list[Verification]: ...
    async def best(self, first: Objects, second: Objects, call: Call = ANYTIME) -> tuple[int, int, Verification]: ...
    async def status(self) -> Status: ...


class Local:
    """A service in this process, whose models run in the event loop itself, one after the other.

    Handing each run to a thread would cost more than it is worth: on a core of its own a gateway has nothing else to
    do meanwhile, and between two runs it tends to other requests.
    """

    def __init__(self, name: str, settings: Settings, loader: Loader | None = None) -> None:
        self.name = name
        self._meter = Meter(name)
        self._loader = loader or Loader(settings)
        self._idle = settings.idle_unload
        self._unloading: asyncio.TimerHandle | None = None
        self._node: Node | None = None
        self._missing: str | None = None
        cv2.setNumThreads(settings.threads)
        try:
            self._node = self._loader.node(name)
            self._models = tuple(spec.name for specs in chosen(name, settings).values() for spec in specs)
        except ModelError as error:  # missing or damaged: this service cannot answer, the others can
            self._missing, self._models = str(error), ()

    @property
    def node(self) -> Node:
        """The service itself; raises ``MissingModel`` where it has no models."""
        if self._missing is not None:
            raise MissingModel(f"{self.name} cannot answer: {self._missing}")
        if self._node is None:  # it was idle for so long that it gave its models' memory back
            self._node = self._loader.node(self.name)
        if self._idle is not None:
            self._unload_after(self._idle)
        return self._node

    @property
    def loaded(self) -> bool:
        """Whether the models are in memory."""
        return self._node is not None

    def _unload_after(self, seconds: float) -> None:
        if self._unloading is not None:
            self._unloading.cancel()
        self._unloading = asyncio.get_running_loop().call_later(seconds, self._unload)

    def _unload(self) -> None:
        self._node = None

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        [found] = await self._run(call, 1, _detector(self.node).detect, [image], threshold)
        return found

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        return await self._run(call, len(views), _estimator(self.node).estimate, views)

    async def match(self, pairs: Sequence[Pair], call: Call = ANYTIME) -> list[Verification]:
        return await self._run(call, len(pairs), _matcher(self.node).match, pairs)

    async def best(self, first: Objects, second: Objects, call: Call = ANYTIME) -> tuple[int, int, Verification]:
        return await self._run(call, len(first) * len(second), _matcher(self.node).best, first, second)

    async def status(self) -> Status:
        return Status(self._models, self._missing)

    async def _run(self, call: Call, items: int, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        asked = time.perf_counter()
        await asyncio.sleep(0)  # others first: what came in meanwhile, and who has waited longer
        if call.seconds is not None and call.seconds <= 0:
            raise TimeoutError
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            self._meter.ran(items, time.perf_counter() - start, [start - asked], [call.traceparent])


class Hosted:
    """A service in a deployment of its own, which answers requests that come together in one run of its models.

    Models run in a thread, so that other requests can arrive meanwhile: with every service remote, two cores gave
    nearly twice as many images a second as with models that run in the event loop.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        start_telemetry(settings.traces)
        self._since = time.time()
        self._local = Local(name, settings)
        accelerated = settings.accelerated(name)
        self._calls_a_replica = 2 if accelerated else 1  # a GPU would be idle until the next call arrives
        wait = settings.batch_wait
        if wait is None:
            wait = _WAIT_OF_GPU if accelerated else 0.0
        batching = Batching(settings.max_batch, wait)
        self._detecting = Batcher[Image, list[Attributes]](self._detect, batching, meter=Meter(name))
        self._estimating = Batcher[Any, Attributes](self._estimate, batching, meter=Meter(name))

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        [found] = await self._detecting.ask([image], threshold, call.seconds, call.traceparent)
        return found

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        return await self._estimating.ask(views, None, call.seconds, call.traceparent)

    async def match(self, pairs: Sequence[Pair], call: Call = ANYTIME) -> list[Verification]:
        return await self._local.match(pairs, call)

    async def best(self, first: Objects, second: Objects, call: Call = ANYTIME) -> tuple[int, int, Verification]:
        return await self._local.best(first, second, call)

    async def status(self) -> Status:
        return await self._local.status()

    async def together(self, asked: Sequence[Asked]) -> Answered:
        """Several calls at once, each as if it had come alone."""
        calls = (getattr(self, each.method)(*each.arguments, each.call) for each in asked)
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        if any(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes):
            raise asyncio.CancelledError  # this process ends
        return Answered([self._told(outcome) for outcome in outcomes], self._at_once(), self._since)

    def _at_once(self) -> int | None:
        """How many calls a gateway should have under way; None where replicas come and go with the load."""
        replicas = _fixed_replicas()
        return None if replicas is None else max(replicas, 1) * self._calls_a_replica

    def _told(self, outcome: Any) -> Any:
        """An outcome as it can travel: what nobody foresaw may hold anything, and is logged here."""
        if not isinstance(outcome, Exception) or foreseen(outcome):
            return outcome
        logger.error("unforeseen error in %s", self._local.name, exc_info=outcome)
        return RuntimeError(f"{type(outcome).__name__} in {self._local.name}")

    def _detect(self, images: Sequence[Image], threshold: Any) -> Awaitable[list[list[Attributes]]]:
        return asyncio.to_thread(_detector(self._local.node).detect, images, threshold)

    def _estimate(self, views: Sequence[Any], _: Any) -> Awaitable[list[Attributes]]:
        return asyncio.to_thread(_estimator(self._local.node).estimate, views)


def _fixed_replicas() -> int | None:
    """How many replicas the deployment of this one has; None where that follows the load, or this is none."""
    try:
        deployment = serve.get_replica_context()._deployment_config  # noqa: SLF001 - told nowhere else
    except RayServeException:
        return None
    return deployment.num_replicas if deployment.autoscaling_config is None else None


def _detector(node: Node) -> Detector:
    if not isinstance(node, Detector):
        raise TypeError(f"{node.name} is no detector")
    return node


def _estimator(node: Node) -> Estimator[Any]:
    if not isinstance(node, Estimator):
        raise TypeError(f"{node.name} is no estimator")
    return node


def _matcher(node: Node) -> Matcher:
    if not isinstance(node, Matcher):
        raise TypeError(f"{node.name} is no matcher")
    return node


class Remote:
    """A service in a deployment of its own."""

    def __init__(self, handle: "DeploymentHandle[Any]", settings: Settings) -> None:
        self._handle = handle
        self._calls = Calls(handle.together.remote, settings.max_queued)
        self._share = 1 / settings.max_batch  # of what travels together, of one object

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        weight = min(image.nbytes / _BYTES_TOGETHER, 1.0)
        found: list[Attributes] = await self._calls.ask("detect", image, threshold, call=call, weight=weight)
        return found

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        weight = len(views) * self._share
        found: list[Attributes] = await self._calls.ask("estimate", views, call=call, weight=weight)
        return found

    async def match(self, pairs: Sequence[Pair], call: Call = ANYTIME) -> list[Verification]:
        weight = min(len(pairs) * self._share, 1.0)
        found: list[Verification] = await self._calls.ask("match", pairs, call=call, weight=weight)
        return found

    async def best(self, first: Objects, second: Objects, call: Call = ANYTIME) -> tuple[int, int, Verification]:
        weight = min((len(first) + len(second)) * self._share, 1.0)
        found: tuple[int, int, Verification] = await self._calls.ask("best", first, second, call=call, weight=weight)
        return found

    async def status(self) -> Status:
        try:
            found: Status = await sound(self._handle.status.remote())
        except RayActorError:  # the replica died
            found = await sound(self._handle.status.remote())
        return found
