"""Every port bound to memory, for tests of the application without a database."""

from dishka import Provider, Scope, provide

from adapters.memory.database import MemoryDatabase
from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from adapters.memory.dr_surroundings import MemoryDeviceControl
from adapters.memory.ingestion import (
    MemoryDeviceReader,
    MemoryIngestionUnitOfWork,
    MemoryIotConfigurationSource,
)
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.outbox import MemoryLeadership, MemorySignals
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from domain.demand_response.ports import DemandResponseUnitOfWork, DeviceControl
from domain.ingestion.ports import DeviceReader, IngestionUnitOfWork, IotConfigurationSource
from domain.operations.ports import Leadership, OperationsUnitOfWork, Signals
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.ports import Clock, IdFactory


class MemoryProvider(Provider):
    """Overrides what reaches outside; what a test may look at or lay out are attributes."""

    scope = Scope.APP

    def __init__(self) -> None:
        super().__init__()
        self.database = MemoryDatabase()
        self.clock = MemoryClock()
        self.ids = MemoryIdFactory()
        self.devices = MemoryDeviceReader()
        self.control = MemoryDeviceControl()
        self.configuration = MemoryIotConfigurationSource()

    operations = provide(MemoryOperationsUnitOfWork, provides=OperationsUnitOfWork, override=True)
    sensors = provide(MemorySensorsUnitOfWork, provides=SensorsUnitOfWork, override=True)
    ingestion = provide(MemoryIngestionUnitOfWork, provides=IngestionUnitOfWork, override=True)
    demand_response = provide(
        MemoryDemandResponseUnitOfWork, provides=DemandResponseUnitOfWork, override=True
    )
    leadership = provide(MemoryLeadership, provides=Leadership, override=True)
    signals = provide(MemorySignals, provides=Signals, override=True)

    @provide
    def memory_database(self) -> MemoryDatabase:
        return self.database

    @provide(override=True)
    def test_clock(self) -> Clock:
        return self.clock

    @provide(override=True)
    def test_ids(self) -> IdFactory:
        return self.ids

    @provide(override=True)
    def test_devices(self) -> DeviceReader:
        return self.devices

    @provide(override=True)
    def test_control(self) -> DeviceControl:
        return self.control

    @provide(override=True)
    def test_configuration(self) -> IotConfigurationSource:
        return self.configuration
