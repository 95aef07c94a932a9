from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.sensors.model import SensorId, Source
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate, Bucket
from domain.sensors.services.checking import Submission
from domain.sensors.services.filling import Fill
from domain.shared.errors import InvalidError, NotFoundError
from domain.shared.periods import parse_period
from domain.shared.quantities import Accumulation, Quality
from domain.shared.time import to_microseconds
from tests.unit.sensors.samples import ME, UNITS, World, definition, world

LISBON = ZoneInfo("Europe/Lisbon")
A = SensorId("a")
QUARTER = timedelta(minutes=15)
SPRING = datetime(2026, 3, 29, tzinfo=UTC)
"""Midnight of the day of 23 hours."""


@pytest.fixture
async def w() -> World:
    found = world()
    found.clock.time = datetime(2026, 5, 1, tzinfo=UTC)
    mean = definition("a", unit="W", accumulation=Accumulation.MEAN, resolution=QUARTER, max_value=10_000.0)
    await found.sensors.create(mean, ME)
    return found


def buckets_of(w: World) -> BucketReadings:
    return BucketReadings(w.uow, UNITS, w.clock, LISBON)


async def write(w: World, start: datetime, values: list[float]) -> None:
    await w.write.write(
        Submission(
            sensor_ids=["a"] * len(values),
            times_us=[to_microseconds(start + row * QUARTER) for row in range(len(values))],
            values=values,
        ),
        Source("s"),
    )


async def of(w: World, start: datetime, end: datetime, resolution: str, **more: object) -> list[Bucket]:
    series = await buckets_of(w).of(A, start, end, parse_period(resolution), **more)  # type: ignore[arg-type]  # fields by name
    return list(series.buckets)


async def test_a_spring_day_of_23_hours_is_whole(w: World) -> None:
    await write(w, SPRING, [1000.0] * 92)
    (day,) = await of(w, SPRING, SPRING + timedelta(hours=23), "P1D")
    assert (day.start.isoformat(), day.end.isoformat()) == (
        "2026-03-29T00:00:00+00:00",
        "2026-03-30T00:00:00+01:00",
    )
    assert (day.expected, day.actual, day.coverage, day.quality) == (92, 92, 1.0, Quality.OK)
    assert day.aggregates[Aggregate.ENERGY] == pytest.approx(23.0)
    assert len(await of(w, SPRING, SPRING + timedelta(hours=23), "PT15M")) == 92


async def test_bad_readings_count_for_nothing(w: World) -> None:
    await write(w, SPRING, [1000.0, 99_000.0, 3000.0, 1000.0])
    (hour,) = await of(w, SPRING, SPRING + timedelta(hours=1), "PT1H")
    assert (hour.actual, hour.aggregates[Aggregate.MAX], hour.coverage) == (3, 3.0, 0.75)
    assert hour.quality is Quality.ESTIMATED


async def test_empty_buckets_are_left_out_unless_asked_for(w: World) -> None:
    await write(w, SPRING, [1000.0])
    hours = SPRING, SPRING + timedelta(hours=3)
    assert len(await of(w, *hours, "PT1H")) == 1
    kept = await of(w, *hours, "PT1H", fill=Fill.NULL)
    assert [one.quality for one in kept] == [Quality.ESTIMATED, Quality.MISSING, Quality.MISSING]
    assert kept[1].aggregates[Aggregate.MEAN] is None
    assert kept[1].aggregates[Aggregate.COUNT] == 0


async def test_values_are_given_in_the_unit_asked_for(w: World) -> None:
    await write(w, SPRING, [1000.0, 3000.0])
    (hour,) = await of(w, SPRING, SPRING + timedelta(hours=1), "PT1H", unit="W")
    assert hour.aggregates[Aggregate.MEAN] == pytest.approx(2000.0)
    assert hour.aggregates[Aggregate.FIRST] == pytest.approx(1000.0)


async def test_buckets_settle_an_hour_after_their_end(w: World) -> None:
    await write(w, SPRING, [1.0] * 8)
    w.clock.time = SPRING + timedelta(hours=2)
    hours = await of(w, SPRING, SPRING + timedelta(hours=2), "PT1H")
    assert [one.settled for one in hours] == [True, False]


async def test_what_cannot_be_asked(w: World) -> None:
    with pytest.raises(InvalidError) as error:
        await of(w, SPRING, SPRING - QUARTER, "PT1H")
    assert error.value.code == "end_before_start"
    with pytest.raises(InvalidError) as error:
        await of(w, SPRING, SPRING + QUARTER, "PT1H", unit="V")
    assert error.value.code == "unit_mismatch"
    with pytest.raises(NotFoundError):
        await buckets_of(w).of(SensorId("b"), SPRING, SPRING + QUARTER, parse_period("PT1H"))
