"""Writers, those who sum up, and those who drop old readings, all at once: nothing is lost."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import psycopg
import pytest

from adapters.events.codec import JsonEventCodec
from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from domain.sensors.covering import Level, Span
from domain.sensors.errors import OverlapError, StaleSensorsError
from domain.sensors.model import ReadingBatch, Sensor, SensorKey
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.errors import UnavailableError
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import NOON, add_sensor, batch, store
from tests.contract.sensors.summing import QUARTER_US, answer, marks, store_summaries, sum_up
from tests.databases import MigratedDatabase

FAR = datetime(2026, 6, 1, tzinfo=UTC)
NOON_US = to_microseconds(NOON)
ALL = [NOON_US - 900 * QUARTER_US, NOON_US + 900 * QUARTER_US]


@pytest.fixture(params=["migrated", pytest.param("migrated_timescale", marks=pytest.mark.timescale)])
def engine(request: pytest.FixtureRequest) -> MigratedDatabase:
    migrated: MigratedDatabase = request.getfixturevalue(request.param)
    migrated.clear()
    return migrated


@pytest.fixture
async def uows(engine: MigratedDatabase, codec: JsonEventCodec) -> AsyncIterator[Sequence[SensorsUnitOfWork]]:
    """Three processes' worth of access to the same database."""
    databases = [Database(engine.service_url, codec) for _ in range(3)]
    uows = [TimescaleSensorsUnitOfWork(database) for database in databases]
    async with uows[0].begin() as tx:
        await tx.rollups.drop_readings(FAR, 10_000)
    yield uows
    for database in databases:
        await database.close()


async def drop(uow: SensorsUnitOfWork) -> int:
    async with uow.begin() as tx:
        return await tx.rollups.drop_readings(FAR, 100)


async def count(uow: SensorsUnitOfWork, sensor: Sensor) -> int:
    [total] = await answer(uow, sensor, ALL)
    return total.count


async def test_one_sums_up_at_a_time(uows: Sequence[SensorsUnitOfWork]) -> None:
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, range(40)))
    async with one.begin() as tx:
        taken = await tx.rollups.take(1000)
        assert taken is not None
        async with other.begin() as second:
            assert await second.rollups.take(1000) is None
        await store_summaries(tx, sensor, taken.quarters[sensor.key])
        await tx.rollups.finish(taken, {})
    assert await marks(one, sensor) == {}
    assert await count(other, sensor) == 40


async def test_a_write_while_others_sum_up_stays_marked(uows: Sequence[SensorsUnitOfWork]) -> None:
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, [1, 2]))
    async with one.begin() as tx:
        taken = await tx.rollups.take(1000)
        assert taken is not None
        await store_summaries(tx, sensor, taken.quarters[sensor.key])
        await store(other, batch(sensor, [3], start=NOON + timedelta(minutes=5)))
        await tx.rollups.finish(taken, {})
    assert await marks(one, sensor) == {sensor.key: [NOON_US // QUARTER_US]}
    assert await count(one, sensor) == 3


async def test_marks_outlive_whoever_is_killed_over_them(
    uows: Sequence[SensorsUnitOfWork], engine: MigratedDatabase
) -> None:
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, range(40)))

    async def killed() -> None:
        async with one.begin() as tx:
            taken = await tx.rollups.take(1000)
            assert taken is not None
            await store_summaries(tx, sensor, taken.quarters[sensor.key])
            await tx.rollups.finish(taken, {})
            with psycopg.connect(engine.owner_url) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks"
                    " WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )

    with pytest.raises((UnavailableError, asyncpg.PostgresConnectionError)):
        await killed()
    assert len((await marks(other, sensor))[sensor.key]) == 3
    assert await sum_up(other, sensor) == 3
    assert await count(other, sensor) == 40


