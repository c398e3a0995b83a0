"""A service wherever it runs: in this process, or behind a Ray Serve handle. Callers do not know which."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

import cv2
from ray.exceptions import ActorUnavailableError, RayActorError
from ray.serve.handle import DeploymentHandle

from estimators import Detector, Estimator, Image, Matcher, Node
from models import MissingModel, ModelError
from schemas import Attributes
from schemas.attributes import Verification
from serving import telemetry
from serving.batching import Batcher, Batching
from serving.loading import Loader, chosen
from serving.settings import Settings
from serving.telemetry.meter import Meter

P = ParamSpec("P")
T = TypeVar("T")
Pair = tuple[Attributes, Attributes]
Objects = Sequence[Attributes]

_WAIT_OF_GPU = 0.005  # seconds; a run on a GPU costs about as much for one object as for many


class Status(NamedTuple):
    """Whether a service can answer, and with which models."""

    models: tuple[str, ...]
    missing: str | None


class Call(NamedTuple):
    """What belongs to a call besides its arguments."""

    seconds: float | None = None  # until nobody waits for the answer any more; None where that is not known
    traceparent: str | None = None  # the caller's span, where there is one

    def after(self, seconds: float) -> "Call":
        """The same call, so many seconds later."""
        return self if self.seconds is None else self._replace(seconds=self.seconds - seconds)


ANYTIME = Call()


class Stage(Protocol):
    """A service that can be awaited."""

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]: ...
    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]: ...
    async def match(self, pairs: Sequence[Pair]) -> list[Verification]: ...
    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]: ...
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

    async def match(self, pairs: Sequence[Pair]) -> list[Verification]:
        return await self._run(ANYTIME, len(pairs), _matcher(self.node).match, pairs)

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        return await self._run(ANYTIME, len(first) * len(second), _matcher(self.node).best, first, second)

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
        telemetry.start(settings.traces)
        self._local = Local(name, settings)
        wait = settings.batch_wait
        if wait is None:
            wait = _WAIT_OF_GPU if settings.accelerated(name) else 0.0
        batching = Batching(settings.max_batch, wait)
        self._detecting = Batcher[Image, list[Attributes]](self._detect, batching, meter=Meter(name))
        self._estimating = Batcher[Any, Attributes](self._estimate, batching, meter=Meter(name))

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        [found] = await self._detecting.ask([image], threshold, call.seconds, call.traceparent)
        return found

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        return await self._estimating.ask(views, None, call.seconds, call.traceparent)

    async def match(self, pairs: Sequence[Pair]) -> list[Verification]:
        return await self._local.match(pairs)

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        return await self._local.best(first, second)

    async def status(self) -> Status:
        return await self._local.status()

    def _detect(self, images: Sequence[Image], threshold: Any) -> Awaitable[list[list[Attributes]]]:
        return asyncio.to_thread(_detector(self._local.node).detect, images, threshold)

    def _estimate(self, views: Sequence[Any], _: Any) -> Awaitable[list[Attributes]]:
        return asyncio.to_thread(_estimator(self._local.node).estimate, views)


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

    def __init__(self, handle: "DeploymentHandle[Any]") -> None:
        self._handle = handle

    async def detect(self, image: Image, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        found: list[Attributes] = await self._call("detect", image, threshold, call=call)
        return found

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        found: list[Attributes] = await self._call("estimate", views, call=call)
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

    async def _call(self, method: str, *arguments: Any, call: Call | None = None) -> Any:
        """The answer of a replica; of a second one where the first died, which is safe as services are pure."""
        remote = getattr(self._handle, method).remote
        start = time.monotonic()
        try:
            return await _sound(remote(*arguments, *([call] if call else [])))
        except RayActorError:
            return await _sound(remote(*arguments, *([call.after(time.monotonic() - start)] if call else [])))


async def _sound(answer: Awaitable[T]) -> T:
    """The answer of a replica, where its work was not cancelled over there, as at its end.

    Such a cancellation comes back as ours, and would end a graph's node without a word.
    """
    try:
        return await answer
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise  # nobody waits for the answer any more
        raise ActorUnavailableError("The replica gave the work up", None) from None
