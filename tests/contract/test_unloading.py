"""Services that nobody asks give the memory of their models back."""

import asyncio
import weakref

import numpy as np

from serving.cluster.stages import Local
from serving.engine.loading import Loader
from serving.settings import Settings


async def test_an_idle_service_forgets_its_models_and_loads_them_again(settings: Settings) -> None:
    hasty = settings.model_copy(update={"idle_unload": 0.2})
    mask = Local("mask-estimator", hasty, Loader(hasty))  # whose model comes with Facet
    crop = np.zeros((64, 64, 3), np.uint8)
    first = await mask.estimate([crop])
    node = weakref.ref(mask.node)
    assert mask.loaded
    await asyncio.sleep(0.4)
    assert not mask.loaded
    assert node() is None
    assert await mask.estimate([crop]) == first
    assert mask.loaded
