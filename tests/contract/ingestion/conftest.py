from collections.abc import Iterator

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import MemoryIngestionUnitOfWork
from adapters.timescale.database import Database
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from domain.ingestion.events import DeviceStatusChanged
from domain.ingestion.ports import IngestionUnitOfWork
from domain.operations.model import Topic
from tests.contract.ingestion.clock import RunningClock


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    return JsonEventCodec([DeviceStatusChanged], {DeviceStatusChanged: Topic.SYSTEM_EVENTS})


@pytest.fixture(params=["memory", "postgres"])
def uow(request: pytest.FixtureRequest) -> Iterator[IngestionUnitOfWork]:
    if request.param == "memory":
        yield MemoryIngestionUnitOfWork(MemoryDatabase(), RunningClock())
    else:
        database: Database = request.getfixturevalue("database")
        yield TimescaleIngestionUnitOfWork(database)
