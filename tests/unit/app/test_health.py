import logging
from datetime import timedelta

import pytest
from dishka import AsyncContainer

from adapters.memory.job_runs import JobsState
from app.background import storage
from app.container import make_container
from app.health import DatabaseCheck, JobsCheck
from app.jobs import JobPlans
from app.settings import read_settings
from domain.operations.services.jobs import JobSlots
from domain.operations.storage_engine import StorageEngine
from domain.shared.health import HealthStatus
from tests.memory_provider import MemoryProvider


@pytest.fixture
def provider() -> MemoryProvider:
    return MemoryProvider()


@pytest.fixture
def container(provider: MemoryProvider) -> AsyncContainer:
    return make_container(read_settings({}, None), provider)


async def age(provider: MemoryProvider) -> None:
    async with provider.database.transaction() as session:
        session.state(JobsState).engine = StorageEngine("timescaledb", "2.26.2")


async def test_the_database_says_what_it_is(container: AsyncContainer, provider: MemoryProvider) -> None:
    check = await container.get(DatabaseCheck)
    health = await check.check()
    assert health.status is HealthStatus.OK
    assert (health.figures["engine"], health.figures["version"]) == ("memory", "1")
    assert "warning" not in health.figures
    await age(provider)
    health = await check.check()
    assert health.status is HealthStatus.DEGRADED
    assert (health.figures["engine"], health.figures["version"]) == ("timescaledb", "2.26.2")
    assert "too old" in str(health.figures["warning"])


async def test_an_old_timescaledb_is_warned_of_at_the_start(
    container: AsyncContainer, provider: MemoryProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with storage(container):
        assert not caplog.records
    await age(provider)
    async with storage(container):
        (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "TimescaleDB 2.26.2 is too old" in record.getMessage()


async def test_jobs_of_all_processes_are_looked_at(
    container: AsyncContainer, provider: MemoryProvider
) -> None:
    check = await container.get(JobsCheck)
    slots = await container.get(JobSlots)
    plans = await container.get(JobPlans)
    assert (await check.check()).status is HealthStatus.OK
    for number, plan in enumerate(plans):
        claim = await slots.claim(plan)
        assert not isinstance(claim, timedelta)
        if number == 0:
            await slots.fail(claim, "no reason")
        else:
            await slots.succeed(claim)
    health = await check.check()
    assert health.status is HealthStatus.DEGRADED
    assert health.figures == {"run": len(plans), "failed": plans[0].name, "overdue": None}
    provider.clock.advance(timedelta(seconds=31))
    claim = await slots.claim(plans[0])
    assert not isinstance(claim, timedelta)
    await slots.succeed(claim)
    assert (await check.check()).status is HealthStatus.OK
    provider.clock.advance(timedelta(days=3))
    health = await check.check()
    assert health.status is HealthStatus.DEGRADED
    assert plans[0].name in str(health.figures["overdue"])
