from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.sensors.errors import OverlapError, StaleSensorsError
from domain.sensors.model import Outcome, QualityCode, Reading, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.quantities import Quality
from tests.contract.sensors.batches import METER, NOON, PERSON, add_sensor, batch, store

CREATED, UPDATED, UNCHANGED = Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED


@pytest.mark.parametrize("overlapping", [False, True])
async def test_new_readings_are_created_and_read_back(uow: SensorsUnitOfWork, overlapping: bool) -> None:
    sensor = await add_sensor(uow)
    outcomes = await store(uow, batch(sensor, [1.5, 2.5, -0.25]), overlapping=overlapping)
    assert outcomes == [CREATED] * 3
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 10)
        columns = await tx.readings.columns(sensor.key, NOON, NOON + timedelta(minutes=2))
    assert page == [
        Reading(NOON, 1.5, Quality.OK),
        Reading(NOON + timedelta(minutes=1), 2.5, Quality.OK),
        Reading(NOON + timedelta(minutes=2), -0.25, Quality.OK),
    ]
    assert list(columns.values) == [1.5, 2.5]


async def test_a_page_is_bounded_by_range_cursor_and_limit(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, range(10)))
    minute = timedelta(minutes=1)
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, NOON + minute, NOON + 8 * minute, NOON + 3 * minute, 3)
    assert [reading.value for reading in page] == [4, 5, 6]


async def test_the_same_batch_again_changes_nothing(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2, 3]))
    assert await store(uow, batch(sensor, [1, 2, 3])) == [UNCHANGED] * 3
    assert await store(uow, batch(sensor, [1, 2, 3, 4])) == [UNCHANGED] * 3 + [CREATED]


async def test_a_batch_taken_for_new_says_when_it_is_not(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    with pytest.raises(OverlapError):
        await store(uow, batch(sensor, [1, 2]), overlapping=False)
    async with uow.begin() as tx:
        assert len(await tx.readings.page(sensor.key, None, None, None, 10)) == 1


async def test_a_correction_keeps_what_it_replaces(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1, 2, 3]))
    assert await store(uow, batch(sensor, [1, 5, 3], source=PERSON)) == [UNCHANGED, UPDATED, UNCHANGED]
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 10)
        revisions, total = await tx.readings.revisions(sensor.key, 10, 0)
    assert [reading.value for reading in page] == [1, 5, 3]
    assert total == 1
    assert (revisions[0].value, revisions[0].source, revisions[0].replaced_by) == (2, METER, PERSON)
    assert revisions[0].time == NOON + timedelta(minutes=1)


