"""Waking the scheduler of this process before its time."""

import asyncio
from contextlib import suppress


class Waking:
    """A bell: whoever has given the scheduler something to do rings it.

    It only saves time. Where it rings in another process, the scheduler finds the work by itself within the
    second.
    """

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def wake(self) -> None:
        """Ring."""
        self._bell.set()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until it rings."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._bell.wait()
        self._bell.clear()
