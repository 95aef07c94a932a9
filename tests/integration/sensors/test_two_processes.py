"""Two processes write the same readings of the same sensors at the same time."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest

from adapters.events.codec import JsonEventCodec
from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from adapters.units.pint_catalog import PintUnitCatalog
from app.clock import RandomIds, SystemClock
from domain.sensors.model import Receipt, SensorDefinition, SensorId, Source
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Submission
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.events import SYSTEM
from domain.shared.quantities import Quantity
from domain.shared.time import to_microseconds

SENSORS: Final = 12
SECONDS: Final = 4.0
CLIENTS: Final = 4
MINUTE_US: Final = 60_000_000
UNITS: Final = PintUnitCatalog()


class Process:
    """What one process has of its own: connections, catalog, writers."""

    def __init__(self, database: Database) -> None:
        uow = TimescaleSensorsUnitOfWork(database)
        catalog = SensorCatalog(uow)
        commit = GroupCommit(uow, SystemClock(), RandomIds())
        self.write = WriteReadings(uow, catalog, UNITS, commit, SystemClock(), RandomIds())
        self.sensors = Sensors(uow, catalog, UNITS, SystemClock(), RandomIds())


@pytest.fixture
async def second_database(database_url: str, codec: JsonEventCodec) -> AsyncIterator[Database]:
    database = Database(database_url, codec)
    yield database
    await database.close()


def _submission(chance: random.Random, last_us: int) -> Submission:
    rows = [
        (
            f"s{chance.randrange(SENSORS)}",
            last_us - chance.randrange(40) * 60_000_000,
            float(chance.randrange(3)),
        )
        for _ in range(chance.randrange(1, 60))
    ]
    return Submission(
        sensor_ids=[row[0] for row in rows],
        times_us=[row[1] for row in rows],
        values=[row[2] for row in rows],
    )


async def test_overlapping_writers_neither_deadlock_nor_lose_count(
    database: Database, second_database: Database
) -> None:
    processes = [Process(database), Process(second_database)]
    for number in range(SENSORS):
        await processes[0].sensors.create(
            SensorDefinition(sensor_id=SensorId(f"s{number}"), name="s", quantity=Quantity.POWER, unit="kW"),
            SYSTEM,
        )
    last_us = to_microseconds(SystemClock().now())
    until = time.monotonic() + SECONDS
    receipts: list[Receipt] = []

    async def client(process: Process, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - a test that repeats
        while time.monotonic() < until:
            source = Source(f"source {chance.randrange(3)}")
            receipts.append(await process.write.write(_submission(chance, last_us), source))

    async with asyncio.TaskGroup() as group:
        for number in range(2 * CLIENTS):
            group.create_task(client(processes[number % 2], number))

    async with database.transaction("sensors") as session:
        stored = await session.driver.fetchval("SELECT count(*) FROM sensors.readings")
        replaced = await session.driver.fetchval(
            "SELECT count(*) FROM sensors.revisions WHERE replaced_by IS NOT NULL"
        )
        newest_differ = await session.driver.fetchval(
            "SELECT count(*) FROM sensors.latest JOIN LATERAL ("
            "  SELECT time, value FROM sensors.readings WHERE readings.sensor_key = latest.sensor_key"
            "  ORDER BY time DESC LIMIT 1) AS newest ON true"
            " WHERE (latest.time, latest.value) <> (newest.time, newest.value)"
        )
    assert len(receipts) > CLIENTS
    assert sum(one.created for one in receipts) == stored
    assert sum(one.updated for one in receipts) == replaced
    assert newest_differ == 0
    for one in receipts:
        assert one.received == one.created + one.updated + one.unchanged + one.rejected