async def test_reading_a_file_again_undoes_no_correction(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    await store(uow, batch(sensor, [9], source=PERSON))
    assert await store(uow, batch(sensor, [1])) == [UNCHANGED]
    async with uow.begin() as tx:
        (reading,) = await tx.readings.page(sensor.key, None, None, None, 10)
    assert reading.value == 9


async def test_a_source_that_agreed_before_does_not_undo_a_later_correction(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    other = Source("other meter")
    await store(uow, batch(sensor, [1]))
    assert await store(uow, batch(sensor, [1], source=other)) == [UNCHANGED]
    await store(uow, batch(sensor, [9], source=PERSON))
    assert await store(uow, batch(sensor, [1], source=other)) == [UNCHANGED]
    async with uow.begin() as tx:
        _, total = await tx.readings.revisions(sensor.key, 10, 0)
    assert total == 1


async def test_another_quality_is_a_correction(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    assert await store(uow, batch(sensor, [1], source=PERSON, quality=QualityCode.BAD)) == [UPDATED]
    async with uow.begin() as tx:
        (reading,) = await tx.readings.page(sensor.key, None, None, None, 10)
    assert reading.quality is Quality.BAD


async def test_latest_is_the_newest_by_time_not_by_arrival(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    other = await add_sensor(uow, "s2")
    await store(uow, batch(sensor, [5], start=NOON + timedelta(hours=1)))
    await store(uow, batch(sensor, [1, 2]))
    async with uow.begin() as tx:
        latest = await tx.readings.latest([sensor.key, other.key])
        everything = await tx.readings.latest(None)
    assert latest == everything == {sensor.key: Reading(NOON + timedelta(hours=1), 5, Quality.OK)}


async def test_a_correction_of_the_newest_is_the_newest(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    await store(uow, batch(sensor, [2], source=PERSON))
    await store(uow, batch(sensor, [1]))
    async with uow.begin() as tx:
        latest = await tx.readings.latest([sensor.key])
    assert latest[sensor.key].value == 2


async def test_readings_for_a_changed_or_deleted_sensor_are_refused(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, [1]))
    async with uow.begin() as tx:
        await tx.sensors.delete(sensor.key)
        await tx.readings.delete(sensor.key)
    with pytest.raises(StaleSensorsError):
        await store(uow, batch(sensor, [1]))
    async with uow.begin() as tx:
        assert not await tx.readings.page(sensor.key, None, None, None, 10)
        assert not await tx.readings.any(sensor.key)


async def test_deleting_one_sensor_leaves_the_others(uow: SensorsUnitOfWork) -> None:
    sensor, other = await add_sensor(uow), await add_sensor(uow, "s2")
    for one in (sensor, other):
        await store(uow, batch(one, [1]))
        await store(uow, batch(one, [2], source=PERSON))
    async with uow.begin() as tx:
        await tx.readings.delete(sensor.key)
    async with uow.begin() as tx:
        assert not await tx.readings.any(sensor.key)
        assert (await tx.readings.revisions(sensor.key, 10, 0))[1] == 0
        assert await tx.readings.any(other.key)
        assert (await tx.readings.revisions(other.key, 10, 0))[1] == 1


async def test_a_transaction_that_fails_leaves_nothing(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)

    async def failing() -> None:
        async with uow.begin() as tx:
            await tx.readings.write(batch(sensor, [1]), overlapping=False)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    async with uow.begin() as tx:
        await tx.readings.write(batch(sensor, [1]), overlapping=True)
        tx.roll_back()
    async with uow.begin() as tx:
        assert not await tx.readings.page(sensor.key, None, None, None, 10)
        assert not await tx.readings.latest([sensor.key])


@pytest.mark.parametrize("year", [1970, 1999, 2019, 2020, 2026])
async def test_readings_of_any_year_have_a_place(uow: SensorsUnitOfWork, year: int) -> None:
    sensor = await add_sensor(uow)
    start = datetime(year, 1, 1, tzinfo=UTC)
    outcomes = await store(
        uow, batch(sensor, range(12), start=start, step=timedelta(days=3)), overlapping=False
    )
    assert outcomes == [CREATED] * 12
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 100)
    assert [reading.time for reading in page] == [start + n * timedelta(days=3) for n in range(12)]


_WRITES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.dictionaries(st.integers(0, 5), st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=6),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=_WRITES)
async def test_any_order_of_sources_follows_the_rule(
    uow: SensorsUnitOfWork, writes: list[tuple[str, dict[int, float]]]
) -> None:
    """The later value stands, unless its source has sent it before."""
    name = f"s{id(writes)}"
    sensor = await add_sensor(uow, name)
    current: dict[int, float] = {}
    sent: set[tuple[str, int, float]] = set()
    for source, values in writes:
        for minute, value in sorted(values.items()):
            rows = batch(sensor, [value], source=Source(source), start=NOON + timedelta(minutes=minute))
            (outcome,) = await store(uow, rows)
            said = (source, minute, value)
            if said in sent or current.get(minute) == value:
                expected = UNCHANGED
            else:
                expected = UPDATED if minute in current else CREATED
                current[minute] = value
            sent.add(said)
            assert outcome is expected
    async with uow.begin() as tx:
        page = await tx.readings.page(sensor.key, None, None, None, 100)
        await tx.sensors.delete(sensor.key)
    assert [reading.value for reading in page] == [current[minute] for minute in sorted(current)]


async def test_neighbours_outside_the_range_are_the_nearest_good_ones(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    await store(uow, batch(sensor, range(10)))
    minute = timedelta(minutes=1)
    for number in (3, 7):
        bad = batch(sensor, [99], start=NOON + number * minute, source=PERSON, quality=QualityCode.BAD)
        await store(uow, bad)
    async with uow.begin() as tx:
        columns = await tx.readings.columns(sensor.key, NOON + 4 * minute, NOON + 7 * minute, neighbours=True)
        alone = await tx.readings.columns(sensor.key, NOON - minute, NOON + 60 * minute, neighbours=True)
    assert list(columns.values) == [2, 4, 5, 6, 8]
    assert len(alone) == 10
