"""What the system can do with images and objects, whatever the wire format: one service, a graph, a comparison."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from estimators import CATALOGUE, Estimator, FaceDetectorWith, Image, Matcher, Node
from graph import Objects, Outcome, Plan, Planner, Scene, Step, run
from models import MissingModel
from schemas import Attributes, Document, Frame, Picture
from schemas.attributes import BOX, CONFIDENCE, Verification
from schemas.image import decode, pixel_count
from serving.budget import Budget
from serving.context import Timings
from serving.errors import UnknownService
from serving.settings import Settings
from serving.stages import Stage, Status, node

_BATCH = 32  # objects in one run of a model, which bounds the memory that a crowded photo takes
_CONDITIONAL = frozenset[Any]({BOX, CONFIDENCE})  # what a graph's conditions ask about


def planner(names: Iterable[str]) -> Planner:
    """The planner over some services; those that do the work of several in one stand for what they provide."""
    kinds = [CATALOGUE[name] for name in names]
    plannable = [kind for kind in kinds if not issubclass(kind, FaceDetectorWith | Matcher)]
    return Planner.of(plannable, [kind for kind in kinds if issubclass(kind, FaceDetectorWith)])


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
        self._nodes: dict[str, Node] = {}
        self._pixels = Budget(settings.max_pixels_in_flight)
        # Pools of their own: a request that decodes for long must not keep others from being encoded.
        self._decoding = ThreadPoolExecutor(2, "decode")
        self._cutting = ThreadPoolExecutor(2, "cut")
        self.planner = planner(stages)

    def kind(self, name: str) -> type[Node]:
        """The class of a service that runs here."""
        if name not in self.stages:
            raise UnknownService(f"There is no service {name!r:.80}")
        return CATALOGUE[name]

    @asynccontextmanager
    async def pixels(self, picture: Picture, timings: Timings) -> AsyncIterator[Image]:
        """The upright pixels of an image on the wire; waits while the images of other requests fill the memory."""
        limits = self.settings.image_limits
        async with self._pixels.held(pixel_count(picture, limits)):
            with timings.measure("decode"):
                loop = asyncio.get_running_loop()
                image = await loop.run_in_executor(self._decoding, decode, picture, limits)
            yield image

    async def detect(self, name: str, image: Image, threshold: float | None) -> list[Attributes]:
        """The objects that the detector ``name`` finds, those below ``threshold`` left out."""
        if threshold is None:
            threshold = self.settings.thresholds.get(name)
        return await self.stages[name].detect(image, threshold)

    async def estimate(self, name: str, image: Image, objects: Sequence[Attributes]) -> list[Attributes]:
        """What the estimator ``name`` says of each of the objects."""
        found: list[Attributes] = []
        for start in range(0, len(objects), _BATCH):
            part = objects[start : start + _BATCH]
            views = await asyncio.get_running_loop().run_in_executor(self._cutting, self._views, name, image, part)
            found += await self.stages[name].estimate(views)
        return found

    def _views(self, name: str, image: Image, objects: Sequence[Attributes]) -> list[Any]:
        estimator = self._viewer(name)
        return [estimator.view(image, each) for each in objects]

    async def match(self, pairs: Sequence[tuple[Attributes, Attributes]]) -> list[Verification]:
        """How alike the templates of each pair are."""
        return await self.stages["verify-matcher"].match(pairs)

    async def best(self, first: Objects, second: Objects) -> tuple[int, int, Verification]:
        """Which of the first and which of the second objects are most alike, and how much."""
        if "verify-matcher" not in self.stages:
            raise UnknownService("There is no verify-matcher here")
        return await self.stages["verify-matcher"].best(first, second)

    def _viewer(self, name: str) -> Estimator[Any]:
        """The estimator whose ``view`` cuts what its deployment wants to see."""
        if name not in self._nodes:
            try:
                self._nodes[name] = node(name, self.settings, loaded=False)
            except MissingModel as error:
                raise MissingModel(f"{name} cannot answer: {error}") from None
        viewer = self._nodes[name]
        if not isinstance(viewer, Estimator):
            raise TypeError(f"{name} is no estimator")
        return viewer

    async def execute(
        self, plan: Plan, document: Document, image: Image, threshold: float | None, timings: Timings
    ) -> Outcome:
        """Runs a plan on the objects of a document, those without objects on what its detectors find."""

        async def call(step: Step, objects: Objects) -> Objects:
            with timings.measure(step.name):
                if step.detects:
                    return await self.detect(step.name, image, _lowest(step, threshold))
                return await self.estimate(step.name, image, objects)

        frame = Frame(image.shape[1], image.shape[0])
        return await run(plan, call, self.scene(plan, document), frame)

    def scene(self, plan: Plan, document: Document) -> Scene:
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


def _lowest(step: Step, threshold: float | None) -> float | None:
    """The threshold of a graph's detector: the higher of the request's and its node's; none where neither says one."""
    asked = step.when.min_confidence
    return max(asked, threshold or 0.0) if asked or threshold is not None else None
