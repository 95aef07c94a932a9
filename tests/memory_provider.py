"""Every port bound to memory, for tests of the application without a database."""

from dishka import Provider, Scope, provide

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from domain.operations.ports import OperationsUnitOfWork
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.ports import Clock, IdFactory
from tests.surroundings import FakeClock, SequentialIds


class MemoryProvider(Provider):
    """Overrides what reaches outside; ``database``, ``clock`` and ``ids`` are for the test to look at."""

    scope = Scope.APP

    def __init__(self) -> None:
        super().__init__()
        self.database = MemoryDatabase()
        self.clock = FakeClock()
        self.ids = SequentialIds()

    operations = provide(MemoryOperationsUnitOfWork, provides=OperationsUnitOfWork, override=True)

    sensors = provide(MemorySensorsUnitOfWork, provides=SensorsUnitOfWork, override=True)

    @provide
    def memory_database(self) -> MemoryDatabase:
        return self.database

    @provide(override=True)
    def test_clock(self) -> Clock:
        return self.clock

    @provide(override=True)
    def test_ids(self) -> IdFactory:
        return self.ids
