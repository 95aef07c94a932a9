"""What is answered once readings are gone, and what becomes of readings that come too late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from adapters.units.pint_catalog import PintUnitCatalog
from domain.sensors.model import Receipt, SensorId, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.receipt_ports import ChunkName
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Submission
from domain.sensors.services.filling import Fill
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.upkeep import Upkeep
from domain.shared.periods import parse_period
from domain.shared.quantities import Quality
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import add_sensor

UNITS = PintUnitCatalog()
START = datetime(2026, 1, 12, tzinfo=UTC)
DAYS = 10
NOW = START + timedelta(days=97)
"""Ninety days before it the week from Monday has ended, or the one from Thursday: as the engine has them."""
MINUTE = timedelta(minutes=1)
SENSOR = SensorId("s1")


class World:
    def __init__(self, uow: SensorsUnitOfWork) -> None:
        self.uow, self.clock, ids = uow, MemoryClock(NOW), MemoryIdFactory()
        self.rollups = Rollups(uow, self.clock, ids)
        self.upkeep = Upkeep(uow, self.clock)
        catalog = SensorCatalog(uow)
        self.write = WriteReadings(uow, catalog, UNITS, GroupCommit(uow, self.clock, ids), self.clock, ids)
        self.read = BucketReadings(uow, UNITS, self.clock, ZoneInfo("UTC"))

    async def send(self, start: datetime, values: list[float]) -> tuple[int, list[str]]:
        receipt = await self.send_at([start + row * 10 * MINUTE for row in range(len(values))], values)
        return receipt.created, [one.code for one in receipt.errors]

    async def send_at(
        self,
        times: list[datetime],
        values: list[float],
        chunk: ChunkName | None = None,
        *,
        dry_run: bool = False,
    ) -> Receipt:
        submission = Submission(
            sensor_ids=[SENSOR] * len(values), times_us=list(map(to_microseconds, times)), values=values
        )
        return await self.write.write(submission, Source("test"), chunk=chunk, dry_run=dry_run)

    async def buckets(self, resolution: str) -> list[Bucket]:
        end = START + timedelta(days=DAYS)
        series = await self.read.of(SENSOR, START, end, parse_period(resolution), fill=Fill.NULL)
        return list(series.buckets)


@pytest.fixture
async def world(uow: SensorsUnitOfWork) -> World:
    world = World(uow)
    await add_sensor(uow, SENSOR, resolution=10 * MINUTE)
    await world.send(START, [float(row % 7) for row in range(DAYS * 144)])
    return world


async def test_sums_stay_and_answer_as_before(world: World) -> None:
    before = {resolution: await world.buckets(resolution) for resolution in ("P1D", "PT1H", "PT15M", "P1W")}
    assert await world.upkeep.remove_readings(timedelta(days=90)) == 0, "nothing goes before it is summed up"
    await world.rollups.refresh()
    assert await world.upkeep.remove_readings(timedelta(days=90)) == 1
    for resolution, buckets in before.items():
        after = await world.buckets(resolution)
        assert [one.quality for one in after] == [one.quality for one in buckets]
        for one, other in zip(after, buckets, strict=True):
            assert dict(one.aggregates) == {
                name: value if value is None else pytest.approx(value)
                for name, value in other.aggregates.items()
            }


async def test_what_sums_cannot_tell_is_null_with_its_reason(world: World) -> None:
    before = await world.buckets("PT5M")
    await world.rollups.refresh()
    await world.upkeep.remove_readings(timedelta(days=90))
    after = await world.buckets("PT5M")
    gone = sum(one.reason is not None for one in after)
    assert gone in {3 * 288, 7 * 288}
    assert {(one.reason, one.quality, one.actual) for one in after[:gone]} == {
        ("beyond_retention", Quality.MISSING, 0)
    }
    assert {one.aggregates[Aggregate.ENERGY] for one in after[:gone]} == {None}
    for one, other in zip(after[gone:], before[gone:], strict=True):
        assert (one.reason, one.coverage, one.actual) == (None, other.coverage, other.actual)
        assert one.aggregates[Aggregate.ENERGY] == pytest.approx(other.aggregates[Aggregate.ENERGY])


async def test_readings_for_a_sealed_quarter_hour_are_refused_and_others_taken(world: World) -> None:
    await world.rollups.refresh()
    await world.upkeep.remove_readings(timedelta(days=90))
    assert await world.send(START + timedelta(hours=1, minutes=1), [5.0]) == (0, ["beyond_retention"])
    # A history of before is sealed nowhere: it is taken, summed up, and goes at the next run.
    assert await world.send(START - timedelta(days=7), [5.0, 5.0]) == (2, [])
    await world.rollups.refresh()
    # PostgreSQL had made the partition of the refused one again, to find that it comes too late.
    assert await world.upkeep.remove_readings(timedelta(days=90)) in {1, 2}
    assert await world.send(START - timedelta(days=7), [5.0]) == (0, ["beyond_retention"])


async def test_a_chunk_is_refused_only_where_quarter_hours_are_sealed(world: World) -> None:
    await world.rollups.refresh()
    await world.upkeep.remove_readings(timedelta(days=90))
    week, quarter = timedelta(days=7), timedelta(minutes=15)
    times = [START - week, START - week + quarter, START + quarter, START + 2 * quarter + MINUTE, NOW]
    chunk = ChunkName("1")
    foretold = await world.send_at(times, [1.0, 2.0, 3.0, 4.0, 5.0], dry_run=True)
    receipt = await world.send_at(times, [1.0, 2.0, 3.0, 4.0, 5.0], chunk)
    assert replace(foretold, receipt_id=receipt.receipt_id) == receipt
    assert (receipt.created, receipt.rejected) == (3, 2)
    assert [(one.index, one.code) for one in receipt.errors] == [
        (2, "beyond_retention"),
        (3, "beyond_retention"),
    ]
    assert await world.send_at(times, [1.0, 2.0, 3.0, 4.0, 5.0], chunk) == receipt


async def test_sealed_quarter_hours_between_those_of_a_chunk_are_no_obstacle(world: World) -> None:
    await world.rollups.refresh()
    await world.upkeep.remove_readings(timedelta(days=90))
    around = [START - timedelta(days=7), NOW - timedelta(days=3), NOW]
    assert (await world.send_at(around, [1.0, 2.0, 3.0], ChunkName("1"))).created == 3
