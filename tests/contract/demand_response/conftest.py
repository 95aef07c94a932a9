from datetime import UTC, datetime

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.memory.demand_response import MemoryDemandResponseUnitOfWork
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.shared.ports import Clock


class RunningClock(Clock):
    """Leases go by the database's own clock, which runs: so does this one."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture(params=["memory"])
def stored_in(request: pytest.FixtureRequest) -> MemoryDatabase:
    """Where everything of a test is."""
    assert request.param == "memory"
    return MemoryDatabase()


@pytest.fixture
def uow(stored_in: MemoryDatabase) -> DemandResponseUnitOfWork:
    return MemoryDemandResponseUnitOfWork(stored_in, RunningClock())


@pytest.fixture
def other_uow(stored_in: MemoryDatabase) -> DemandResponseUnitOfWork:
    """Over the same, as another process has it: with connections of its own."""
    return MemoryDemandResponseUnitOfWork(stored_in, RunningClock())
