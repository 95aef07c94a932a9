"""Readings that TimescaleDB has compressed are late for nothing: written, corrected, summed up, dropped."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from domain.sensors.covering import Level, Span
from domain.sensors.model import Outcome, QualityCode
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.summaries import single
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import NOON, PERSON, add_sensor, batch, store
from tests.contract.sensors.summing import answer, sum_up
from tests.databases import MigratedDatabase

pytestmark = pytest.mark.timescale
NOON_US = to_microseconds(NOON)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def uow(timescale_database: Database) -> SensorsUnitOfWork:
    return TimescaleSensorsUnitOfWork(timescale_database)


def compress(migrated: MigratedDatabase) -> None:
    with psycopg.connect(migrated.owner_url, autocommit=True) as owner:
        for (chunk,) in owner.execute("SELECT show_chunks('sensors.readings')").fetchall():
            owner.execute("CALL convert_to_columnstore(%s::text::regclass, recompress => true)", [chunk])


def chunks(migrated: MigratedDatabase) -> list[tuple[object, ...]]:
    """Return whether each chunk is compressed, and how many tables TimescaleDB keeps for chunks in all."""
    with psycopg.connect(migrated.owner_url) as owner:
        return owner.execute(
            "SELECT is_compressed,"
            " (SELECT count(*) FROM pg_class WHERE relname ~ '_hyper_' AND relkind = 'r')"
            " FROM timescaledb_information.chunks ORDER BY range_start"
        ).fetchall()


def test_segments_are_sensors_in_descending_order_of_time(migrated_timescale: MigratedDatabase) -> None:
    with psycopg.connect(migrated_timescale.owner_url) as owner:
        assert owner.execute(
            "SELECT segmentby, orderby FROM timescaledb_information.hypertable_columnstore_settings"
            " WHERE hypertable = 'sensors.readings'::regclass"
        ).fetchall() == [("sensor_key", '"time" DESC')]
        assert not owner.execute(
            "SELECT FROM timescaledb_information.jobs WHERE hypertable_name = 'readings'"
        ).fetchall()


async def test_the_job_compresses_what_is_old_and_late_rows_again(
    uow: SensorsUnitOfWork, migrated_timescale: MigratedDatabase
) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1.0] * 10))
    for late in (0, 5):
        await store(uow, batch(sensor, [2.0], start=NOON - timedelta(minutes=1 + late)))
        async with uow.begin() as tx:
            assert await tx.rollups.compress_readings(NOON + timedelta(days=60)) == 1
            assert await tx.rollups.compress_readings(NOON - timedelta(days=60)) == 0
        assert [one for one, _ in chunks(migrated_timescale)] == [True]
        with psycopg.connect(migrated_timescale.owner_url) as owner:
            statuses = owner.execute(
                "SELECT _timescaledb_functions.chunk_status(chunk)"
                " FROM show_chunks('sensors.readings') AS chunk"
            ).fetchall()
        assert statuses == [(1,)], "compressed, and nothing of it only in part"


@pytest.mark.parametrize("again", [False, True])
async def test_late_and_corrected_readings_count(
    uow: SensorsUnitOfWork, migrated_timescale: MigratedDatabase, again: bool
) -> None:
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    await store(uow, batch(sensor, [1.0] * 600))
    await store(uow, batch(other, [2.0] * 600))
    await sum_up(uow, sensor, other)
    compress(migrated_timescale)
    assert chunks(migrated_timescale) == [(True, 2)]
    late = batch(sensor, [3] * 10, start=NOON + timedelta(seconds=30))
    assert await store(uow, late, overlapping=False) == [Outcome.CREATED] * 10
    assert await store(uow, late) == [Outcome.UNCHANGED] * 10
    mixed = batch(sensor, [5] * 4, start=NOON + 598 * MINUTE, source=PERSON)
    assert await store(uow, mixed) == [Outcome.UPDATED] * 2 + [Outcome.CREATED] * 2
    await store(uow, batch(sensor, [9], start=NOON + 2 * MINUTE, source=PERSON, quality=QualityCode.BAD))
    if again:
        compress(migrated_timescale)
    edges = [NOON_US, NOON_US + Level.DAY.length_us]
    for _ in range(2):
        [total] = await answer(uow, sensor, edges)
        assert (total.count, total.total) == (611, 597 + 30 + 20)
        await sum_up(uow, sensor, other)
    async with uow.snapshot() as tx:
        assert (await tx.readings.revisions(sensor.key, 10, 0))[1] == 3
        parts = await tx.rollups.summaries(
            {sensor.key: [Span(Level.READINGS, NOON_US + 60_000_000, NOON_US + 150_000_001)]}
        )
    assert parts[sensor.key] == [
        single(NOON_US + offset * 1_000_000, value, 0) for offset, value in ((60, 1.0), (90, 3.0), (150, 3.0))
    ]


async def test_a_purge_takes_the_compressed_readings_of_one_sensor(
    uow: SensorsUnitOfWork, migrated_timescale: MigratedDatabase
) -> None:
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    for one in (sensor, other):
        await store(uow, batch(one, range(100)))
    compress(migrated_timescale)
    async with uow.begin() as tx:
        await tx.readings.delete(sensor.key)
    async with uow.begin() as tx:
        assert not await tx.readings.page(sensor.key, None, None, None, 10)
        assert len(await tx.readings.page(other.key, None, None, None, 1000)) == 100


async def test_compressed_chunks_go_with_all_that_belongs_to_them(
    uow: SensorsUnitOfWork, migrated_timescale: MigratedDatabase
) -> None:
    sensor = await add_sensor(uow)
    for weeks in range(3):
        await store(uow, batch(sensor, [1.0] * 50, start=NOON + timedelta(weeks=weeks)))
    compress(migrated_timescale)
    await store(uow, batch(sensor, [3], start=NOON + timedelta(seconds=30)))
    await sum_up(uow, sensor)
    edges = [NOON_US, NOON_US + Level.DAY.length_us, NOON_US + 30 * Level.DAY.length_us]
    before = await answer(uow, sensor, edges)
    assert len(chunks(migrated_timescale)) == 3
    for left in (2, 1, 0):
        async with uow.begin() as tx:
            assert await tx.rollups.drop_readings(datetime(2026, 6, 1, tzinfo=UTC), 1) == 1
        assert chunks(migrated_timescale) == [(True, 2 * left)] * left
        assert await answer(uow, sensor, edges) == before
    with psycopg.connect(migrated_timescale.owner_url) as owner:
        assert owner.execute(
            "SELECT count(*) FROM pg_class WHERE relname ~ '_hyper_' AND relkind = 'r'"
        ).fetchone() == (0,)
