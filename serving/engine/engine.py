"""What the system can do with images and objects, whatever the wire format: one service, a graph, a comparison."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from estimators import CATALOGUE, Estimator, FaceDetectorWith, Image, Matcher, Node
from estimators.geometry import Photo
from graph import GraphSpec, Objects, ObjectsByClass, Outcome, Plan, Planner, Step, run_plan
from models import MissingModel
from schemas import Attributes, Document, Frame, Picture
from schemas.attributes import BOX, CONFIDENCE, Verification
from schemas.image import ImageLimits, decode, pixel_count
from serving.cluster.stages import Local, Stage, Status
from serving.engine.budget import Budget
from serving.engine.context import Context
from serving.engine.loading import described
from serving.http.admission import Admission, Arrivals
from serving.http.errors import UnknownService
from serving.settings import Settings
from serving.telemetry.metrics import PIXELS, PLACEMENT

_PLANS = 256  # that are remembered
_SMALL = 2_000_000  # pixels; larger images are decoded in a thread, as that takes longer than a model's run
_CONDITIONAL = frozenset[Any]({BOX, CONFIDENCE})  # what a graph's conditions ask about


def planner(names: Iterable[str]) -> Planner:
    """The planner over some services; those that do the work of several in one stand for what they provide."""
    kinds = [CATALOGUE[name] for name in names]
    plannable = [kind for kind in kinds if not issubclass(kind, FaceDetectorWith | Matcher)]
    return Planner.over(plannable, [kind for kind in kinds if issubclass(kind, FaceDetectorWith)])


class Said(NamedTuple):
    """What a service said of itself, and when, by the monotonic clock."""

    at: float
    status: Status


class Engine:
    """The services by name; built once in every process that takes requests."""

    def __init__(self, settings: Settings, stages: Mapping[str, Stage]) -> None:
        self.settings = settings
        self.stages = stages
        self.said: dict[str, Said] = {}  # what each service said of itself last
        self.admission = Admission(settings.max_requests)
        self.arrivals = Arrivals(settings.max_bytes_in_flight)
        self._described: dict[str, Node] = {}
        self._pixels = Budget(settings.max_pixels_in_flight)
        # A pool of its own: a request that decodes for long must not keep others from being encoded.
        self._decoding = ThreadPoolExecutor(2, "decode")
        self.planner = planner(stages)
        self.plan = lru_cache(_PLANS)(self.planner.plan)  # most requests ask for one of a few graphs
        self.specs: dict[str, GraphSpec] = {}  # of the named graphs that were asked for
        for name, stage in stages.items():
            PLACEMENT.set(1, name, "local" if isinstance(stage, Local) else "remote")

    def kind(self, name: str) -> type[Node]:
        """The class of a service that runs here."""
        if name not in self.stages:
            raise UnknownService(f"There is no service {name!r:.80}")
        return CATALOGUE[name]

    @asynccontextmanager
    async def photo(
        self, picture: Picture, context: Context, limits: ImageLimits | None = None
    ) -> AsyncIterator[Photo]:
        """The upright pixels of an image on the wire; waits while the images of other requests fill the memory."""
        limits = limits or self.settings.image_limits
        pixels = pixel_count(picture, limits)
        async with self._pixels.held(pixels):
            with context.timings.measure("decode"):
                if pixels <= _SMALL:
                    image = decode(picture, limits)
                else:
                    loop = asyncio.get_running_loop()
                    image = await loop.run_in_executor(self._decoding, decode, picture, limits)
            PIXELS.observe(pixels)
            yield Photo(image)

    async def detect(self, name: str, image: Image, threshold: float | None, context: Context) -> list[Attributes]:
        """The objects that the detector ``name`` finds, those below ``threshold`` left out."""
        if threshold is None:
            threshold = self.settings.thresholds.get(name)
        with context.timings.measure(name):
            found = await self.stages[name].detect(image, threshold, context.call())
        context.timings.found(name, len(found))
        return found

    async def estimate(
        self, name: str, photo: Photo, objects: Sequence[Attributes], context: Context
    ) -> list[Attributes]:
        """What the estimator ``name`` says of each of the objects."""
        found: list[Attributes] = []
        most = self.settings.max_batch  # also bounds the memory that a crowded photo takes
        estimator, stage = self._viewer(name), self.stages[name]
        with context.timings.measure(name):
            for start in range(0, len(objects), most):
                views = [view_of(estimator, photo, each) for each in objects[start : start + most]]
                known = estimator.settled(views)  # no need to call anybody
                found += estimator.estimate(views) if known else await stage.estimate(views, context.call())
        return found

    async def match(self, pairs: Sequence[tuple[Attributes, Attributes]], context: Context) -> list[Verification]:
        """How alike the templates of each pair are."""
        return await self.stages["verify-matcher"].match(pairs, context.call())

    async def best(self, first: Objects, second: Objects, context: Context) -> tuple[int, int, Verification]:
        """Which of the first and which of the second objects are most alike, and how much."""
        if "verify-matcher" not in self.stages:
            raise UnknownService("There is no verify-matcher here")
        return await self.stages["verify-matcher"].best(first, second, context.call())

    def _viewer(self, name: str) -> Estimator[Any]:
        """The estimator whose ``view`` cuts what its models look at, wherever these run."""
        stage = self.stages[name]
        viewer = stage.node if isinstance(stage, Local) else self._describe(name)
        if not isinstance(viewer, Estimator):
            raise TypeError(f"{name} is no estimator")
        return viewer

    def _describe(self, name: str) -> Node:
        if name not in self._described:
            try:
                self._described[name] = described(name, self.settings)
            except MissingModel as error:
                raise MissingModel(f"{name} cannot answer: {error}") from None
        return self._described[name]

    async def execute(self, plan: Plan, scene: ObjectsByClass, photo: Photo, context: Context) -> Outcome:
        """Runs a plan on known objects, or where there are none on what its detectors find."""

        async def call(step: Step, objects: Objects) -> Objects:
            if step.detects:
                return await self.detect(step.name, photo.image, _lowest(step, context.options.threshold), context)
            return await self.estimate(step.name, photo, objects, context)

        frame = Frame(photo.image.shape[1], photo.image.shape[0])
        return await run_plan(plan, call, scene, frame)

    def scene(self, plan: Plan, document: Document) -> ObjectsByClass:
        """The objects that the client sent, with what the services of the plan need of each."""
        scene: dict[str, Objects] = {}
        for subject in {step.subject for step in plan.steps.values()}:
            needed = frozenset[Any]().union(
                *(CATALOGUE[name].requires for name, step in plan.steps.items() if step.subject == subject)
            )
            given = needed & document.given(subject)
            scene[subject] = [
                document.read(index, given | (_CONDITIONAL & document.dialect.carried(document.objects[index])))
                for index in document.indices(subject)
            ]
        return scene


def view_of(estimator: Estimator[Any], photo: Photo, attributes: Attributes) -> Any:
    """What an estimator looks at of an object; estimators that inherit the same ``view`` see the same."""
    # What nobody else looks at is not kept: the crops of all objects of a crowd would fill the memory.
    if "view" in vars(type(estimator)) or estimator.uses & attributes.keys():
        return estimator.view(photo.image, attributes)
    key: Hashable = (type(estimator).view, *(attributes[each] for each in sorted(estimator.requires, key=str)))
    return photo.once(key, lambda image: estimator.view(image, attributes))


def _lowest(step: Step, threshold: float | None) -> float | None:
    """The threshold of a graph's detector: the higher of the request's and its node's; none where neither says one."""
    asked = step.when.min_confidence
    return max(asked, threshold or 0.0) if asked or threshold is not None else None
