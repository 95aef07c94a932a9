"""How many polls may run at once, so that slow and dead devices take no place from the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from domain.ingestion.held_device import HeldDevice
from domain.ingestion.iot_configuration import HttpRequest
from domain.ingestion.model import DeviceStatus

HEALTHY_AT_ONCE: Final = 192
DOUBTFUL_AT_ONCE: Final = 64
PER_HOST: Final = 32
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin(request: HttpRequest) -> str:
    """Return host and port that a request goes to."""
    parts = urlsplit(request.url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


class _Hall:
    def __init__(self, at_once: int, per_host: int) -> None:
        self._at_once = asyncio.Semaphore(at_once)
        self._per_host = per_host
        self._hosts: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}

    @asynccontextmanager
    async def place(self, host: str) -> AsyncIterator[None]:
        semaphore, users = self._hosts.setdefault(host, (asyncio.Semaphore(self._per_host), []))
        users.append(None)
        try:
            # The host comes first: who waits for a busy host takes no place from those who do not.
            async with semaphore, self._at_once:
                yield
        finally:
            users.pop()
            if not users:
                self._hosts.pop(host, None)


class Places:
    """Two halls: devices that answered last time, and all others, which may keep a place for a time-out."""

    def __init__(
        self, healthy: int = HEALTHY_AT_ONCE, doubtful: int = DOUBTFUL_AT_ONCE, per_host: int = PER_HOST
    ) -> None:
        self._healthy = _Hall(healthy, per_host)
        self._doubtful = _Hall(doubtful, per_host)

    @asynccontextmanager
    async def place(self, held: HeldDevice) -> AsyncIterator[None]:
        """Wait for a place in the device's hall."""
        answers = held.state.status is not DeviceStatus.UNKNOWN and held.state.consecutive_failures == 0
        hall = self._healthy if answers else self._doubtful
        async with hall.place(origin(held.device.request)):
            yield
