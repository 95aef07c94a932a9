"""What must hold of every query: a group is the sum of its members, a day that of its hours."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import fsum
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory.surroundings import MemoryIdFactory
from domain.sensors.model import SensorId, Source
from domain.sensors.ports import SensorSelection
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.checking import Submission
from domain.sensors.services.filling import Fill
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.groups import GroupBucket
from domain.sensors.services.query import Query, QueryReadings, Series
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.sources import energy_sources, parents_of
from domain.shared.periods import parse_period
from domain.shared.quantities import Accumulation, Counts, Direction, Quality, Quantity
from domain.shared.time import to_microseconds
from tests.unit.sensors.samples import ME, UNITS, World, definition, world

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PLACES = [  # a zone, a local day in it, and how long that is
    ("Europe/Lisbon", datetime(2026, 3, 29), 23),  # noqa: DTZ001 - local
    ("Europe/Lisbon", datetime(2026, 10, 25), 25),  # noqa: DTZ001 - local
    ("Asia/Kathmandu", datetime(2026, 3, 29), 24),  # noqa: DTZ001 - local
    ("Australia/Lord_Howe", datetime(2026, 4, 5), 24.5),  # noqa: DTZ001 - local
    ("Australia/Lord_Howe", datetime(2026, 10, 4), 23.5),  # noqa: DTZ001 - local
    ("America/St_Johns", datetime(2026, 11, 1), 25),  # noqa: DTZ001 - local
    ("America/St_Johns", datetime(2026, 3, 8), 23),  # noqa: DTZ001 - local
]
NAMES = ["a", "b", "c", "d", "e"]


@dataclass(frozen=True, slots=True)
class Site:
    """Sensors, their readings by minutes since the start, and whether they were summed up before."""

    zone: ZoneInfo
    day: datetime
    hours: float
    sensors: list[dict[str, object]]
    readings: list[dict[int, float]]
    refresh: bool

    @property
    def midnight(self) -> datetime:
        return self.day.replace(tzinfo=self.zone).astimezone(UTC)

    async def built(self) -> World:
        w = world()
        w.clock.time = self.midnight + 30 * DAY
        for name, fields, readings in zip(NAMES, self.sensors, self.readings, strict=False):
            await w.sensors.create(definition(name, **fields), ME)  # type: ignore[arg-type]  # by name
            rows = sorted(readings.items())
            sent = Submission(
                sensor_ids=[name] * len(rows),
                times_us=[to_microseconds(self.midnight + minute * MINUTE) for minute, _ in rows],
                values=[value for _, value in rows],
            )
            await w.write.write(sent, Source("s"))
        if self.refresh:
            await Rollups(w.uow, w.clock, MemoryIdFactory()).refresh()
        return w


@st.composite
def sites(draw: st.DrawFn) -> Site:
    zone, day, hours = draw(st.sampled_from(PLACES))
    sensors: list[dict[str, object]] = []
    readings: list[dict[int, float]] = []
    for number in range(draw(st.integers(1, 4))):
        accumulation = draw(st.sampled_from(Accumulation))
        states = accumulation in {Accumulation.INSTANTANEOUS, Accumulation.MEAN}
        rhythm = draw(st.sampled_from([7, 15, 60]))
        sensors.append(
            {
                "quantity": Quantity.POWER if states else Quantity.ENERGY,
                "unit": "kW" if states else "kWh",
                "accumulation": accumulation,
                "resolution": draw(st.sampled_from([None, rhythm * MINUTE])),
                "direction": draw(st.sampled_from(Direction)),
                "device_id": draw(st.sampled_from([None, "x", "y"])),
                "counts": draw(st.sampled_from([Counts.AUTO, Counts.AUTO, *Counts])),
                "submeter_of": draw(st.sampled_from([None, None, *(set(NAMES) - {NAMES[number]})])),
            }
        )
        begin = draw(st.integers(-200, 1600))
        count = draw(st.integers(0, 40))
        values = st.floats(0, 100) | st.sampled_from([0.0, 1.0])
        readings.append(
            {begin + rhythm * row + draw(st.integers(0, 3)): draw(values) for row in range(count)}
        )
    return Site(ZoneInfo(zone), day, hours, sensors, readings, draw(st.booleans()))


async def ask(w: World, site: Site, resolution: str, group_by: GroupBy, **more: object) -> list[Series]:
    query = Query(
        where=SensorSelection(),
        start=site.midnight,
        end=site.midnight + site.hours * HOUR,
        resolution=parse_period(resolution),
        group_by=group_by,
        zone=site.zone,
        fill=Fill.NULL,
        **more,  # type: ignore[arg-type]  # fields by name
    )
    return list(await QueryReadings(w.uow, UNITS, w.clock, site.zone).run(query))


def total(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None


def equal(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(site=sites())
@settings(deadline=None, max_examples=60)
async def test_a_group_is_the_sum_of_those_that_count(site: Site) -> None:
    w = await site.built()
    (together,) = await ask(w, site, "PT1H", GroupBy.NONE, aggregates=(Aggregate.ENERGY,))
    apart = {one.key: one.buckets for one in await ask(w, site, "PT1H", GroupBy.SENSOR)}
    async with w.uow.snapshot() as tx:
        sensors = await tx.sensors.select(SensorSelection())
        counted = [one.sensor_id for one in energy_sources(sensors, await parents_of(tx, sensors))]
    for number, bucket in enumerate(together.buckets):
        assert isinstance(bucket, GroupBucket)
        members = {name: apart[name][number] for name in counted}
        energies = [one.aggregates[Aggregate.ENERGY] for one in members.values()]
        assert equal(bucket.aggregates[Aggregate.ENERGY], total(energies))
        assert (bucket.quality is Quality.MISSING) == (total(energies) is None)
        assert bucket.actual == sum(one.actual for one in members.values())
        assert 0 <= bucket.coverage_min <= bucket.coverage <= 1
        without = [name for name, one in members.items() if not one.actual and not one.coverage]
        assert set(bucket.missing_sensors) <= set(without)
        assert list(bucket.missing_sensors) == sorted(bucket.missing_sensors)


@given(
    site=sites(),
    group_by=st.sampled_from([GroupBy.NONE, GroupBy.SENSOR]),
    shorter=st.sampled_from(["PT1H", "PT15M", "PT7H"]),
)
@settings(deadline=None, max_examples=60)
async def test_a_day_is_the_sum_of_its_hours(site: Site, group_by: GroupBy, shorter: str) -> None:
    w = await site.built()
    aggregates = (Aggregate.ENERGY, Aggregate.COUNT)
    days = await ask(w, site, "P1D", group_by, aggregates=aggregates)
    hours = await ask(w, site, shorter, group_by, aggregates=aggregates)
    for whole, parts in zip(days, hours, strict=True):
        (day,) = whole.buckets
        assert day.end - day.start == timedelta(days=1)  # by the clock on the wall
        assert day.end.astimezone(UTC) - day.start.astimezone(UTC) == site.hours * HOUR
        for aggregate in aggregates:
            of_parts = [bucket.aggregates[aggregate] for bucket in parts.buckets]
            assert equal(day.aggregates[aggregate], total(of_parts))
        assert parts.buckets[0].start == day.start
        assert parts.buckets[-1].end == day.end


@given(site=sites(), resolution=st.sampled_from(["PT1H", "PT20M", "P1D", "P1W"]))
@settings(deadline=None, max_examples=60)
async def test_a_query_of_many_is_many_queries_of_one(site: Site, resolution: str) -> None:
    w = await site.built()
    single = BucketReadings(w.uow, UNITS, w.clock, site.zone)
    end = site.midnight + site.hours * HOUR
    for one in await ask(w, site, resolution, GroupBy.SENSOR):
        expected = await single.of(
            SensorId(str(one.key)), site.midnight, end, parse_period(resolution), fill=Fill.NULL
        )
        assert (one.unit, one.buckets) == (expected.unit, expected.buckets)


@given(site=sites(), edges=st.lists(st.integers(-100, 1600), min_size=2, max_size=5, unique=True))
@settings(deadline=None, max_examples=40)
async def test_ranges_that_meet_add_up_wherever_they_are_cut(site: Site, edges: list[int]) -> None:
    w = await site.built()
    service = QueryReadings(w.uow, UNITS, w.clock, site.zone)
    times = [site.midnight + minute * MINUTE for minute in sorted(edges)]
    energies = []
    for start, end in [*pairwise(times), (times[0], times[-1])]:
        (series,) = await service.run(
            Query(
                where=SensorSelection(),
                start=start,
                end=end,
                resolution=parse_period("P1Y"),
                aggregates=(Aggregate.ENERGY,),
                group_by=GroupBy.NONE,
            )
        )
        energies.append(total([one.aggregates[Aggregate.ENERGY] for one in series.buckets]))
    assert equal(energies[-1], total(energies[:-1]))


@pytest.mark.parametrize(("zone", "day", "hours"), PLACES)
def test_the_zones_have_the_days_that_this_file_says(zone: str, day: datetime, hours: float) -> None:
    begin = day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = (day + DAY).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert end - begin == hours * HOUR