async def test_a_sensor_that_goes_while_it_is_summed_up(uows: Sequence[SensorsUnitOfWork]) -> None:
    one, other, _ = uows
    gone, sensor = await add_sensor(one, "gone"), await add_sensor(one, "kept")
    for each in (gone, sensor):
        await store(one, batch(each, [1]))
    async with one.begin() as tx:
        taken = await tx.rollups.take(1000)
        assert taken is not None
        async with other.begin() as second:
            await second.sensors.delete(gone.key)
        for each in (gone, sensor):
            await store_summaries(tx, each, taken.quarters[each.key])
        await tx.rollups.finish(taken, {})
    assert await count(one, sensor) == 1
    async with one.snapshot() as tx:
        assert not (await tx.rollups.summaries({gone.key: [Span(Level.DAY, 0, 10**6)]})).get(gone.key)


async def test_nothing_is_dropped_over_a_writer(uows: Sequence[SensorsUnitOfWork]) -> None:
    """Neither while it writes, nor before what it wrote is summed up."""
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, [1]))
    await sum_up(one, sensor)
    async with one.begin() as tx:
        await tx.readings.write(batch(sensor, [2], start=NOON + timedelta(minutes=1)), overlapping=False)
        began = time.monotonic()
        assert await drop(other) == 0
        assert 1 < time.monotonic() - began < 10
        dropping = asyncio.create_task(drop(other))
        await asyncio.sleep(0.5)
    assert await dropping == 0
    assert await count(one, sensor) == 2
    await sum_up(one, sensor)
    assert await drop(other) == 1
    assert await count(one, sensor) == 2


async def test_a_writer_who_waits_for_the_drop_is_refused(uows: Sequence[SensorsUnitOfWork]) -> None:
    one, other, third = uows
    sensor, free = await add_sensor(one, "a"), await add_sensor(one, "b")
    await store(one, batch(sensor, range(600)))
    await store(third, batch(free, [1], start=NOON + timedelta(days=300)))
    await sum_up(one, sensor, free)
    for uow in (one, other, third):
        async with uow.begin() as tx:
            await tx.readings.prepare(NOON, NOON)
    results = await asyncio.gather(
        drop(one),
        store(other, batch(sensor, [1], start=NOON + timedelta(seconds=1)), overlapping=False),
        store(third, batch(sensor, [1], start=NOON + timedelta(seconds=2))),
        return_exceptions=True,
    )
    refused = [isinstance(result, StaleSensorsError) for result in results[1:]]
    if results[0]:
        # They may have found the place gone: then once more, as the program does, and are refused again.
        assert refused == [True, True]
        with pytest.raises(StaleSensorsError):
            await store(other, batch(sensor, [1], start=NOON + timedelta(seconds=1)), overlapping=False)
        assert await count(one, sensor) == 600
    else:
        assert await count(one, sensor) == 600 + refused.count(False)


@pytest.mark.parametrize("overlapping", [False, True])
async def test_a_writer_finds_the_place_gone_that_it_waited_for(
    uows: Sequence[SensorsUnitOfWork], engine: MigratedDatabase, overlapping: bool
) -> None:
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, [1, 2]))
    await sum_up(one, sensor)
    with psycopg.connect(engine.owner_url) as owner:
        part = owner.execute(
            "SELECT starts_at, ends_at FROM sensors.reading_partitions()"
            " WHERE starts_at <= %(noon)s AND ends_at > %(noon)s",
            {"noon": NOON},
        ).fetchone()
        assert part is not None
        assert owner.execute("SELECT sensors.close_readings(%s, %s)", part).fetchone() == (True,)
        late = batch(sensor, [3], start=NOON + timedelta(minutes=5))
        writer = asyncio.create_task(store(other, late, overlapping=overlapping))
        await asyncio.sleep(0.3)
        assert not writer.done()
        owner.execute("UPDATE sensors.rollups SET sealed = true WHERE level = 900")
        await asyncio.to_thread(owner.execute, "SELECT sensors.drop_readings(%s, %s)", part)
    with pytest.raises(StaleSensorsError):
        await writer
    with pytest.raises(StaleSensorsError):
        await store(other, late, overlapping=overlapping)
    assert await count(one, sensor) == 2
    assert await marks(one, sensor) == {}


