"""Summaries, marks of what is stale, neighbours and sealing."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.sensors.covering import Level, Span
from domain.sensors.errors import StaleSensorsError
from domain.sensors.model import QualityCode, ReadingBatch, Sensor, SensorKey, SensorRun, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.rollup_ports import Neighbours
from domain.sensors.services.merging import merged
from domain.sensors.summaries import Summary, single, totals
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import METER, NOON, PERSON, add_sensor, batch, store
from tests.contract.sensors.summing import QUARTER_US, answer, marks, sum_up

NOON_US = to_microseconds(NOON)
NOON_QUARTER = NOON_US // QUARTER_US
MINUTE_US = 60_000_000
FAR = datetime(2026, 6, 1, tzinfo=UTC)
SOME = Summary(
    NOON_US, 1.5, 0, NOON_US + MINUTE_US, -2.25, 1, 2, -0.75, -2.25, 1.5, 0.125, MINUTE_US, estimated=True
)


async def read(
    uow: SensorsUnitOfWork, sensor: Sensor, *spans: Span | tuple[Level, int, int]
) -> list[Summary]:
    async with uow.snapshot() as tx:
        found = await tx.rollups.summaries({sensor.key: [Span(*span) for span in spans]})
    return list(found.get(sensor.key, ()))


async def put(
    uow: SensorsUnitOfWork, level: Level, cells: Mapping[tuple[SensorKey, int], Summary | None]
) -> None:
    async with uow.begin() as tx:
        await tx.rollups.replace(level, cells)


async def neighbours(uow: SensorsUnitOfWork, sensor: Sensor, start_us: int, end_us: int) -> Neighbours:
    async with uow.snapshot() as tx:
        return (await tx.rollups.neighbours([sensor.key], start_us, end_us))[sensor.key]


async def test_a_write_marks_its_own_quarter_hours(uow: SensorsUnitOfWork) -> None:
    one, other, third = [await add_sensor(uow, name) for name in ("a", "b", "c")]
    await store(uow, batch(one, range(40)))
    await store(uow, batch(other, [1]))
    assert await marks(uow, one, other, third) == {
        one.key: [NOON_QUARTER, NOON_QUARTER + 1, NOON_QUARTER + 2],
        other.key: [NOON_QUARTER],
    }
    async with uow.snapshot() as tx:
        assert await tx.rollups.stale([], 0, 10**9) == {}
        assert await tx.rollups.stale([one.key], NOON_QUARTER + 1, NOON_QUARTER + 2) == {
            one.key: [NOON_QUARTER + 1]
        }
        assert await tx.rollups.stale([one.key, third.key], NOON_QUARTER + 3, NOON_QUARTER + 9) == {}


async def test_what_changes_nothing_marks_nothing(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2]))
    await sum_up(uow, sensor)
    await store(uow, batch(sensor, [1, 2]))
    assert await marks(uow, sensor) == {}


async def test_a_summary_comes_back_as_it_was_stored(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    other = SOME._replace(first_us=SOME.first_us + QUARTER_US, estimated=False)
    for level in (Level.QUARTER_HOUR, Level.HOUR, Level.DAY):
        await put(uow, level, {(sensor.key, 8): other, (sensor.key, 7): SOME})
        assert await read(uow, sensor, (level, 0, 100)) == [SOME, other]
        assert await read(uow, sensor, (level, 8, 9)) == [other]
        assert await read(uow, sensor, (level, 9, 100)) == []
        changed = SOME._replace(amount=9.0, count=7)
        await put(uow, level, {(sensor.key, 7): changed, (sensor.key, 8): None, (sensor.key, 9): None})
        assert await read(uow, sensor, (level, 0, 100)) == [changed]


async def test_extreme_figures_keep_every_bit(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    extreme = Summary(
        0, 1e308, 1, 2**60, -1e-308, 0, 2**31 - 1, 1.7e308, -1e308, 0.1 + 0.2, 5e-324, 2**60, estimated=True
    )
    await put(uow, Level.HOUR, {(sensor.key, 0): extreme})
    assert await read(uow, sensor, (Level.HOUR, 0, 1)) == [extreme]


async def test_many_sensors_and_spans_in_one_call(uow: SensorsUnitOfWork) -> None:
    sensors = [await add_sensor(uow, f"s{n}") for n in range(5)]
    cells = {
        (sensor.key, number): single(number * QUARTER_US + n, number + n / 10, 0)
        for n, sensor in enumerate(sensors)
        for number in range(50)
    }
    await put(uow, Level.QUARTER_HOUR, cells)
    await store(uow, batch(sensors[2], [5], start=datetime(1970, 1, 2, tzinfo=UTC)))
    wanted = {
        sensor.key: [Span(Level.QUARTER_HOUR, n, n + 2), Span(Level.QUARTER_HOUR, 20, 20 + n)]
        for n, sensor in enumerate(sensors)
    }
    wanted[sensors[2].key].append(Span(Level.READINGS, 0, 2 * Level.DAY.length_us))
    async with uow.snapshot() as tx:
        found = await tx.rollups.summaries(wanted)
    for n, sensor in enumerate(sensors):
        expected = [cells[sensor.key, number] for number in (n, n + 1, *range(20, 20 + n))]
        if n == 2:
            expected.append(single(Level.DAY.length_us, 5.0, 0))
        assert list(found[sensor.key]) == expected


async def test_readings_come_as_summaries_of_their_own_without_bad_ones(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2, 3, 4]))
    minute = timedelta(minutes=1)
    await store(uow, batch(sensor, [9], start=NOON + minute, source=PERSON, quality=QualityCode.BAD))
    await store(uow, batch(sensor, [7], start=NOON + 2 * minute, quality=QualityCode.ESTIMATED))
    assert await read(uow, sensor, (Level.READINGS, NOON_US, NOON_US + 3 * MINUTE_US)) == [
        single(NOON_US, 1.0, 0),
        single(NOON_US + 2 * MINUTE_US, 7.0, QualityCode.ESTIMATED),
    ]
    assert await read(uow, sensor, (Level.READINGS, NOON_US, NOON_US)) == []


async def test_sensors_that_are_gone_are_left_out(uow: SensorsUnitOfWork) -> None:
    sensor, gone = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    async with uow.begin() as tx:
        await tx.sensors.delete(gone.key)
    await put(uow, Level.DAY, {(gone.key, 7): SOME, (sensor.key, 7): SOME, (gone.key, 8): None})
    assert await read(uow, sensor, (Level.DAY, 0, 100)) == [SOME]
    assert await read(uow, gone, (Level.DAY, 0, 100)) == []


async def test_deleting_takes_the_summaries_of_that_sensor(uow: SensorsUnitOfWork) -> None:
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    await put(uow, Level.HOUR, {(sensor.key, 7): SOME, (other.key, 7): SOME})
    async with uow.begin() as tx:
        await tx.rollups.delete(sensor.key)
    assert await read(uow, sensor, (Level.HOUR, 0, 100)) == []
    assert await read(uow, other, (Level.HOUR, 0, 100)) == [SOME]


async def test_marks_are_taken_oldest_first_and_go_when_finished(uow: SensorsUnitOfWork) -> None:
    one, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    async with uow.begin() as tx:
        assert await tx.rollups.take(10) is None
    await store(uow, batch(one, range(40)))
    await store(uow, batch(other, [1]))
    async with uow.begin() as tx:
        taken = await tx.rollups.take(3)
        assert taken is not None
        assert dict(taken.quarters) == {one.key: [NOON_QUARTER, NOON_QUARTER + 1, NOON_QUARTER + 2]}
        await tx.rollups.finish(taken, {one.key: [NOON_QUARTER + 2]})
    assert await marks(uow, one, other) == {one.key: [NOON_QUARTER + 2], other.key: [NOON_QUARTER]}
    async with uow.begin() as tx:
        taken = await tx.rollups.take(1000)
        assert taken is not None
        assert dict(taken.quarters) == {one.key: [NOON_QUARTER + 2], other.key: [NOON_QUARTER]}
        tx.roll_back()
    assert await sum_up(uow, one, other) == 2
    assert await marks(uow, one, other) == {}


async def test_many_that_stay_stale_are_put_back(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    later = {sensor.key: range(1_000_000, 1_045_000)}
    async with uow.begin() as tx:
        taken = await tx.rollups.take(1)
        assert taken is not None
        await tx.rollups.finish(taken, later)
    assert await marks(uow, sensor) == {sensor.key: list(later[sensor.key])}


async def test_all_of_a_sensor_is_marked_when_its_rules_change(uow: SensorsUnitOfWork) -> None:
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    for one in (sensor, other):
        await store(uow, batch(one, range(6), step=timedelta(days=30), start=NOON - timedelta(days=400)))
    summed = (await marks(uow, sensor))[sensor.key]
    await sum_up(uow, sensor, other)
    await store(uow, batch(sensor, [1]))
    async with uow.begin() as tx:
        await tx.rollups.mark_all(sensor.key)
    assert await marks(uow, sensor, other) == {sensor.key: [*summed, NOON_QUARTER]}
    await sum_up(uow, sensor)
    assert await marks(uow, sensor) == {}


async def test_a_snapshot_sees_one_state(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    async with uow.snapshot() as tx:
        assert await tx.readings.any(sensor.key)
        assert len(await tx.rollups.stale([sensor.key], 0, 10**9)) == 1


# Sealing


async def dropped(uow: SensorsUnitOfWork, before: datetime = FAR, limit: int = 100) -> int:
    async with uow.begin() as tx:
        return await tx.rollups.drop_readings(before, limit)


async def sealed(uow: SensorsUnitOfWork, sensor: Sensor, *quarters: int) -> set[int]:
    async with uow.begin() as tx:
        found = await tx.rollups.sealed({sensor.key: quarters})
    assert all(key == sensor.key for key, _ in found)
    return {quarter for _, quarter in found}


async def test_readings_go_and_their_summaries_stay(uow: SensorsUnitOfWork) -> None:
    await dropped(uow, limit=1000)
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    await store(uow, batch(sensor, [1, 2, 3, 4], step=timedelta(minutes=10)))
    await store(uow, batch(sensor, [5, 6], start=NOON + timedelta(days=30)))
    await store(uow, batch(other, [7], start=NOON + timedelta(days=60)))
    assert await dropped(uow) == 0, "they are not summed up yet"
    await sum_up(uow, sensor, other)
    edges = [NOON_US + n * QUARTER_US for n in (-4, 0, 1, 2, 3, 96 * 40)]
    before = await answer(uow, sensor, edges)
    assert await sealed(uow, sensor, NOON_QUARTER) == set()
    assert await dropped(uow, NOON) == 0, "it has not ended by then"
    assert await dropped(uow, NOON + timedelta(days=10), 9) == 1
    assert await sealed(uow, sensor, *range(NOON_QUARTER - 1, NOON_QUARTER + 4)) == {
        NOON_QUARTER,
        NOON_QUARTER + 1,
        NOON_QUARTER + 2,
    }
    assert await sealed(uow, other, NOON_QUARTER) == set()
    assert await answer(uow, sensor, edges) == before
    async with uow.begin() as tx:
        assert len(await tx.readings.page(sensor.key, None, None, None, 10)) == 2
        assert await tx.rollups.sealed({}) == frozenset()
    assert await dropped(uow, FAR, 1) == 1
    assert await dropped(uow, FAR) == 1
    assert await dropped(uow, FAR) == 0
    assert await answer(uow, sensor, edges) == before
    async with uow.begin() as tx:
        assert not await tx.readings.page(sensor.key, None, None, None, 10)


async def test_what_is_sealed_never_changes(uow: SensorsUnitOfWork) -> None:
    await dropped(uow, limit=1000)
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2, 3]))
    await sum_up(uow, sensor)
    assert await dropped(uow) == 1
    [kept] = await read(uow, sensor, (Level.QUARTER_HOUR, 0, 10**7))
    await put(uow, Level.QUARTER_HOUR, {(sensor.key, NOON_QUARTER): SOME})
    await put(uow, Level.QUARTER_HOUR, {(sensor.key, NOON_QUARTER): None})
    assert await read(uow, sensor, (Level.QUARTER_HOUR, 0, 10**7)) == [kept]
    await put(uow, Level.HOUR, {(sensor.key, NOON_QUARTER // 4): SOME})
    assert await read(uow, sensor, (Level.HOUR, 0, 10**7)) == [SOME]
    async with uow.begin() as tx:
        await tx.rollups.mark_all(sensor.key)
    assert await marks(uow, sensor) == {}


@pytest.mark.parametrize("overlapping", [False, True])
async def test_what_is_sealed_takes_no_reading(uow: SensorsUnitOfWork, overlapping: bool) -> None:
    await dropped(uow, limit=1000)
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    await store(uow, batch(sensor, [1, 2, 3]))
    await sum_up(uow, sensor)
    assert await dropped(uow) == 1
    for values, start in (([9], NOON), ([8] * 30, NOON + timedelta(minutes=14))):
        with pytest.raises(StaleSensorsError):
            await store(uow, batch(sensor, values, start=start), overlapping=overlapping)
    both = merged([batch(sensor, [8], start=NOON - timedelta(hours=1)), batch(other, [8])]).batch
    await store(uow, both, overlapping=overlapping)
    with pytest.raises(StaleSensorsError):
        await store(uow, merged([batch(sensor, [8]), batch(other, [8])]).batch, overlapping=True)
    async with uow.begin() as tx:
        assert len(await tx.readings.page(sensor.key, None, None, None, 10)) == 1


async def test_what_is_not_sealed_takes_readings_where_others_went(uow: SensorsUnitOfWork) -> None:
    await dropped(uow, limit=1000)
    sensor, other = await add_sensor(uow, "a"), await add_sensor(uow, "b")
    await store(uow, batch(sensor, [1, 2, 3]))
    await sum_up(uow, sensor)
    assert await dropped(uow) == 1
    await store(uow, batch(other, [4, 5], step=timedelta(minutes=5)))
    await store(uow, batch(sensor, [6], start=NOON + timedelta(minutes=20)))
    assert await marks(uow, sensor, other) == {sensor.key: [NOON_QUARTER + 1], other.key: [NOON_QUARTER]}
    await sum_up(uow, sensor, other)
    [total] = await answer(uow, sensor, [NOON_US, NOON_US + 4 * QUARTER_US])
    assert (total.count, total.total, total.first, total.last) == (4, 12, 1, 6)
    assert await dropped(uow) == 1
    assert await answer(uow, sensor, [NOON_US, NOON_US + 4 * QUARTER_US]) == [total]


async def test_replaced_values_go_with_their_readings(uow: SensorsUnitOfWork) -> None:
    await dropped(uow, limit=1000)
    sensor = await add_sensor(uow)
    for start in (NOON, NOON + timedelta(days=30)):
        await store(uow, batch(sensor, [1], start=start))
        await store(uow, batch(sensor, [2], start=start, source=PERSON))
    await sum_up(uow, sensor)
    assert await dropped(uow, NOON + timedelta(days=10)) == 1
    async with uow.begin() as tx:
        revisions, total = await tx.readings.revisions(sensor.key, 10, 0)
    assert [one.time for one in revisions] == [NOON + timedelta(days=30)]
    assert total == 1


async def test_neighbours_are_known_where_the_readings_are_gone(uow: SensorsUnitOfWork) -> None:
    await dropped(uow, limit=1000)
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2, 3]))
    await sum_up(uow, sensor)
    before = await neighbours(uow, sensor, NOON_US - 1, NOON_US)
    after = await neighbours(uow, sensor, NOON_US + QUARTER_US, NOON_US + 9 * QUARTER_US)
    assert await dropped(uow) == 1
    assert await neighbours(uow, sensor, NOON_US - 1, NOON_US) == before
    assert before == Neighbours(None, single(NOON_US, 1.0, 0))
    assert await neighbours(uow, sensor, NOON_US + QUARTER_US, NOON_US + 9 * QUARTER_US) == after
    assert after == Neighbours(single(NOON_US + 2 * MINUTE_US, 3.0, 0), None)
    cut = await neighbours(uow, sensor, NOON_US + MINUTE_US, NOON_US + MINUTE_US)
    assert cut == Neighbours(single(NOON_US, 1.0, 0), single(NOON_US + 2 * MINUTE_US, 3.0, 0))


# Anything


async def test_nobody_has_neighbours_without_readings(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    assert await neighbours(uow, sensor, NOON_US, NOON_US + 1) == Neighbours(None, None)
    async with uow.snapshot() as tx:
        assert await tx.rollups.neighbours([], NOON_US, NOON_US + 1) == {}
        assert await tx.rollups.summaries({}) == {}


async def test_neighbours_lie_beyond_quarter_hours_that_turned_bad(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    hour = timedelta(hours=1)
    await store(uow, batch(sensor, range(9), step=hour))
    await sum_up(uow, sensor)
    bad = batch(sensor, [0] * 7, start=NOON + hour, step=hour, source=PERSON, quality=QualityCode.BAD)
    await store(uow, bad)
    hours_us = Level.HOUR.length_us
    expected = Neighbours(single(NOON_US, 0.0, 0), single(NOON_US + 8 * hours_us, 8.0, 0))
    for start, end in ((4, 5), (4, 4)):
        for shift in (0, 1, -1, 7 * MINUTE_US):
            found = await neighbours(
                uow, sensor, NOON_US + start * hours_us + shift, NOON_US + end * hours_us + shift
            )
            assert found == expected
    await sum_up(uow, sensor)
    assert await neighbours(uow, sensor, NOON_US + 4 * hours_us, NOON_US + 5 * hours_us) == expected


_PLACES = st.integers(0, 47)
_QUALITIES = st.sampled_from([QualityCode.OK, QualityCode.OK, QualityCode.ESTIMATED, QualityCode.BAD])
_WRITE = st.dictionaries(_PLACES, st.tuples(st.integers(-5, 50), _QUALITIES), min_size=1, max_size=8)
_STEPS = st.lists(st.one_of(_WRITE, st.integers(1, 6)), min_size=1, max_size=10)
_EDGES = st.lists(st.integers(-40, 12 * 180), min_size=2, max_size=5, unique=True)


def _time_us(place: int) -> int:
    """Return one of four times (0, 5, 10 minutes and just before the end) in one of 12 quarter-hours."""
    offset = (0, 5 * MINUTE_US, 10 * MINUTE_US, QUARTER_US - 1)[place % 4]
    return NOON_US + place // 4 * 11 * QUARTER_US + offset


def _written(sensor: Sensor, values: Mapping[int, tuple[int, QualityCode]], source: str) -> ReadingBatch:
    places = sorted(values)
    return ReadingBatch(
        runs=[SensorRun(sensor.key, sensor.version, Source(source), 0, len(places))],
        times_us=array("q", [_time_us(place) for place in places]),
        values=array("d", [values[place][0] for place in places]),
        qualities=array("b", [values[place][1] for place in places]),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS, edges=_EDGES)
async def test_whatever_is_marked_the_answer_is_that_of_the_readings(
    uow: SensorsUnitOfWork, steps: Sequence[int | Mapping[int, tuple[int, QualityCode]]], edges: list[int]
) -> None:
    sensor = await add_sensor(uow, str(uuid4()), max_gap=timedelta(hours=2))
    stored: dict[int, tuple[int, QualityCode]] = {}
    for number, step in enumerate(steps):
        if isinstance(step, int):
            await sum_up(uow, sensor, limit=step)
        else:
            await store(uow, _written(sensor, step, f"{METER}{number}"))
            stored.update(step)
        line = [
            single(_time_us(place), float(value), quality)
            for place, (value, quality) in sorted(stored.items())
            if quality is not QualityCode.BAD
        ]
        edges_us = [NOON_US + edge * MINUTE_US for edge in sorted(edges)]
        found = await answer(uow, sensor, edges_us)
        for total, expected in zip(found, totals(sensor, line, edges_us), strict=True):
            assert total.amount == pytest.approx(expected.amount, rel=1e-9, abs=1e-9)
            assert replace(total, amount=0) == replace(expected, amount=0)
        assert await neighbours(uow, sensor, edges_us[0], edges_us[-1]) == Neighbours(
            max((one for one in line if one.first_us < edges_us[0]), default=None),
            min((one for one in line if one.first_us >= edges_us[-1]), default=None),
        )
    async with uow.begin() as tx:
        await tx.readings.delete(sensor.key)
        await tx.rollups.delete(sensor.key)
        await tx.sensors.delete(sensor.key)
