from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from adapters.simulator.building import Building
from adapters.simulator.curves import Metered
from adapters.simulator.local_days import microseconds
from tests.unit.simulator.clock import AUTUMN_CHANGE, HOUR, SECOND, SPRING_CHANGE, WEDNESDAY, midnights

BUILDING = Building(seed=7)
METERED: dict[str, Metered] = {
    **BUILDING.loads,
    "pv": BUILDING.pv,
    "discharge": BUILDING.discharge,
    "racks": BUILDING.racks,
    "grid": BUILDING.grid,
}


def integral(load: Metered, start: int, end: int) -> float:
    """Sum Wh by Simpson's rule, fine enough for the ripple within each five minutes."""
    step = 2 * SECOND
    powers = [load.at(time) for time in range(start, end, step)]
    ends = [load.at(end - 1)]
    weights = [1, *([4, 2] * (len(powers) // 2))][: len(powers)]
    weighted = sum(weight * power for weight, power in zip(weights, powers, strict=True))
    return (weighted + sum(ends)) * step / 3 / HOUR


@pytest.mark.parametrize("name", METERED)
def test_a_register_is_the_integral_of_the_power(name: str) -> None:
    load = METERED[name]
    for hour in (3, 9, 12, 19):
        start = midnights(WEDNESDAY)[0] + hour * HOUR
        measured = integral(load, start, start + HOUR)
        assert load.energy(start + HOUR) - load.energy(start) == pytest.approx(measured, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("day", [WEDNESDAY, SPRING_CHANGE, AUTUMN_CHANGE])
@pytest.mark.parametrize("name", ["AC1", "grid", "pv"])
def test_a_whole_day_is_counted_across_midnights_and_clock_changes(name: str, day: date) -> None:
    start, end = midnights(day)
    load = METERED[name]
    assert load.energy(end) - load.energy(start) == pytest.approx(integral(load, start, end), rel=1e-6)


@pytest.mark.parametrize("name", METERED)
def test_a_register_never_falls(name: str) -> None:
    load = METERED[name]
    start = midnights(SPRING_CHANGE)[0]
    readings = [round(load.energy(start + minute * 60 * SECOND), 3) for minute in range(0, 3 * 1440, 5)]
    assert all(earlier <= later for earlier, later in pairwise(readings))


def test_midnight_joins_the_days() -> None:
    _, midnight = midnights(WEDNESDAY)
    for load in METERED.values():
        assert load.energy(midnight) - load.energy(midnight - 1) == pytest.approx(0, abs=1e-4)


def test_a_register_is_the_same_however_it_is_reached() -> None:
    time = midnights(WEDNESDAY)[0] + 10 * HOUR + 1234567
    walked = Building(seed=7).loads["oven"]
    for day in range(40, 0, -1):
        walked.energy(time - day * 24 * HOUR)
    assert walked.energy(time) == METERED["oven"].energy(time)


def test_the_racks_are_the_sum_of_their_outlets_and_less_than_the_grid() -> None:
    start = midnights(WEDNESDAY)[0]
    for time in range(start, start + 24 * HOUR, 7 * 60 * SECOND):
        outlets = sum(BUILDING.loads[name].at(time) for name in ("storage", "compute", "network"))
        assert outlets < BUILDING.racks.at(time) < BUILDING.grid.at(time)


def test_the_building_always_imports_so_that_its_import_register_is_its_net_energy() -> None:
    for month in range(1, 13):
        for sunday in (date.fromordinal(date(2026, month, 1).toordinal() + day) for day in range(28)):
            if sunday.isoweekday() != 7:
                continue
            start, end = midnights(sunday)
            assert min(BUILDING.grid.at(time) for time in range(start, end, HOUR // 4)) > 500


def test_before_commissioning_there_is_no_register() -> None:
    with pytest.raises(ValueError, match="commissioned on 2020-01-01"):
        BUILDING.loads["AC1"].energy(microseconds(datetime(2019, 12, 31, 12, tzinfo=UTC)))
