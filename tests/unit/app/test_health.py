import logging
from datetime import timedelta

import pytest
from dishka import AsyncContainer

from adapters.memory.job_runs import JobsState
from app.background import storage
from app.container import make_container
from app.health import DatabaseCheck, DemandResponseCheck, JobsCheck
from app.jobs import JobPlans
from app.settings import read_settings
from domain.demand_response.devices import DeviceTerms
from domain.demand_response.dr_events import EventTerms, Signal, SignalType
from domain.demand_response.model import DeviceId, SensorId
from domain.demand_response.services.devices import DrDevices
from domain.demand_response.services.dr_events import DrEvents
from domain.operations.services.jobs import JobSlots
from domain.operations.storage_engine import StorageEngine
from domain.sensors.services.sensors import Sensors
from domain.shared.events import SYSTEM
from domain.shared.health import HealthStatus
from tests.memory_provider import MemoryProvider
from tests.unit.sensors.samples import definition


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


async def test_events_that_nobody_moves_on_are_seen(
    container: AsyncContainer, provider: MemoryProvider
) -> None:
    check = await container.get(DemandResponseCheck)
    health = await check.check()
    assert (health.status, health.figures) == (HealthStatus.OK, {"next_step": None, "late_seconds": 0.0})
    sensors: Sensors = await container.get(Sensors)
    devices: DrDevices = await container.get(DrDevices)
    events: DrEvents = await container.get(DrEvents)
    await sensors.create(definition("p"), SYSTEM)
    await devices.put(DeviceTerms(device_id=DeviceId("d"), power_sensor_id=SensorId("p")), SYSTEM)
    terms = EventTerms(
        event_name="e",
        signal=Signal(SignalType.SIMPLE, 1.0),
        start=provider.clock.now() + timedelta(hours=1),
        duration=timedelta(minutes=10),
    )
    await events.create(terms, SYSTEM)
    assert (await check.check()).status is HealthStatus.OK
    provider.clock.advance(timedelta(seconds=31))
    health = await check.check()
    assert health.status is HealthStatus.DEGRADED
    assert health.figures["late_seconds"] == 31.0