async def test_a_reader_puts_the_drop_off_but_loses_nothing(uows: Sequence[SensorsUnitOfWork]) -> None:
    one, other, _ = uows
    sensor = await add_sensor(one)
    await store(one, batch(sensor, range(40)))
    await sum_up(one, sensor)
    edges = [NOON_US, NOON_US + QUARTER_US, NOON_US + 4 * QUARTER_US]
    before = await answer(one, sensor, edges)
    async with one.snapshot() as tx:
        assert len(await tx.readings.page(sensor.key, None, None, None, 100)) == 40
        assert await drop(other) == 0
        assert len(await tx.readings.page(sensor.key, None, None, None, 100)) == 40
    assert await answer(one, sensor, edges) == before
    assert await drop(other) == 1
    assert await answer(one, sensor, edges) == before


class Crowd:
    """Some write, some sum up, somebody drops; ``taken`` counts the readings that were not refused."""

    def __init__(self, sensors: Sequence[Sensor]) -> None:
        self._sensors = sensors
        self._chance = random.Random(7)  # noqa: S311 - a scenario, no secret
        self.taken = dict.fromkeys([sensor.key for sensor in sensors], 0)
        self.dropped = 0
        self.writing = True

    async def write(self, uow: SensorsUnitOfWork, number: int) -> None:
        for step in range(40):
            sensor = self._chance.choice(self._sensors)
            start = NOON + timedelta(hours=self._chance.randrange(150), seconds=number * 41 + step)
            rows = batch(sensor, [1.0] * 5, start=start, step=timedelta(minutes=7))
            if await self._stored(uow, rows, sensor):
                self.taken[sensor.key] += 5

    async def _stored(self, uow: SensorsUnitOfWork, rows: ReadingBatch, sensor: Sensor) -> bool:
        """Try again as the program does; return False where it is too late for one of them."""
        for attempt in range(20):
            try:
                await store(uow, rows, overlapping=bool(attempt % 2))
            except (StaleSensorsError, OverlapError):
                async with uow.begin() as tx:
                    quarters = {moment // QUARTER_US for moment in rows.times_us}
                    if await tx.rollups.sealed({sensor.key: quarters}):
                        return False
            else:
                return True
        raise AssertionError("refused for nothing")

    async def keep_summing(self, uow: SensorsUnitOfWork) -> None:
        while self.writing:
            await sum_up(uow, *self._sensors, limit=self._chance.randrange(1, 60))
            await asyncio.sleep(0.01)

    async def keep_dropping(self, uow: SensorsUnitOfWork) -> None:
        while self.writing:
            self.dropped += await drop(uow)
            await asyncio.sleep(0.05)

    async def counted(self, uow: SensorsUnitOfWork) -> dict[SensorKey, int]:
        edges = [NOON_US - 900 * QUARTER_US, NOON_US + 1800 * QUARTER_US]
        return {sensor.key: (await answer(uow, sensor, edges))[0].count for sensor in self._sensors}


async def test_whatever_happens_at_once_every_reading_that_was_taken_is_counted(
    uows: Sequence[SensorsUnitOfWork],
) -> None:
    one, other, third = uows
    sensors = [await add_sensor(one, f"s{n}") for n in range(3)]
    crowd = Crowd(sensors)
    upkeep = [
        asyncio.create_task(work)
        for work in (crowd.keep_summing(one), crowd.keep_summing(other), crowd.keep_dropping(third))
    ]
    try:
        await asyncio.gather(*(crowd.write(uows[number % 3], number) for number in range(4)))
    finally:
        crowd.writing = False
        await asyncio.gather(*upkeep)
    assert await crowd.counted(one) == crowd.taken
    while await sum_up(one, *sensors):
        pass
    assert await crowd.counted(one) == crowd.taken
    assert crowd.dropped + await drop(one)
    assert await crowd.counted(one) == crowd.taken
