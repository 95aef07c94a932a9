"""Pages of columns hold what pages of readings hold."""

from array import array
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.sensors.model import QualityCode, ReadingBatch, SensorRun
from domain.sensors.ports import SensorFilter, SensorsUnitOfWork
from domain.shared.time import to_microseconds
from tests.contract.sensors.batches import METER, NOON, add_sensor, batch, store

MINUTE = timedelta(minutes=1)
MINUTE_US = 60_000_000


async def test_a_column_page_is_bounded_by_range_key_and_limit(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    other = await add_sensor(uow, "s2")
    await store(uow, batch(sensor, range(10), quality=QualityCode.ESTIMATED))
    await store(uow, batch(other, [99.0] * 10))
    noon_us = to_microseconds(NOON)
    async with uow.begin() as tx:
        page = await tx.readings.column_page(
            sensor.key, NOON + MINUTE, NOON + 8 * MINUTE, noon_us + 3 * MINUTE_US, 3
        )
        whole = await tx.readings.column_page(sensor.key, None, None, None, 100)
        last = await tx.readings.column_page(
            sensor.key, NOON + MINUTE, NOON + 8 * MINUTE, noon_us + 6 * MINUTE_US, 3
        )
        before = await tx.readings.column_page(sensor.key, NOON + 2 * MINUTE, None, noon_us, 1)
        nothing = await tx.readings.column_page(sensor.key, None, NOON, None, 100)
    assert list(page.values) == [4, 5, 6]
    assert list(page.times_us) == [noon_us + n * MINUTE_US for n in (4, 5, 6)]
    assert list(page.qualities) == [QualityCode.ESTIMATED] * 3
    assert list(whole.values) == list(range(10))
    assert list(last.values) == [7]
    assert list(before.values) == [2]
    assert len(nothing) == 0


async def test_days_that_lie_far_apart_and_microseconds_come_in_order(uow: SensorsUnitOfWork) -> None:
    sensor = await add_sensor(uow)
    times = [datetime(year, 3, 1, 1, 2, 3, year, tzinfo=UTC) for year in (2015, 2024, 2026)]
    for time in reversed(times):
        await store(uow, batch(sensor, [time.year], start=time))
    async with uow.begin() as tx:
        whole = await tx.readings.column_page(sensor.key, None, None, None, 10)
    assert list(whole.times_us) == [to_microseconds(time) for time in times]
    assert list(whole.values) == [2015, 2024, 2026]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 7 * 86_400_000_000),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from(QualityCode),
        ),
        min_size=1,
        max_size=30,
        unique_by=lambda row: row[0],
    ).map(sorted),
    limit=st.integers(1, 12),
)
async def test_pages_one_after_the_other_give_every_reading_once_and_exactly(
    uow: SensorsUnitOfWork, rows: list[tuple[int, float, QualityCode]], limit: int
) -> None:
    async with uow.begin() as tx:
        _, sensors = await tx.sensors.list(SensorFilter(), now=NOON, limit=1, offset=0)
    sensor = await add_sensor(uow, f"s{sensors}")
    base = to_microseconds(NOON)
    await store(
        uow,
        ReadingBatch(
            runs=[SensorRun(sensor.key, sensor.version, METER, 0, len(rows))],
            times_us=array("q", [base + time for time, *_ in rows]),
            values=array("d", [value for _, value, _ in rows]),
            qualities=array("b", [code for *_, code in rows]),
        ),
    )
    found: list[tuple[int, float, int]] = []
    after: int | None = None
    while True:
        async with uow.begin() as tx:
            page = await tx.readings.column_page(sensor.key, None, None, after, limit)
        found += zip(page.times_us, page.values, page.qualities, strict=True)
        if len(page) < limit:
            break
        after = page.times_us[-1]
    assert [(time - base, repr(value), code) for time, value, code in found] == [
        (time, repr(value), code) for time, value, code in rows
    ]
