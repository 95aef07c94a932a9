"""Whole polling processes: real HTTP, real loops; storage as the test wants it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import (
    MemoryIngestionUnitOfWork,
    MemoryIotConfigurationSource,
    MemoryReadingSink,
)
from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from adapters.pollers.http_device import HttpDeviceReader
from adapters.pollers.jitter import RandomJitter
from adapters.pollers.schedule import Poller
from app.clock import RandomIds, SystemClock
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.model import DeviceId, DeviceState, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.reading_buffer import ReadingBuffer
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.saving import SavePolls


def entry(name: str, uri: str, period: float = 0.2, **fields: object) -> dict[str, object]:
    value = {"type": "power", "tag": "power"}
    return {"name": name, "uri": uri, "period": period, "timeout": 1, "values": [value], **fields}


class Process:
    """``stop`` is what SIGTERM does, ``kill`` what kill -9 does."""

    def __init__(self, *devices: object, uow: IngestionUnitOfWork | None = None) -> None:
        self.clock = SystemClock()
        self.configuration = MemoryIotConfigurationSource()
        self.configure(*devices)
        self.sink = MemoryReadingSink()
        self.uow = uow or MemoryIngestionUnitOfWork(MemoryDatabase(), self.clock)
        self.client = GuardedHttpClient(HostGuard(), {})
        self.buffer = ReadingBuffer()
        self.fleet = Fleet(WorkerId(uuid4().hex), self.configuration, self.uow)
        reader = HttpDeviceReader(self.client)
        poll = PollDevice(reader, self.buffer, self.clock, RandomJitter())
        save = SavePolls(self.fleet, self.buffer, self.sink, self.uow, self.clock, RandomIds())
        self.poller = Poller(self.fleet, poll, save, self.clock, RandomJitter(), save_every=0.1)
        self._task: asyncio.Task[None] | None = None

    def configure(self, *devices: object) -> None:
        document = {"resources": {"monitoring_period": 1, "iots": list(devices)}}
        self.configuration.configuration = parse_iot_configuration(document)

    def start(self) -> None:
        self._task = asyncio.create_task(self.poller.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.client.close()

    def values(self, device: str) -> list[float]:
        return [one.value for one in self.sink.readings if one.sensor_id == f"{device}.power"]

    def times(self, device: str) -> list[float]:
        return [one.time_us / 1e6 for one in self.sink.readings if one.sensor_id == f"{device}.power"]

    async def state(self, device: str) -> DeviceState:
        async with self.uow.begin() as tx:
            states = await tx.device_statuses.get([DeviceId(device)])
        return states.get(DeviceId(device)) or DeviceState(device_id=DeviceId(device))


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[Process]:
    process.start()
    try:
        yield process
    finally:
        await process.stop()


async def until(met: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - what is waited for knows nothing of the test
            await asyncio.sleep(0.02)
