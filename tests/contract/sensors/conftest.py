import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from domain.sensors.ports import SensorsUnitOfWork


@pytest.fixture
def uow(stored_in: MemoryDatabase | Database, clock: MemoryClock) -> SensorsUnitOfWork:
    if isinstance(stored_in, MemoryDatabase):
        return MemorySensorsUnitOfWork(stored_in, clock)
    return TimescaleSensorsUnitOfWork(stored_in)
