from collections.abc import AsyncIterator

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from app.clock import SystemClock
from domain.operations.ports import OperationsUnitOfWork
from tests.unit.events.samples import CODEC


@pytest.fixture(params=["memory", "postgres"])
async def uow(request: pytest.FixtureRequest) -> AsyncIterator[OperationsUnitOfWork]:
    if request.param == "memory":
        yield MemoryOperationsUnitOfWork(MemoryDatabase(), CODEC, SystemClock())
        return
    database = Database(request.getfixturevalue("database_url"), CODEC)
    yield TimescaleOperationsUnitOfWork(database, CODEC)
    await database.close()
