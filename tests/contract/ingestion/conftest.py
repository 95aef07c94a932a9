from collections.abc import AsyncIterator

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import MemoryIngestionUnitOfWork
from adapters.timescale.database import Database
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from app.clock import SystemClock
from domain.ingestion.events import DeviceStatusChanged
from domain.ingestion.ports import IngestionUnitOfWork
from domain.operations.model import Topic


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    return JsonEventCodec([DeviceStatusChanged], {DeviceStatusChanged: Topic.SYSTEM_EVENTS})


@pytest.fixture
def uow(stored_in: MemoryDatabase | Database) -> IngestionUnitOfWork:
    if isinstance(stored_in, MemoryDatabase):
        return MemoryIngestionUnitOfWork(stored_in, SystemClock())
    return TimescaleIngestionUnitOfWork(stored_in)


@pytest.fixture
async def other_uow(
    stored_in: MemoryDatabase | Database, codec: JsonEventCodec
) -> AsyncIterator[IngestionUnitOfWork]:
    """Over the same, as another process has it: with connections of its own."""
    if isinstance(stored_in, MemoryDatabase):
        yield MemoryIngestionUnitOfWork(stored_in, SystemClock())
        return
    database = Database(stored_in.url.render_as_string(hide_password=False), codec)
    yield TimescaleIngestionUnitOfWork(database)
    await database.close()
