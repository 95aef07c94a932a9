"""Transactions of the sensors module in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.memory.database import MemoryDatabase, MemorySession
from adapters.memory.readings import MemoryReadingStore, MemoryRejectionStore
from adapters.memory.sensors import MemoryRoomStore, MemorySensorStore
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.shared.ports import Clock


class MemorySensorsTransaction(SensorsTransaction):
    """The repositories of one transaction."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._session = session
        self._sensors = MemorySensorStore(session)
        self._rooms = MemoryRoomStore(session)
        self._readings = MemoryReadingStore(session, clock)
        self._rejections = MemoryRejectionStore(session)

    @property
    def sensors(self) -> MemorySensorStore:
        return self._sensors

    @property
    def rooms(self) -> MemoryRoomStore:
        return self._rooms

    @property
    def readings(self) -> MemoryReadingStore:
        return self._readings

    @property
    def rejections(self) -> MemoryRejectionStore:
        return self._rejections

    @property
    def events(self) -> MemorySession:
        return self._session

    def roll_back(self) -> None:
        self._session.roll_back()


class MemorySensorsUnitOfWork(SensorsUnitOfWork):
    """Transactions of the sensors module over a `MemoryDatabase`."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SensorsTransaction]:
        async with self._database.transaction() as session:
            yield MemorySensorsTransaction(session, self._clock)
