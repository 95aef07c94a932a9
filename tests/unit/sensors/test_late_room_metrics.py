"""Room metrics when readings come late, are corrected, or when nobody worked them out for a while."""

from datetime import timedelta

import pytest

from domain.sensors.model import Comfort, RoomName
from domain.shared.quantities import Accumulation, Quality, Quantity
from tests.unit.sensors.rooms import LAB, MINUTE, Building, at, building
from tests.unit.sensors.samples import ME


@pytest.fixture
async def b() -> Building:
    b = building()
    await b.room()
    await b.sensor("lamp", Quantity.POWER, resolution=MINUTE)
    b.w.clock.time = at("12:00")
    await _minutes(b, "09:00", 180, 2.0)
    return b


async def _minutes(b: Building, start: str, length: int, value: float) -> None:
    times = [at(start) + n * MINUTE for n in range(length)]
    await b.send_all("lamp", times, [value] * length)


async def _runs(b: Building, until: str, every: int = 5) -> int:
    """Run as often as the job does; return how much was written."""
    written = 0
    while b.w.clock.time < at(until):
        b.w.clock.time += timedelta(minutes=every)
        written += await b.refresh.run()
    return written


async def test_a_run_that_changes_nothing_writes_nothing(b: Building) -> None:
    assert await b.run("12:00") > 12
    assert await b.run("12:00") == 0
    assert b.corrections == []


async def test_the_end_of_the_newest_slot_is_completed_without_a_word(b: Building) -> None:
    await b.run("12:00")
    assert (await b.slot("11:55")).coverage == pytest.approx(0.8)
    await _minutes(b, "12:00", 5, 2.0)
    assert await b.run("12:05") == 2
    found = await b.slot("11:55")
    assert (found.coverage, found.quality) == (1.0, Quality.OK)
    assert b.corrections == []


@pytest.mark.parametrize("late", [11, 25, 55, 70])
async def test_readings_minutes_late_correct_the_slot_and_what_follows_on_that_day(
    b: Building, late: int
) -> None:
    await b.run("12:00")
    await b.sum_up()
    minute = at("12:00") - late * MINUTE
    before = await b.slot("11:50")
    await b.send_all("lamp", [minute], [62.0])
    await b.sum_up()
    await _runs(b, "12:15")
    start = at("00:00") + (minute - at("00:00")) // (5 * MINUTE) * (5 * MINUTE)
    async with b.w.uow.begin() as tx:
        (found,) = await tx.room_metrics.page(LAB, start, start + MINUTE, 1)
    assert found.power_kw is not None
    assert found.power_kw > 2.1
    (correction, *_) = b.corrections
    assert correction[0] == "Lab"
    assert correction[1] <= f"{start:%H:%M}" < correction[2]
    # A minute on either side has 30 kW more on average: 1 kWh.
    after = await b.slot("11:50")
    assert after.energy_kwh is not None
    assert before.energy_kwh is not None
    assert after.energy_kwh - before.energy_kwh == pytest.approx(1.0)


async def test_readings_hours_late_correct_their_day(b: Building) -> None:
    await b.run("09:30")
    await _runs(b, "12:00")
    await b.sum_up()
    assert b.corrections == []
    await b.send_all("lamp", [at("09:12")], [62.0])
    await b.sum_up()
    await b.run("12:05")
    # The day's energy grew in all that follows, which is told first where it is the newest.
    assert b.corrections == [("Lab", "10:25", "11:55"), ("Lab", "09:10", "10:25")]
    assert (await b.slot("11:30")).energy_kwh == pytest.approx(2 * (2 + 35 / 60) + 1)
    assert await b.run("12:05") == 0


async def test_days_are_worked_off_in_portions() -> None:
    b = building()
    await b.sensor("lamp", Quantity.POWER, room=LAB, resolution=MINUTE)
    await b.send("lamp", ("2026-01-31T10:00", 1.0))
    days = [at(f"2026-02-{day:02}T10:00") for day in range(1, 28)]
    for day in days:
        b.w.clock.time = day + timedelta(hours=1)
        await b.refresh.run()
    await b.sum_up()
    b.w.clock.time = at("12:00")
    await b.send_all("lamp", [day + 12 * MINUTE + n * MINUTE for day in days for n in range(2)], [6.0] * 54)
    await b.sum_up()
    await b.run("12:00")
    for day in days:
        async with b.w.uow.begin() as tx:
            (found,) = await tx.room_metrics.page(LAB, day + 10 * MINUTE, day + 11 * MINUTE, 1)
            assert not await tx.room_metrics.marked(1)
        assert found.power_kw == pytest.approx(6.0)


