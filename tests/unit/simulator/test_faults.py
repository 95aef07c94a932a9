from collections import Counter

from adapters.simulator.faults import SLOT, Fault, FaultSchedule
from tests.unit.simulator.clock import HOUR, SECOND, WEDNESDAY, local

START = local(WEDNESDAY)
DAY = range(START, START + 24 * HOUR, 5 * SECOND)


def share_of_time(schedule: FaultSchedule, device: str) -> float:
    return sum(schedule.at(device, time) is not None for time in DAY) / len(DAY)


def test_some_devices_fail_often_and_most_hardly_ever() -> None:
    schedule = FaultSchedule(seed=3)
    assert 0.02 < share_of_time(schedule, "hallway-lights") < 0.1
    assert share_of_time(schedule, "AC1") < 0.005


def test_rate_zero_disables_faults() -> None:
    assert share_of_time(FaultSchedule(seed=3, rate=0), "hallway-lights") == 0


def test_a_high_rate_gives_every_kind_of_short_fault_to_every_device() -> None:
    schedule = FaultSchedule(seed=3, rate=1e6)
    seconds: Counter[int] = Counter()
    kinds = set()
    for time in DAY:
        if fault := schedule.at("AC1", time):
            seconds[time // SLOT] += 5
            kinds.add(fault)
    assert kinds == set(Fault)
    assert len(seconds) == 144
    assert 15 <= min(seconds.values()) < max(seconds.values()) <= 125


def test_the_schedule_is_fixed_by_seed() -> None:
    one, same, other = FaultSchedule(3), FaultSchedule(3), FaultSchedule(4)
    seen = [one.at("hallway-lights", time) for time in DAY]
    assert seen == [same.at("hallway-lights", time) for time in DAY]
    assert seen != [other.at("hallway-lights", time) for time in DAY]
