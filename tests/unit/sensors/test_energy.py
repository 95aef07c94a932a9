"""The site's energy, its cost, and the site at a glance, by figures that can be added up by hand."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from adapters.memory.surroundings import MemoryIdFactory
from domain.sensors.model import RoomName, SensorId, Source
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.checking import Submission
from domain.sensors.services.energy import Energy, EnergyQuestion
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.summary import Summarise
from domain.sensors.services.tariffs import Tariffs
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.errors import InvalidError, NotFoundError
from domain.shared.periods import parse_period
from domain.shared.quantities import Accumulation, Quality, Quantity
from domain.shared.time import to_microseconds
from domain.shared.weeks import Weekday
from tests.unit.sensors.samples import ME, World, definition, world

LISBON = ZoneInfo("Europe/Lisbon")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
ENERGY = Aggregate.ENERGY


@pytest.fixture
async def w() -> World:
    """A main meter, and below it a boiler and, in a room, a lamp that has a plug of its own."""
    found = world()
    found.clock.time = MONDAY + timedelta(days=1, hours=2)
    for sensor_id, more in {
        "main": {},
        "boiler": {"submeter_of": SensorId("main"), "room_name": RoomName("Cellar")},
        "lamp": {"submeter_of": SensorId("main"), "room_name": RoomName("Hall")},
    }.items():
        await found.sensors.create(
            definition(
                sensor_id,
                quantity=Quantity.ENERGY,
                unit="kWh",
                accumulation=Accumulation.DELTA,
                resolution=QUARTER,
                **more,
            ),
            ME,
        )
    return found


async def write(w: World, sensor_id: str, start: datetime, values: list[float]) -> None:
    times = [to_microseconds(start + row * QUARTER) for row in range(len(values))]
    await w.write.write(
        Submission(sensor_ids=[sensor_id] * len(values), times_us=times, values=values), Source("s")
    )


async def day_of_all(w: World, start: datetime = MONDAY) -> None:
    await write(w, "main", start, [1.0] * 40 + [3.0] + [1.0] * 55)
    await write(w, "boiler", start, [0.5] * 96)
    await write(w, "lamp", start, [0.25] * 96)


async def test_the_site_is_its_main_meter_and_rooms_are_their_own(w: World) -> None:
    await day_of_all(w)
    energy = Energy(w.uow, w.clock, LISBON)
    day = {"start": MONDAY, "end": MONDAY + timedelta(days=1), "resolution": parse_period("P1D")}
    (site,) = (await energy.report(EnergyQuestion(**day))).series  # type: ignore[arg-type]  # by name
    assert site.buckets[0].aggregates[ENERGY] == pytest.approx(98.0)
    assert (site.buckets[0].coverage, site.buckets[0].quality) == (1.0, Quality.OK)
    rooms = (await energy.report(EnergyQuestion(**day, group_by=GroupBy.ROOM))).series  # type: ignore[arg-type]  # fields by name
    assert {one.key: one.buckets[0].aggregates[ENERGY] for one in rooms} == pytest.approx(
        {"Cellar": 48.0, "Hall": 24.0, None: 98.0}
    )
    each = (await energy.report(EnergyQuestion(**day, group_by=GroupBy.SENSOR))).series  # type: ignore[arg-type]  # fields by name
    assert [one.key for one in each] == ["boiler", "lamp", "main"]


async def test_cost_follows_the_prices_within_a_bucket(w: World) -> None:
    await day_of_all(w)
    weekdays = frozenset(Weekday)
    await Tariffs(w.uow, w.clock, MemoryIdFactory()).put(
        Tariff(
            name=TariffName("t"),
            currency="EUR",
            timezone="Europe/Lisbon",
            valid_from=MONDAY - timedelta(days=400),
            valid_until=None,
            periods=(
                TariffPeriod(
                    days=weekdays,
                    from_minute=0,
                    to_minute=600,
                    rate=Rate(price_per_kwh=0.1, co2_g_per_kwh=100.0),
                ),
                TariffPeriod(days=weekdays, from_minute=600, to_minute=1200, rate=Rate(price_per_kwh=0.3)),
            ),
        ),
        ME,
    )
    report = await Energy(w.uow, w.clock, LISBON).report(
        EnergyQuestion(
            start=MONDAY,
            end=MONDAY + timedelta(days=1),
            resolution=parse_period("P1D"),
            tariff=TariffName("t"),
        )
    )
    (cost,) = report.series[0].costs or ()
    assert report.currency == "EUR"
    # 40 kWh until 10:00, 42 until 20:00, and 16 for which nobody said a price.
    assert cost.cost == pytest.approx(40 * 0.1 + 42 * 0.3)
    assert cost.co2_kg == pytest.approx(4.0)
    assert cost.unpriced_kwh == pytest.approx(16.0)
    assert cost.co2_unknown_kwh == pytest.approx(58.0)


async def test_an_unknown_tariff_is_said_so(w: World) -> None:
    with pytest.raises(NotFoundError) as error:
        await Energy(w.uow, w.clock, LISBON).report(
            EnergyQuestion(
                start=MONDAY, end=MONDAY + HOUR, resolution=parse_period("PT1H"), tariff=TariffName("none")
            )
        )
    assert error.value.code == "unknown_tariff"


async def test_today_and_now(w: World) -> None:
    energy = Energy(w.uow, w.clock, LISBON)
    assert (await energy.today()).value is None
    assert (await energy.power_now()).quality is Quality.MISSING
    await write(w, "main", MONDAY + timedelta(days=1), [2.0] * 8)
    today = await energy.today()
    assert today.value == pytest.approx(16.0)
    assert (today.coverage, today.quality) == (1.0, Quality.OK)
    for sensor_id, value in (("p1", 4.0), ("p2", 1.5)):
        await w.sensors.create(definition(sensor_id, resolution=QUARTER), ME)
        await write(w, sensor_id, w.clock.time - QUARTER, [value])
    assert (await energy.power_now()).value == pytest.approx(5.5)
    w.clock.advance(timedelta(hours=3))
    assert (await energy.power_now()).value is None, "what is stale says nothing of now"


async def test_a_day_at_a_glance(w: World) -> None:
    await day_of_all(w, MONDAY - timedelta(days=1))
    await day_of_all(w)
    found = await Summarise(w.uow, w.clock, LISBON).of(MONDAY, MONDAY + timedelta(days=1))
    assert found.energy_kwh == pytest.approx(98.0)
    assert found.mean_power_kw == pytest.approx(98.0 / 24)
    assert found.peak_power_kw == pytest.approx(12.0)
    assert found.peak_time == MONDAY + 40 * QUARTER
    assert found.load_factor == pytest.approx(98.0 / 24 / 12)
    assert found.previous.aggregates[ENERGY] == pytest.approx(98.0)
    assert found.change_percent == pytest.approx(0.0)
    assert [one.sensor_id for one in found.top_sensors] == ["main", "boiler", "lamp"]
    assert [one.energy_kwh for one in found.top_sensors] == pytest.approx([98.0, 48.0, 24.0])
    assert [one.room_name for one in found.top_rooms] == ["Cellar", "Hall"]
    assert [one.share for one in found.top_rooms] == pytest.approx([48 / 98, 24 / 98])
    assert (found.coverage, found.quality, list(found.missing_sensors)) == (1.0, Quality.OK, [])


async def test_a_site_without_data_is_honest(w: World) -> None:
    found = await Summarise(w.uow, w.clock, LISBON).of()
    assert found.end - found.start == timedelta(days=1)
    assert (found.energy_kwh, found.peak_power_kw, found.load_factor) == (None, None, None)
    assert (found.coverage, found.quality) == (0.0, Quality.MISSING)
    assert list(found.missing_sensors) == ["main"]


@pytest.mark.parametrize("year", [1995, 2020])
async def test_of_a_long_time_no_peak_is_sought(w: World, year: int) -> None:
    await day_of_all(w)
    found = await Summarise(w.uow, w.clock, LISBON).of(datetime(year, 1, 1, tzinfo=UTC), w.clock.time)
    assert found.energy_kwh == pytest.approx(98.0)
    assert (found.peak_power_kw, found.peak_reason) == (None, "range_too_long")


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (MONDAY, MONDAY, "end_before_start"),
        (datetime(1, 1, 1, tzinfo=UTC), MONDAY, "out_of_calendar"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC), "out_of_calendar"),
        (None, datetime(1, 1, 1, tzinfo=UTC), "out_of_calendar"),
        (datetime(9999, 12, 31, tzinfo=UTC), None, "end_before_start"),
    ],
)
async def test_what_cannot_be_asked(
    w: World, start: datetime | None, end: datetime | None, code: str
) -> None:
    with pytest.raises(InvalidError) as error:
        await Summarise(w.uow, w.clock, LISBON).of(start, end)
    assert error.value.code == code
