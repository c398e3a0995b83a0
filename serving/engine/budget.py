"""A bound on what requests hold at the same time, so that many large images cannot fill the memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """So many units in all; who asks for more than are left waits, who asks for more than there are gets them alone."""

    def __init__(self, units: int) -> None:
        self._units = self._left = units
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def held(self, units: int) -> AsyncIterator[None]:
        """Holds ``units`` for the length of the block."""
        units = min(units, self._units)
        async with self._freed:
            await self._freed.wait_for(lambda: self._left >= units)
            self._left -= units
        try:
            yield
        finally:
            self._left += units
            await asyncio.shield(self._tell())

    async def _tell(self) -> None:
        async with self._freed:
            self._freed.notify_all()
