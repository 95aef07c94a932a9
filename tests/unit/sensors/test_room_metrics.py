"""Metrics of rooms worked out by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.sensors.model import Comfort, RoomName, SensorId
from domain.sensors.services.room_metrics_slots import RoomMetricsRules, slots_between
from domain.shared.errors import InvalidError, NotFoundError
from domain.shared.quantities import Accumulation, Counts, Direction, Quality, Quantity
from tests.unit.sensors.rooms import LAB, MINUTE, SLOT, Building, at, building
from tests.unit.sensors.samples import ME


@pytest.fixture
def b() -> Building:
    return building()


async def test_a_slot_by_hand(b: Building) -> None:
    await b.room(area_m2=50, capacity=10, comfort=Comfort(19, 22, 1000))
    await b.sensor("lamp", Quantity.POWER, resolution=MINUTE)
    await b.sensor("oven", Quantity.POWER, resolution=MINUTE)
    await b.sensor("air", Quantity.TEMPERATURE, resolution=MINUTE)
    await b.sensor("moist", Quantity.HUMIDITY, resolution=MINUTE)
    await b.sensor("co2", Quantity.CO2, resolution=MINUTE)
    await b.sensor("people", Quantity.OCCUPANCY, resolution=MINUTE)
    for minute in range(6):
        time = f"10:0{minute}"
        await b.send("lamp", (time, 0.1))
        await b.send("oven", (time, float(minute)))
        await b.send("air", (time, 20.0 + minute))
        await b.send("moist", (time, 40.0))
        await b.send("co2", (time, 600.0 + 100 * (minute == 2)))
        await b.send("people", (time, 4.0 if minute < 3 else 2.0))
    await b.run("10:05")
    found = await b.slot("10:00")
    assert found.end == at("10:05")
    # The oven rises from 0 to 5 kW in 5 minutes: 2.5 kW on average.
    assert found.power_kw == pytest.approx(2.6)
    assert found.slot_energy_kwh == pytest.approx(2.6 / 12)
    assert found.energy_kwh == pytest.approx(2.6 / 12)
    assert found.temperature == pytest.approx(22.5)
    assert found.humidity == pytest.approx(40)
    # A peak of 100 ppm above, two minutes wide at its foot.
    assert found.co2 == pytest.approx(620)
    assert found.co2_peak == 700
    # 4 for two minutes, falling to 2 in the third, then 2 for two minutes.
    assert found.occupancy == pytest.approx(3.0)
    assert not found.occupancy_estimated
    # Readings of the slot go from 20 to 24 °C, and to 22 it is comfortable; on average it is too warm.
    assert found.comfort is False
    assert found.comfort_share == pytest.approx(0.5)
    assert (found.coverage, found.quality, found.missing_sensors) == (1.0, Quality.OK, ())


async def test_nothing_is_counted_twice(b: Building) -> None:
    await b.room()
    await b.sensor("main", Quantity.POWER, resolution=MINUTE)
    await b.sensor("part", Quantity.POWER, resolution=MINUTE, submeter_of=SensorId("main"))
    await b.sensor("sun", Quantity.POWER, resolution=MINUTE, direction=Direction.EXPORT)
    await b.sensor("not", Quantity.POWER, resolution=MINUTE, counts=Counts.FALSE)
    await b.sensor("register", Quantity.ENERGY, accumulation=Accumulation.CUMULATIVE, device_id="meter")
    await b.sensor("same", Quantity.POWER, resolution=MINUTE, device_id="meter")
    for minute in range(6):
        time = f"10:0{minute}"
        for sensor, value in (("main", 5.0), ("part", 4.0), ("sun", 1.0), ("not", 9.0), ("same", 2.0)):
            await b.send(sensor, (time, value))
    await b.send("register", ("10:00", 100.0), ("10:05", 100.5))
    await b.run("10:05")
    found = await b.slot("10:00")
    assert found.power_kw == pytest.approx(5 - 1 + 2)
    # Of the meter its register counts, and not its power.
    assert found.slot_energy_kwh == pytest.approx((5 - 1) / 12 + 0.5)


async def test_a_dead_sensor_is_missing_and_never_0(b: Building) -> None:
    await b.room(comfort=Comfort(temperature_min=18))
    await b.sensor("alive", Quantity.POWER, resolution=MINUTE)
    await b.sensor("dead", Quantity.POWER, resolution=MINUTE)
    await b.sensor("air", Quantity.TEMPERATURE, resolution=MINUTE)
    await b.send("dead", ("09:50", 7.0))
    await b.send("air", ("09:50", 20.0))
    await b.send("alive", *[(f"10:0{minute}", 2.0) for minute in range(6)])
    await b.run("10:05")
    found = await b.slot("10:00")
    assert found.power_kw == 2.0
    assert (found.temperature, found.comfort, found.comfort_share) == (None, None, None)
    assert found.missing_sensors == ("air", "dead")
    assert found.coverage == pytest.approx(1 / 3)
    assert found.quality is Quality.ESTIMATED


async def test_all_dead_is_missing(b: Building) -> None:
    await b.room()
    await b.sensor("air", Quantity.TEMPERATURE, resolution=MINUTE)
    await b.run("10:05")
    found = await b.slot("10:00")
    assert (found.temperature, found.coverage, found.quality) == (None, 0.0, Quality.MISSING)
    assert found.missing_sensors == ("air",)


async def test_a_state_holds_until_the_sensor_is_too_old(b: Building) -> None:
    await b.room()
    await b.sensor("air", Quantity.TEMPERATURE, resolution=5 * MINUTE)
    await b.send("air", ("10:00", 20.0))
    await b.run("10:10")
    for start in ("10:00", "10:05"):
        found = await b.slot(start)
        assert (found.temperature, found.quality, found.missing_sensors) == (20, Quality.ESTIMATED, ())
        assert found.coverage == 0
    await b.run("10:20")
    assert (await b.slot("10:10")).temperature == 20
    assert (await b.slot("10:15")).temperature is None
    # Once it goes on, what was held becomes what was measured.
    await b.send("air", ("10:10", 22.0))
    await b.run("10:25")
    found = await b.slot("10:05")
    assert found.temperature == pytest.approx(21.5)
    assert found.quality is Quality.OK


async def test_a_room_without_sensors_has_no_metrics(b: Building) -> None:
    await b.room()
    await b.sensor("elsewhere", Quantity.POWER, room=None)
    await b.sensor("light", Quantity.CO2, room=RoomName("Other"))
    assert await b.run("10:05") > 0
    assert set(await b.read.newest([LAB, RoomName("Other")])) == {"Other"}


async def test_slots_before_a_rooms_first_reading_are_left_out(b: Building) -> None:
    await b.room()
    await b.sensor("lamp", Quantity.POWER, resolution=MINUTE)
    await b.send("lamp", *[(f"10:0{minute}", 2.0) for minute in range(8)])
    assert await b.run("10:10") == 2


@pytest.mark.parametrize(
    ("size", "ppm", "people"),
    [
        # Q = 10 x 9 + 50 x 1.08 = 144 m³/h; 144 x 180 ppm = 0.02592 m³/h, of 0.01512 for each person.
        ({"area_m2": 50, "capacity": 10}, 600, 0.02592 / 0.01512),
        # 2.5 people are the default of 50 m²: Q = 22.5 + 54.
        ({"area_m2": 50}, 600, 76.5 * 180e-6 / 0.01512),
        ({"capacity": 10}, 600, 306 * 180e-6 / 0.01512),
        ({"capacity": 2}, 5000, 2.0),
        ({"area_m2": 50}, 400, 0.0),
        ({}, 600, None),
    ],
)
async def test_people_are_estimated_by_co2(
    b: Building, size: dict[str, Any], ppm: float, people: float | None
) -> None:
    await b.room(**size)
    await b.sensor("co2", Quantity.CO2, resolution=MINUTE)
    await b.send("co2", *[(f"09:{minute}", ppm) for minute in range(50, 60)])
    await b.send("co2", *[(f"10:0{minute}", ppm) for minute in range(6)])
    await b.run("10:05")
    found = await b.slot("10:00")
    assert found.occupancy == (None if people is None else pytest.approx(people))
    assert found.occupancy_estimated is (people is not None)


async def test_rising_co2_tells_of_people_before_it_is_high(b: Building) -> None:
    await b.room(area_m2=50, capacity=10)
    await b.sensor("co2", Quantity.CO2, resolution=5 * MINUTE)
    await b.send("co2", ("09:55", 420.0), ("10:00", 420.0), ("10:05", 480.0))
    await b.run("10:05")
    found = await b.slot("10:00")
    # The mean rises by 30 ppm in 5 minutes, in 135 m³; and 144 m³/h carry 30 ppm away.
    assert found.occupancy == pytest.approx((135 * 360 + 144 * 30) / 1e6 / 0.01512)


async def test_a_silent_counter_of_people_is_not_replaced_by_a_guess(b: Building) -> None:
    await b.room(capacity=10)
    await b.sensor("co2", Quantity.CO2, resolution=MINUTE)
    await b.sensor("people", Quantity.OCCUPANCY, resolution=MINUTE)
    await b.send("co2", *[(f"10:0{minute}", 600.0) for minute in range(6)])
    await b.run("10:05")
    found = await b.slot("10:00")
    assert (found.occupancy, found.occupancy_estimated) == (None, False)


@pytest.mark.parametrize(
    ("band", "comfort", "share"),
    [
        (Comfort(18, 24), True, 1.0),
        (Comfort(20, 20), True, 1.0),
        (Comfort(temperature_max=19), False, 0.0),
        (Comfort(18, 24, 1000), None, None),  # nobody measures CO2
        (Comfort(18, 19, 1000), False, None),
        (Comfort(), None, None),
        (None, None, None),
    ],
)
async def test_comfort_needs_a_band_and_data(
    b: Building, band: Comfort | None, comfort: bool | None, share: float | None
) -> None:
    await b.room(comfort=band)
    await b.sensor("air", Quantity.TEMPERATURE, resolution=MINUTE)
    await b.send("air", *[(f"10:0{minute}", 20.0) for minute in range(6)])
    await b.run("10:05")
    found = await b.slot("10:00")
    assert (found.comfort, found.comfort_share) == (comfort, share)


@pytest.mark.parametrize(
    ("zone", "night", "hours"),
    [
        ("Europe/Lisbon", datetime(2026, 3, 29, 22, 55, tzinfo=UTC), 23),
        ("Europe/Lisbon", datetime(2026, 10, 25, 23, 55, tzinfo=UTC), 25),
        ("Europe/Lisbon", datetime(2026, 3, 2, 23, 55, tzinfo=UTC), 24),
        ("Asia/Kathmandu", datetime(2026, 3, 2, 18, 10, tzinfo=UTC), 24),
    ],
)
async def test_energy_since_midnight_on_days_of_any_length(zone: str, night: datetime, hours: int) -> None:
    b = building(zone)
    await b.room()
    await b.sensor("lamp", Quantity.POWER, resolution=15 * MINUTE, accumulation=Accumulation.MEAN)
    midnight = night + SLOT
    times = [midnight - timedelta(hours=30) + n * 15 * MINUTE for n in range(124)]
    b.w.clock.time = times[-1] + timedelta(hours=1)
    await b.send_all("lamp", times, [3.0] * len(times))
    await b.sum_up()
    b.w.clock.time = midnight + 2 * SLOT
    await b.refresh.run()
    async with b.w.uow.begin() as tx:
        last, first, second = await tx.room_metrics.page(LAB, night, midnight + 2 * SLOT, 10)
    assert last.energy_kwh == pytest.approx(3.0 * hours)
    assert first.energy_kwh == pytest.approx(0.25)
    assert second.energy_kwh == pytest.approx(0.5)


async def test_midnight_may_cut_a_slot_in_two() -> None:
    b = building("Asia/Kathmandu", timedelta(hours=1))  # midnight is at 18:15 UTC
    await b.room()
    await b.sensor("lamp", Quantity.POWER, resolution=15 * MINUTE, accumulation=Accumulation.MEAN)
    times = [at("10:00") + n * 15 * MINUTE for n in range(37)]
    b.w.clock.time = at("19:15")
    await b.send_all("lamp", times, [4.0] * len(times))
    await b.run("19:05")
    async with b.w.uow.begin() as tx:
        before, cut = await tx.room_metrics.page(LAB, at("17:00"), at("19:00"), 10)
    assert before.energy_kwh == pytest.approx(4 * 8)
    assert cut.slot_energy_kwh == pytest.approx(4.0)
    assert cut.energy_kwh == pytest.approx(3.0)


def test_slots_know_their_buckets() -> None:
    rules = RoomMetricsRules(timedelta(hours=1), ZoneInfo("Asia/Kathmandu"))
    slots = slots_between(at("17:00"), at("19:30"), rules)
    assert [f"{edge:%H:%M}" for edge in slots.edges] == ["16:00", "17:00", "18:00", "18:15", "19:00"]
    assert slots.buckets == [range(1, 2), range(2, 4)]


async def test_the_newest_is_stale_after_two_intervals(b: Building) -> None:
    await b.room()
    await b.sensor("air", Quantity.TEMPERATURE)
    assert await b.read.newest([LAB]) == {}
    await b.run("10:05")
    b.w.clock.time = at("10:15")
    assert not (await b.read.newest([LAB]))[LAB].stale
    b.w.clock.time = at("10:15:01")
    assert (await b.read.newest([LAB]))[LAB].stale


async def test_the_history_comes_in_pages(b: Building) -> None:
    await b.room()
    await b.sensor("air", Quantity.TEMPERATURE)
    await b.run("10:05")
    whole = await b.read.page(LAB, None, None, None, 1000)
    assert [one.start for one in whole.metrics] == sorted(one.start for one in whole.metrics)
    assert whole.next_after is None
    first = await b.read.page(LAB, None, None, None, 3)
    second = await b.read.page(LAB, None, None, first.next_after, 1000)
    assert [*first.metrics, *second.metrics] == [*whole.metrics]
    half_open = await b.read.page(LAB, at("09:55"), at("10:00"), None, 10)
    assert [one.start for one in half_open.metrics] == [at("09:55")]
    with pytest.raises(NotFoundError):
        await b.read.page(RoomName("None"), None, None, None, 1)
    with pytest.raises(InvalidError):
        await b.read.page(LAB, at("10:00"), at("09:00"), None, 1)


async def test_metrics_go_with_their_room_and_with_time() -> None:
    b = building(kept_for=timedelta(days=2))
    await b.room()
    await b.sensor("air", Quantity.TEMPERATURE)
    await b.run("10:05")
    await b.run("2026-03-04T11:00")
    async with b.w.uow.begin() as tx:
        kept = (await tx.room_metrics.kept([LAB]))[LAB]
    assert kept.oldest >= at("2026-03-02T11:00")
    await b.w.rooms.delete(LAB, ME)
    assert await b.read.newest([LAB]) == {}
