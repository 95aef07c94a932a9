from collections.abc import AsyncIterator

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from domain.operations.ports import OperationsUnitOfWork
from tests.contract.ingestion.clock import RunningClock
from tests.unit.events.samples import CODEC


@pytest.fixture(params=["memory", "postgres"])
async def uow(request: pytest.FixtureRequest) -> AsyncIterator[OperationsUnitOfWork]:
    if request.param == "memory":
        yield MemoryOperationsUnitOfWork(MemoryDatabase(), CODEC, RunningClock())
        return
    database = Database(request.getfixturevalue("database_url"), CODEC)
    yield TimescaleOperationsUnitOfWork(database, CODEC)
    await database.close()
