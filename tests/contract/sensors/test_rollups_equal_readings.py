"""Whatever was written in whatever order: answers from sums equal those from all readings."""

import asyncio
import os
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.events.codec import JsonEventCodec
from adapters.memory.database import MemoryDatabase
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.memory.surroundings import MemoryClock
from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from tests.contract.sensors.scenarios import Scenario, check, scenarios
from tests.databases import MigratedDatabase

_IN_MEMORY: Final = int(os.environ.get("ROLLUP_SCENARIOS", "100"))
_IN_A_DATABASE: Final = max(1, _IN_MEMORY // 5)
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


@settings(max_examples=_IN_MEMORY, deadline=None, suppress_health_check=_SLOW)
@given(scenarios())
def test_in_memory(scenario: Scenario) -> None:
    asyncio.run(check(scenario, MemorySensorsUnitOfWork(MemoryDatabase(), MemoryClock())))


async def _on(url: str, codec: JsonEventCodec, scenario: Scenario) -> None:
    database = Database(url, codec, pool_size=2)
    try:
        await check(scenario, TimescaleSensorsUnitOfWork(database))
    finally:
        await database.close()


@settings(max_examples=_IN_A_DATABASE, deadline=None, suppress_health_check=_SLOW)
@given(scenarios())
def test_in_postgres(database_url: str, codec: JsonEventCodec, scenario: Scenario) -> None:
    asyncio.run(_on(database_url, codec, scenario))


@pytest.mark.timescale
@settings(max_examples=_IN_A_DATABASE, deadline=None, suppress_health_check=_SLOW)
@given(scenarios())
def test_in_timescale(
    migrated_timescale: MigratedDatabase, codec: JsonEventCodec, scenario: Scenario
) -> None:
    asyncio.run(_on(migrated_timescale.service_url, codec, scenario))
