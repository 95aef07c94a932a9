import random
from array import array
from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.sensors.errors import StaleSensorsError
from domain.sensors.model import Outcome, QualityCode, ReadingBatch, Sensor, SensorRun, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import METER, NOON, PERSON, add_sensor, batch, store

CREATED, UPDATED, UNCHANGED = Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED


async def _foretold(uow: SensorsUnitOfWork, rows: ReadingBatch) -> list[Outcome]:
    async with uow.begin() as tx:
        outcomes = await tx.readings.preview(rows)
    return [Outcome(one) for one in outcomes]


def _some(sensors: Sequence[Sensor], chance: random.Random) -> ReadingBatch:
    runs: list[SensorRun] = []
    times: list[int] = []
    source = chance.choice([METER, PERSON, Source("new"), Source("another")])
    for sensor in sensors:
        minutes = sorted(chance.sample(range(60), chance.randrange(1, 40)))
        runs.append(SensorRun(sensor.key, sensor.version, source, len(times), len(times) + len(minutes)))
        times += [to_microseconds(NOON + timedelta(minutes=minute)) for minute in minutes]
    return ReadingBatch(
        runs=runs,
        times_us=array("q", times),
        values=array("d", [float(chance.randrange(2)) for _ in times]),
        qualities=array("b", [chance.choice([QualityCode.OK, QualityCode.BAD]) for _ in times]),
    )


async def test_it_is_what_the_write_then_does(uow: SensorsUnitOfWork) -> None:
    sensors = [await add_sensor(uow, f"s{number}") for number in range(3)]
    for seed in range(25):
        rows = _some(sensors, random.Random(seed))  # noqa: S311 - a test that repeats
        foretold = await _foretold(uow, rows)
        assert foretold == await store(uow, rows)
        assert await _foretold(uow, rows) == [UNCHANGED] * len(rows)


async def test_it_leaves_nothing_behind(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1.0, 2.0]))
    rows = batch(sensor, [1.0, 3.0, 4.0], source=PERSON)
    assert await _foretold(uow, rows) == [UNCHANGED, UPDATED, CREATED]
    assert await _foretold(uow, rows) == [UNCHANGED, UPDATED, CREATED]
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 10)
        latest = await tx.readings.latest([sensor.key])
        _, revisions = await tx.readings.revisions(sensor.key, 10, 0)
    assert [one.value for one in page] == [1.0, 2.0]
    assert latest[sensor.key].value == 2.0
    assert revisions == 0
    assert await store(uow, batch(sensor, [9.0], source=PERSON)) == [UPDATED]


async def test_a_time_of_which_nothing_is_stored_is_no_trouble(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    assert await _foretold(uow, batch(sensor, [1.0], start=NOON - timedelta(days=9_000))) == [CREATED]


async def test_a_sensor_that_was_changed_is_noticed(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    rows = batch(sensor, [1.0])
    async with uow.begin() as tx:
        await tx.sensors.delete(sensor.key)
    with pytest.raises(StaleSensorsError):
        await _foretold(uow, rows)
