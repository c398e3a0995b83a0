"""Services that answer what a test tells them to, behind the real HTTP interface."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from PIL import Image

from estimators import Image as Pixels
from schemas import Attributes
from schemas.attributes import BOX, CONFIDENCE, KIND, Box, Gender, Verification
from schemas.attributes import GENDER as GENDER_ATTRIBUTE
from serving.cluster.coalescing import ANYTIME, Call
from serving.cluster.stages import Stage, Status
from serving.engine.engine import Engine
from serving.http.application import application
from serving.settings import Settings
from tests.pictures import encoded

FACE = {"id": 5, "class": "face", "bbox": [0.1, 0.1, 0.9, 0.9], "mine": [1]}
GRAPHS = {"all": {"services": ["gender-estimator"], "description": "x"}}


class Scripted:
    """A service that answers what it was told to, or fails as it was told to."""

    def __init__(self, error: Exception | None = None, seconds: float = 0) -> None:
        self.error, self.seconds = error, seconds
        self.thresholds: list[float | None] = []
        self.calls: list[Call] = []
        self.at_once = self.most_at_once = 0

    async def detect(self, _: Pixels, threshold: float | None, call: Call = ANYTIME) -> list[Attributes]:
        self.thresholds.append(threshold)
        self.calls.append(call)
        await self._act()
        return [Attributes({KIND: "face", BOX: Box(0.25, 0.25, 0.75, 0.75), CONFIDENCE: 0.5})]

    async def estimate(self, views: Sequence[Any], call: Call = ANYTIME) -> list[Attributes]:
        self.calls.append(call)
        await self._act()
        return [Attributes({GENDER_ATTRIBUTE: Gender.FEMALE})] * len(views)

    async def match(self, pairs: Sequence[Any], call: Call = ANYTIME) -> list[Verification]:
        self.calls.append(call)
        await self._act()
        return [Verification(1, 0.0, 1.0, 0.9)] * len(pairs)

    async def best(
        self, first: Sequence[Any], second: Sequence[Any], call: Call = ANYTIME
    ) -> tuple[int, int, Verification]:
        self.calls.append(call)
        await self._act()
        return len(first) - 1, len(second) - 1, Verification(1, 0.0, 1.0, 0.9)

    async def status(self) -> Status:
        await self._act()
        return Status(("some-model",), None)

    async def _act(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        if self.error is not None:
            raise self.error


def client(settings: Settings, stages: dict[str, Scripted], **chosen: Any) -> httpx.AsyncClient:
    named: dict[str, Stage] = {**stages}
    engine = Engine(settings.model_copy(update={"graphs": GRAPHS, "default_graph": "all", **chosen}), named)
    transport = httpx.ASGITransport(application(engine), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://facet")


def png(width: int = 8, height: int = 8) -> bytes:
    return encoded(Image.fromarray(np.full((height, width, 3), 90, np.uint8)))


def sample(**more: Any) -> dict[str, Any]:
    return {"before": 1, "_image": {"blob": base64.b64encode(png()).decode(), "format": "IMAGE", "own": 2}, **more}
