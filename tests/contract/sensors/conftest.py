import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from domain.sensors.ports import SensorsUnitOfWork


@pytest.fixture(params=["memory", "postgres", pytest.param("timescale", marks=pytest.mark.timescale)])
def uow(request: pytest.FixtureRequest, clock: MemoryClock) -> SensorsUnitOfWork:
    if request.param == "memory":
        return MemorySensorsUnitOfWork(MemoryDatabase(), clock)
    name = "database" if request.param == "postgres" else "timescale_database"
    return TimescaleSensorsUnitOfWork(request.getfixturevalue(name))
