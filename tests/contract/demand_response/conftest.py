from collections.abc import AsyncIterator

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from adapters.timescale.database import Database
from adapters.timescale.demand_response import TimescaleDemandResponseUnitOfWork
from app.clock import SystemClock
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.operations.model import Topic
from domain.shared.events import DomainEvent
from tests.unit.architecture.sources import classes


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    told = [one for one in classes("domain/demand_response") if issubclass(one, DomainEvent)]
    return JsonEventCodec(told, dict.fromkeys(told, Topic.DR_EVENTS))


@pytest.fixture
def uow(stored_in: MemoryDatabase | Database) -> DemandResponseUnitOfWork:
    if isinstance(stored_in, MemoryDatabase):
        return MemoryDemandResponseUnitOfWork(stored_in, SystemClock())
    return TimescaleDemandResponseUnitOfWork(stored_in)


@pytest.fixture
async def other_uow(
    stored_in: MemoryDatabase | Database, codec: JsonEventCodec
) -> AsyncIterator[DemandResponseUnitOfWork]:
    """Over the same, as another process has it: with connections of its own."""
    if isinstance(stored_in, MemoryDatabase):
        yield MemoryDemandResponseUnitOfWork(stored_in, SystemClock())
        return
    database = Database(stored_in.url.render_as_string(hide_password=False), codec)
    yield TimescaleDemandResponseUnitOfWork(database)
    await database.close()