async def test_what_was_never_worked_out_is_not_made_up_later(b: Building) -> None:
    await b.run("12:00")
    await b.sum_up()
    await b.send_all("lamp", [at("2026-01-02T10:00"), at("2026-01-02T10:01")], [1.0, 1.0])
    await b.sum_up()
    await b.run("12:05")
    async with b.w.uow.begin() as tx:
        kept = (await tx.room_metrics.kept([LAB]))[LAB]
    assert kept.oldest.day == 2
    assert kept.oldest.month == 3


async def test_after_a_rest_the_slots_in_between_are_made_up(b: Building) -> None:
    await b.run("09:30")
    await b.run("12:00")
    async with b.w.uow.begin() as tx:
        found = await tx.room_metrics.page(LAB, at("09:00"), at("12:00"), 1000)
    assert [one.start for one in found] == [at("09:00") + 5 * n * MINUTE for n in range(36)]
    assert all(one.power_kw == pytest.approx(2.0) for one in found)


async def test_energy_of_an_outage_is_spread_over_the_slots_that_lack_it() -> None:
    b = building()
    await b.room()
    await b.sensor("register", Quantity.ENERGY, accumulation=Accumulation.CUMULATIVE, resolution=5 * MINUTE)
    b.w.clock.time = at("2026-03-01T20:00")
    await b.send("register", ("2026-03-01T19:55", 100.0), ("2026-03-01T20:00", 101.0))
    await b.run("2026-03-01T20:05")
    await _runs(b, "08:00")
    missing = await b.slot("2026-03-01T23:00")
    assert (missing.slot_energy_kwh, missing.quality) == (None, Quality.MISSING)
    await b.send("register", ("08:00", 113.0))
    await b.run("08:05")
    for start in ("2026-03-01T21:00", "2026-03-01T23:00", "02:00", "07:55"):
        found = await b.slot(start)
        assert found.slot_energy_kwh == pytest.approx(1 / 12)
        assert found.quality is Quality.ESTIMATED
    # 12 kWh in 12 hours, of which 4 were yesterday; midnight is the same in Lisbon.
    assert (await b.slot("2026-03-01T23:55")).energy_kwh == pytest.approx(1 + 4)
    assert (await b.slot("07:55")).energy_kwh == pytest.approx(8)
    assert await b.run("08:05") == 0


async def test_a_new_band_holds_from_today_on_and_does_not_go_through_all_of_the_past() -> None:
    b = building()
    await b.room(comfort=Comfort(temperature_max=19))
    await b.sensor("air", Quantity.TEMPERATURE, resolution=5 * MINUTE)
    start = at("2026-02-27T00:00")
    times = [start + 5 * n * MINUTE for n in range(3 * 288 + 145)]
    b.w.clock.time = times[-1]
    await b.send_all("air", times, [20.0] * len(times))
    await b.run("2026-02-27T01:00")
    await b.run("12:00")
    assert (await b.slot("2026-02-28T12:00")).comfort is False
    await b.w.rooms.change(LAB, {"comfort": Comfort(temperature_max=21)}, ME)
    await b.run("12:15")
    assert (await b.slot("11:00")).comfort is True
    assert (await b.slot("2026-02-28T12:00")).comfort is False


async def test_marks_of_sensors_without_rooms_or_metrics_are_nothing(b: Building) -> None:
    await b.sensor("free", Quantity.POWER, room=None)
    await b.sensor("other", Quantity.POWER, room=RoomName("Other"))
    for sensor in ("free", "other", "lamp"):
        await b.send_all(sensor, [at("09:00:30"), at("09:01:30")], [5.0, 5.0])
    await b.sum_up()
    async with b.w.uow.begin() as tx:
        assert not await tx.room_metrics.marked(10)


async def test_every_room_gets_its_turn_within_a_quarter_of_an_hour(b: Building) -> None:
    rooms = [RoomName(f"Room {n}") for n in range(12)]
    for room in rooms:
        await b.sensor(f"in {room}".replace(" ", "-"), Quantity.POWER, room=room, resolution=MINUTE)
    for room in rooms:
        times = [at("11:00") + n * MINUTE for n in range(60)]
        await b.send_all(f"in {room}".replace(" ", "-"), times, [1.0] * 60)
    await b.run("12:00")
    for room in rooms:
        await b.send_all(f"in {room}".replace(" ", "-"), [at("11:12")], [31.0])
    await _runs(b, "12:15")
    assert {room for room, *_ in b.corrections} == set(rooms)
