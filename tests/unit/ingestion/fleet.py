"""A process that polls, all in memory."""

from datetime import timedelta

from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import (
    FixedJitter,
    MemoryDeviceReader,
    MemoryIngestionUnitOfWork,
    MemoryIotConfigurationSource,
    MemoryReadingSink,
)
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.ingestion.held_device import HeldDevice, PollOutcome
from domain.ingestion.model import DeviceId, WorkerId
from domain.ingestion.reading_buffer import ReadingBuffer
from domain.ingestion.services.devices import ReportDevices
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.poll_now import PollNow
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.saving import SavePolls, SaveReport
from tests.unit.ingestion.documents import parsed


class Process:
    def __init__(self, *devices: object, database: MemoryDatabase | None = None, name: str = "one") -> None:
        self.clock = MemoryClock()
        self.database = database or MemoryDatabase()
        self.configuration = MemoryIotConfigurationSource(parsed(*devices))
        self.reader = MemoryDeviceReader()
        self.sink = MemoryReadingSink()
        self.uow = MemoryIngestionUnitOfWork(self.database, self.clock)
        self.buffer = ReadingBuffer(most=100)
        self.fleet = Fleet(WorkerId(name), self.configuration, self.uow)
        self.poll_device = PollDevice(self.reader, self.buffer, self.clock, FixedJitter())
        self.save_polls = SavePolls(
            self.fleet, self.buffer, self.sink, self.uow, self.clock, MemoryIdFactory()
        )
        self.poll_now = PollNow(self.configuration, self.fleet, self.poll_device, self.save_polls, self.sink)
        self.devices = ReportDevices(self.configuration, self.uow)

    def held(self, device_id: str = "AC1") -> HeldDevice:
        held = self.fleet.get(DeviceId(device_id))
        assert held is not None
        return held

    async def poll(self, device_id: str = "AC1") -> PollOutcome:
        outcome = await self.poll_device(self.held(device_id))
        self.clock.advance(timedelta(seconds=1))
        return outcome

    async def save(self) -> SaveReport:
        return await self.save_polls()
