"""Transactions of the sensors module in memory."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from adapters.memory.alarms import MemoryAlarmStore
from adapters.memory.database import MemoryDatabase, MemorySession
from adapters.memory.inventory import MemoryInventoryStore
from adapters.memory.readings import MemoryReadingStore, MemoryRejectionStore
from adapters.memory.rollups import MemoryRollupStore
from adapters.memory.room_metrics import MemoryRoomMetricsStore
from adapters.memory.sensors import MemoryRoomStore, MemorySensorStore
from adapters.memory.tariffs import MemoryTariffStore
from adapters.memory.write_receipts import MemoryWriteReceiptStore
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.shared.ports import Clock


class MemorySensorsTransaction(SensorsTransaction):
    """The repositories of one transaction."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._session = session
        self._sensors = MemorySensorStore(session)
        self._rooms = MemoryRoomStore(session)
        self._tariffs = MemoryTariffStore(session)
        self._readings = MemoryReadingStore(session, clock)
        self._rollups = MemoryRollupStore(session)
        self._rejections = MemoryRejectionStore(session)
        self._write_receipts = MemoryWriteReceiptStore(session)
        self._inventory = MemoryInventoryStore(session)
        self._room_metrics = MemoryRoomMetricsStore(session)
        self._alarms = MemoryAlarmStore(session)

    @property
    def sensors(self) -> MemorySensorStore:
        return self._sensors

    @property
    def rooms(self) -> MemoryRoomStore:
        return self._rooms

    @property
    def tariffs(self) -> MemoryTariffStore:
        return self._tariffs

    @property
    def readings(self) -> MemoryReadingStore:
        return self._readings

    @property
    def rollups(self) -> MemoryRollupStore:
        return self._rollups

    @property
    def rejections(self) -> MemoryRejectionStore:
        return self._rejections

    @property
    def write_receipts(self) -> MemoryWriteReceiptStore:
        return self._write_receipts

    @property
    def inventory(self) -> MemoryInventoryStore:
        return self._inventory

    @property
    def room_metrics(self) -> MemoryRoomMetricsStore:
        return self._room_metrics

    @property
    def alarms(self) -> MemoryAlarmStore:
        return self._alarms

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

    def snapshot(self) -> AbstractAsyncContextManager[SensorsTransaction]:
        """Open any transaction: they run one after the other."""
        return self.begin()
