import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.simulator.building import Building
from adapters.simulator.commands import CommandDesk, CommandError
from adapters.simulator.devices import devices_of
from adapters.simulator.local_days import SECOND, microseconds
from adapters.simulator.shedding import SheddableLoad, Temper

NOON = microseconds(datetime(2026, 11, 18, 12, 1, 17, tzinfo=UTC))
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class Steady:
    """1 kW for ever."""

    def at(self, _time: int) -> float:
        return 1000.0

    def energy(self, time: int) -> float:
        return 1000.0 * time / HOUR


def load(returned: float = 0.5, extra: float = 200.0, ramp: float = 16) -> SheddableLoad:
    return SheddableLoad(Steady(), Temper(ramp, returned, extra))


def ahead(one: SheddableLoad, time: int) -> float:
    return one.energy(time) - one.usual.energy(time)


def test_nobody_has_told_it_anything() -> None:
    one = Building().sheddable["AC1"]
    for time in range(NOON, NOON + HOUR, 7 * MINUTE):
        assert one.at(time) == one.usual.at(time)
        assert one.energy(time) == one.usual.energy(time)


def test_it_comes_down_by_its_ramp_and_back_by_it() -> None:
    one = load()
    one.reduce(NOON, 200)
    assert one.at(NOON) == 1000
    assert one.at(NOON + 8 * SECOND) == pytest.approx(600)
    assert one.at(NOON + 16 * SECOND) == one.at(NOON + HOUR) == pytest.approx(200)
    one.restore(NOON + HOUR)
    assert one.at(NOON + HOUR) == pytest.approx(200)
    assert one.at(NOON + HOUR + 8 * SECOND) == pytest.approx(600)


def test_it_draws_part_of_what_it_put_off_later() -> None:
    one = load(returned=0.5, extra=200)
    one.reduce(NOON, 200)
    one.restore(NOON + HOUR)
    put_off = -ahead(one, NOON + HOUR)
    assert put_off == pytest.approx(800, rel=0.01)
    rebounding = NOON + HOUR + MINUTE
    assert one.at(rebounding) == 1200
    # 400 Wh and what it misses while it comes back, by 200 W: two hours.
    assert one.at(NOON + 3 * HOUR - MINUTE) == 1200
    assert one.at(NOON + 4 * HOUR) == 1000
    assert ahead(one, NOON + 4 * HOUR) == pytest.approx(-put_off / 2, abs=1e-6)


def test_its_register_is_the_integral_of_its_power_and_never_falls() -> None:
    one = Building().sheddable["AC2"]
    one.reduce(NOON, 300)
    one.reduce(NOON + 3 * MINUTE + 7, 900)
    one.restore(NOON + 9 * MINUTE)
    one.reduce(NOON + 11 * MINUTE, 0)
    one.restore(NOON + 15 * MINUTE)
    step = SECOND // 10
    times = range(NOON - MINUTE, NOON + HOUR, step)
    integral = sum((one.at(before) + one.at(after)) / 2 for before, after in pairwise(times)) * step / HOUR
    assert one.energy(times[-1]) - one.energy(times[0]) == pytest.approx(integral, rel=2e-4)
    registers = [one.energy(time) for time in times]
    assert all(before <= after + 1e-9 for before, after in pairwise(registers))


def test_whoever_is_told_anew_while_it_rebounds_still_owes_the_rest() -> None:
    one = load(returned=1.0, extra=100, ramp=0)
    one.reduce(NOON, 0)
    one.restore(NOON + HOUR)
    one.reduce(NOON + 2 * HOUR, 0)  # 100 of 1000 Wh are back
    one.restore(NOON + 2 * HOUR + MINUTE)
    assert ahead(one, NOON + 100 * HOUR) == pytest.approx(0, abs=1e-6)


def test_a_load_that_is_below_what_it_may_draw_stays_as_it_is() -> None:
    one = load()
    one.reduce(NOON, 5000)
    assert one.at(NOON + HOUR) == 1000
    one.restore(NOON + HOUR)
    assert ahead(one, NOON + 9 * HOUR) == 0


def test_to_let_go_whom_nobody_told_anything_changes_nothing() -> None:
    one = load()
    one.restore(NOON)
    assert one.at(NOON + HOUR) == 1000


def test_the_main_meter_falls_with_its_devices() -> None:
    building = Building()
    before = building.grid.at(NOON + MINUTE)
    usual = building.sheddable["EV1"].at(NOON + MINUTE)
    building.sheddable["EV1"].reduce(NOON, 0)
    assert building.grid.at(NOON + MINUTE) == pytest.approx(before - usual)


def test_a_command_that_is_sent_twice_is_carried_out_once() -> None:
    building = Building()
    desk = CommandDesk(devices_of(building))
    usual = building.sheddable["EV1"].usual.at(NOON)
    first = desk.tell("ev1", "reduce", b'{"target_kw": 1.0}', "key", NOON)
    again = desk.tell("ev1", "reduce", b'{"target_kw": 1.0}', "key", NOON + MINUTE)
    assert first == again
    assert usual > 2000
    assert building.sheddable["EV1"].at(NOON + MINUTE) == pytest.approx(1000, rel=0.2)
    desk.tell("ev1", "restore", b"", "other", NOON + MINUTE)
    desk.tell("ev1", "reduce", b'{"target_kw": 1.0}', "key", NOON + HOUR)
    later = NOON + HOUR + MINUTE
    assert building.sheddable["EV1"].at(later) >= building.sheddable["EV1"].usual.at(later)


@pytest.mark.parametrize(
    ("body", "kw"), [(b'{"reduction_kw": 1}', -1.0), (b"{}", None), (b'{"target_kw": null}', None)]
)
def test_without_a_target_it_sheds_what_it_is_told_or_all(body: bytes, kw: float | None) -> None:
    building = Building()
    before = building.sheddable["EV1"].at(NOON)
    CommandDesk(devices_of(building)).tell("ev1", "reduce", body, None, NOON)
    after = building.sheddable["EV1"].at(NOON + 6 * SECOND)
    assert after == pytest.approx(0.0 if kw is None else before + kw * 1000, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"target_kw": "1"}', b'{"reduction_kw": -1}'])
def test_what_makes_no_sense_is_refused(body: bytes) -> None:
    with pytest.raises(CommandError):
        CommandDesk(devices_of(Building())).tell("ev1", "reduce", body, None, NOON)


def test_a_restart_of_the_simulation_changes_no_register(tmp_path: Path) -> None:
    journal = tmp_path / "orders.jsonl"
    first, second = Building(), Building()
    desk = CommandDesk(devices_of(first), journal)
    desk.tell("ac1", "reduce", json.dumps({"target_kw": 0.2}).encode(), None, NOON)
    desk.tell("ac1", "restore", b"", None, NOON + HOUR)
    desk.tell("cold-room", "reduce", b"{}", None, NOON + HOUR)
    CommandDesk(devices_of(second), journal).recall()
    later = NOON + HOUR + 5 * MINUTE
    for name in ("AC1", "cold room"):
        assert second.sheddable[name].energy(later) == first.sheddable[name].energy(later)
        assert second.sheddable[name].at(later) == first.sheddable[name].at(later)
    assert second.sheddable["cold room"].at(later) == pytest.approx(0)
