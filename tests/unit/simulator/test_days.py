from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from adapters.simulator.building import Building
from adapters.simulator.local_days import LocalCalendar, microseconds
from tests.unit.simulator.clock import (
    AUTUMN_CHANGE,
    HOUR,
    SECOND,
    SPRING_CHANGE,
    SUNDAY,
    WEDNESDAY,
    local,
    midnights,
)

BUILDING = Building()
CHRISTMAS = date(2026, 12, 25)
SUMMER, WINTER = date(2026, 6, 24), date(2026, 12, 16)


def day_energy(name: str, day: date) -> float:
    start, end = midnights(day)
    load = BUILDING.loads[name]
    return load.energy(end) - load.energy(start)


@pytest.mark.parametrize("name", ["north sockets", "north lights", "AC1", "coffee"])
def test_offices_rest_on_sundays_and_holidays(name: str) -> None:
    assert day_energy(name, WEDNESDAY) > 2.5 * day_energy(name, SUNDAY)
    assert day_energy(name, WEDNESDAY) > 2.5 * day_energy(name, CHRISTMAS)


def test_servers_do_not() -> None:
    assert day_energy("other racks", SUNDAY) == pytest.approx(day_energy("other racks", WEDNESDAY), rel=0.2)


@pytest.mark.parametrize(
    "day", [date(2026, 3, 27), date(2026, 3, 30), date(2026, 10, 23), date(2026, 10, 26)]
)
def test_office_hours_follow_the_clock_on_the_wall(day: date) -> None:
    sockets = BUILDING.loads["north sockets"]
    assert sockets.at(local(day, 6, 30)) < 500
    assert sockets.at(local(day, 10)) > 1400


@pytest.mark.parametrize(("day", "hours"), [(SPRING_CHANGE, 23), (WEDNESDAY, 24), (AUTUMN_CHANGE, 25)])
def test_days_have_their_hours(day: date, hours: int) -> None:
    found = LocalCalendar().day(day)
    assert found.end - found.start == hours * HOUR
    assert len(found.slots) == hours * 12 + 1
    assert found.slots[0] == 0
    assert found.slots[-1] == 288


def test_the_spring_hour_is_missing_and_the_autumn_hour_repeats() -> None:
    calendar = LocalCalendar()
    assert calendar.day(SPRING_CHANGE).slots[11:13] == (11, 24)
    assert calendar.day(AUTUMN_CHANGE).slots[22:26] == (22, 23, 12, 13)


def test_an_instant_belongs_to_its_local_day() -> None:
    calendar = LocalCalendar()
    assert calendar.day_of(local(SUMMER)).date == SUMMER
    assert calendar.day_of(local(SUMMER) - 1).date == SUMMER - timedelta(days=1)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        microseconds(datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("day", [SUMMER, WINTER])
def test_the_sun_shines_by_day_only(day: date) -> None:
    assert BUILDING.pv.at(local(day, 13)) > 100
    for time in (local(day, 0, 7), local(day, 4), local(day, 23, 30)):
        assert BUILDING.pv.at(time) == 0


def test_summer_has_the_longer_days() -> None:
    def hours_of_sun(day: date) -> float:
        start, end = midnights(day)
        return sum(BUILDING.pv.at(time) > 0 for time in range(start, end, 300 * SECOND)) / 12

    assert hours_of_sun(SUMMER) == pytest.approx(14.9, abs=0.3)
    assert hours_of_sun(WINTER) == pytest.approx(9.4, abs=0.3)


def test_the_air_fills_with_people() -> None:
    room = BUILDING.rooms["Office North"]
    assert room.co2.at(local(WEDNESDAY, 4)) < 460
    assert room.co2.at(local(WEDNESDAY, 12)) > 700
    assert room.co2.at(local(SUNDAY, 12)) < 460
    assert room.people.at(local(WEDNESDAY, 12)) > 8
    assert room.people.at(local(SUNDAY, 12)) == 0


@pytest.mark.parametrize("day", [WEDNESDAY, SUNDAY, SPRING_CHANGE, AUTUMN_CHANGE, SUMMER])
def test_rooms_change_gently_and_stay_habitable(day: date) -> None:
    start, end = midnights(day)
    for name, room in BUILDING.rooms.items():
        temperatures = [room.temperature.at(time) for time in range(start - HOUR, end + HOUR, 300 * SECOND)]
        steps = [abs(later - earlier) for earlier, later in pairwise(temperatures)]
        assert max(steps) < 0.4, name
        if name != "Roof":
            assert 14 < min(temperatures) < max(temperatures) < 30, name


def test_the_same_seed_gives_the_same_building_and_another_seed_another() -> None:
    time = local(WEDNESDAY, 11, 3) + 4567
    again, other = Building(), Building(seed=1)
    assert again.grid.at(time) == BUILDING.grid.at(time)
    assert again.grid.energy(time) == BUILDING.grid.energy(time)
    assert again.rooms["Lab"].co2.at(time) == BUILDING.rooms["Lab"].co2.at(time)
    assert other.grid.at(time) != BUILDING.grid.at(time)
    assert other.rooms["Lab"].co2.at(time) != BUILDING.rooms["Lab"].co2.at(time)
