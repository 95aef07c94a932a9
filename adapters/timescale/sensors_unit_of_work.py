"""Transactions of the sensors module in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.timescale.alarms import TimescaleAlarmStore
from adapters.timescale.database import Database
from adapters.timescale.inventory import TimescaleInventoryStore
from adapters.timescale.partitions import Partitions
from adapters.timescale.readings import TimescaleReadingStore
from adapters.timescale.rejections import TimescaleRejectionStore
from adapters.timescale.rollups import TimescaleRollupStore
from adapters.timescale.room_metrics import TimescaleRoomMetricsStore
from adapters.timescale.rooms import TimescaleRoomStore
from adapters.timescale.sensors import TimescaleSensorStore
from adapters.timescale.session import Session
from adapters.timescale.sources import Sources
from adapters.timescale.tariffs import TimescaleTariffStore
from adapters.timescale.write_receipts import TimescaleWriteReceiptStore
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork


class TimescaleSensorsTransaction(SensorsTransaction):
    """The repositories of one transaction."""

    def __init__(self, session: Session, partitions: Partitions, sources: Sources) -> None:
        self._session = session
        self._sensors = TimescaleSensorStore(session)
        self._rooms = TimescaleRoomStore(session)
        self._tariffs = TimescaleTariffStore(session)
        self._readings = TimescaleReadingStore(session, partitions, sources)
        self._rollups = TimescaleRollupStore(session, partitions)
        self._rejections = TimescaleRejectionStore(session)
        self._write_receipts = TimescaleWriteReceiptStore(session)
        self._inventory = TimescaleInventoryStore(session)
        self._room_metrics = TimescaleRoomMetricsStore(session)
        self._alarms = TimescaleAlarmStore(session)

    @property
    def sensors(self) -> TimescaleSensorStore:
        return self._sensors

    @property
    def rooms(self) -> TimescaleRoomStore:
        return self._rooms

    @property
    def tariffs(self) -> TimescaleTariffStore:
        return self._tariffs

    @property
    def readings(self) -> TimescaleReadingStore:
        return self._readings

    @property
    def rollups(self) -> TimescaleRollupStore:
        return self._rollups

    @property
    def rejections(self) -> TimescaleRejectionStore:
        return self._rejections

    @property
    def write_receipts(self) -> TimescaleWriteReceiptStore:
        return self._write_receipts

    @property
    def inventory(self) -> TimescaleInventoryStore:
        return self._inventory

    @property
    def room_metrics(self) -> TimescaleRoomMetricsStore:
        return self._room_metrics

    @property
    def alarms(self) -> TimescaleAlarmStore:
        return self._alarms

    @property
    def events(self) -> Session:
        return self._session

    def roll_back(self) -> None:
        self._session.roll_back()


class TimescaleSensorsUnitOfWork(SensorsUnitOfWork):
    """Transactions in the role of the sensors module."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._partitions = Partitions(database)
        self._sources = Sources(database)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SensorsTransaction]:
        async with self._database.transaction("sensors") as session:
            yield TimescaleSensorsTransaction(session, self._partitions, self._sources)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[SensorsTransaction]:
        async with self._database.transaction("sensors", snapshot=True) as session:
            yield TimescaleSensorsTransaction(session, self._partitions, self._sources)
