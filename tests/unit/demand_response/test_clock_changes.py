"""Windows on, before and after the days on which clocks change, and windows that pass midnight.

In Lisbon clocks go from 01:00 to 02:00 on Sunday 30 March 2025, and from 02:00 back to 01:00 on Sunday 26
October 2025.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import Baseline, BaselineRequest, MeasurementStatus
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import fitting_resolution
from domain.demand_response.local_days import LocalDays
from domain.shared.errors import InvalidError
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, QUARTER, Clock, at, metered, span

SPRING, AUTUMN = date(2025, 3, 30), date(2025, 10, 26)


def by_minute(_day: date, minute: int) -> float:
    """Return a load by which each time on the clock is known: its hours."""
    return minute / 60


def measured(window: TimeRange, clock: Clock = by_minute, events: tuple[TimeRange, ...] = ()) -> Baseline:
    day = LISBON.day_of(window.start)
    load = metered(day - 60 * DAY, day + 2 * DAY, clock)
    return baseline_of(BaselineRequest(window=window), load, LISBON, events)


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (span(date(2025, 4, 2), "14:00", "16:00"), [1, 31, 28, 27, 26, 25, 24, 21, 20, 19]),
        (span(date(2025, 10, 29), "14:00", "16:00"), [28, 27, 24, 23, 22, 21, 20, 17, 16, 15]),
    ],
)
def test_the_same_time_of_day_is_by_the_clock_on_the_wall(window: TimeRange, days: list[int]) -> None:
    result = measured(window)
    assert [day.day for day in result.days_used] == days
    assert [one.unadjusted_kw for one in result.intervals] == [14 + number / 4 for number in range(8)]
    assert result.adjustment.raw == pytest.approx(1.0)
    # By UTC the days beyond the change would be an hour off, and none of this would be even.
    assert result.energy_kwh == pytest.approx(0.0)


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_a_day_with_a_clock_change_is_no_reference(change: date) -> None:
    saturday = change + 6 * DAY
    for start in ("00:00", "14:00", "22:00"):
        result = measured(TimeRange(at(saturday, start), at(saturday, start) + 2 * HOUR))
        # At midnight the adjustment window lies on the evening before; and that Sunday's is the Saturday's.
        assert change not in result.days_used
        left_out = {one.day: one.code.value for one in result.days_excluded}
        assert left_out[change] == "clock_change"
        assert len(result.days_used) == 10


def test_windows_that_reach_into_a_clock_change_are_no_reference_either() -> None:
    friday_night = span(date(2025, 4, 5), "22:00", "02:00", date(2025, 4, 6))
    result = measured(friday_night)
    left_out = {one.day: (one.code.value, one.reason) for one in result.days_excluded}
    assert left_out == {
        date(2025, 3, 29): ("clock_change", "clocks change on 2025-03-30"),
        date(2025, 3, 30): ("clock_change", "clocks change on 2025-03-30"),
    }
    early_on_monday = span(date(2025, 4, 2), "01:00", "02:00")
    result = measured(early_on_monday)
    # On Monday the 31st it was adjusted by Sunday's evening.
    assert {one.day for one in result.days_excluded} == {date(2025, 3, 31)}


def test_an_event_on_the_day_of_23_hours() -> None:
    # 00:00 to 04:00 on the clock are three hours.
    window = span(SPRING, "00:00", "04:00")
    assert window.end - window.start == 3 * HOUR
    result = measured(window)
    assert not result.working_day
    hours = [0, 0.25, 0.5, 0.75, *(2 + number / 4 for number in range(8))]
    assert [one.unadjusted_kw for one in result.intervals] == hours
    assert [one.actual_kw for one in result.intervals] == hours
    assert [one.start for one in result.intervals] == [window.start + n * QUARTER for n in range(12)]
    # Four hours to one hour before midnight.
    assert result.adjustment.window == span(SPRING - DAY, "20:00", "23:00")
    assert result.adjustment.raw == pytest.approx(1.0)


def test_an_event_on_the_day_of_25_hours() -> None:
    # 00:00 to 03:00 on the clock are four hours, with the one from 01:00 twice.
    window = span(AUTUMN, "00:00", "03:00")
    assert window.end - window.start == 4 * HOUR
    result = measured(window)
    twice = [1, 1.25, 1.5, 1.75] * 2
    hours = [0, 0.25, 0.5, 0.75, *twice, 2, 2.25, 2.5, 2.75]
    assert [one.unadjusted_kw for one in result.intervals] == hours
    assert result.energy_kwh == pytest.approx(0.0)
    # The energy by which days are ranked has the hour twice as well: that is what they would have used.
    assert result.eligible_days[0].energy_kwh == pytest.approx(sum(hours) / 4)


def test_an_adjustment_window_across_a_clock_change_is_three_hours_that_passed() -> None:
    start = at(AUTUMN, "04:00")
    result = measured(TimeRange(start, start + HOUR))
    assert result.adjustment.window == TimeRange(at(AUTUMN, "01:00"), at(AUTUMN, "03:00"))
    # From 01:00 in summer time on: the hour that comes twice, and the one from 02:00.
    hours = [*[1, 1.25, 1.5, 1.75] * 2, 2, 2.25, 2.5, 2.75]
    assert [one.baseline_kw for one in result.adjustment.intervals] == hours
    assert [one.actual_kw for one in result.adjustment.intervals] == hours
    start = at(SPRING, "04:00")
    result = measured(TimeRange(start, start + HOUR))
    hours = [23, 23.25, 23.5, 23.75, 0, 0.25, 0.5, 0.75, 2, 2.25, 2.5, 2.75]
    assert [one.baseline_kw for one in result.adjustment.intervals] == hours
    assert result.adjustment.raw == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        # Half an hour, and from midnight to one.
        ("Australia/Lord_Howe", date(2025, 4, 9)),
        ("America/Havana", date(2025, 3, 12)),
        # Days that begin at a quarter to.
        ("Asia/Kathmandu", date(2025, 4, 9)),
    ],
)
def test_other_zones(zone: str, day: date) -> None:
    local = LocalDays(ZoneInfo(zone))
    window = TimeRange(at(day, "14:00", local.zone), at(day, "16:00", local.zone))
    load = metered(day - 60 * DAY, day, by_minute, zone=local.zone)
    result = baseline_of(BaselineRequest(window=window), load, local)
    assert [one.unadjusted_kw for one in result.intervals] == [14 + number / 4 for number in range(8)]
    assert result.adjustment.raw == pytest.approx(1.0)
    assert len(result.days_used) == 10


def test_a_window_over_midnight_belongs_to_the_day_of_its_start() -> None:
    """Friday 20 June, 22:00 to 02:00: a working day's night, though it ends on a Saturday."""
    friday = date(2025, 6, 20)
    window = span(friday, "22:00", "02:00", friday + DAY)

    def clock(day: date, minute: int) -> float:
        late = minute >= 22 * 60
        return float(day.day) if late else 0.5 * day.day if minute < 2 * 60 else 10.0

    result = measured(window, clock)
    days = [19, 18, 17, 16, 13, 12, 11, 10, 9, 6]
    assert result.working_day
    assert [day.day for day in result.days_used] == days
    # The evening of each day and the night of the one after: of the 13th, a Friday, that of Saturday too.
    evening = sum(days) / 10
    night = sum(day + 1 for day in days) / 20
    assert [one.unadjusted_kw for one in result.intervals] == pytest.approx([evening] * 8 + [night] * 8)
    assert result.intervals[0].actual_kw == 20.0
    assert result.intervals[8].actual_kw == 10.5
    assert result.adjustment.window == span(friday, "18:00", "21:00")


def test_a_night_that_reaches_into_an_event_of_the_next_day_is_left_out() -> None:
    friday = date(2025, 6, 20)
    window = span(friday, "22:00", "02:00", friday + DAY)
    night = span(date(2025, 6, 18), "01:00", "01:30")
    result = measured(window, events=(window, night))
    assert {one.day.day: one.reason for one in result.days_excluded} == {
        18: "the device took part in an event",
        17: "its windows reach into an event of another day",
    }
    noon = span(date(2025, 6, 18), "12:00", "12:30")
    assert [one.day.day for one in measured(window, events=(noon,)).days_excluded] == [18]
    right_after = span(date(2025, 6, 18), "02:00", "02:30")
    assert [one.day.day for one in measured(window, events=(right_after,)).days_excluded] == [18]
    # The day before the event reaches into the event's day, but not into the event.
    assert measured(window, events=(window,)).days_excluded == ()


def test_an_adjustment_window_may_lie_on_the_day_before() -> None:
    monday = date(2025, 6, 23)

    def clock(day: date, minute: int) -> float:
        if minute >= 21 * 60:
            return 6.0 if day == monday - DAY else 5.0
        return 10.0

    result = measured(span(monday, "01:00", "02:00"), clock)
    assert result.adjustment.window == span(monday - DAY, "21:00", "00:00", monday)
    assert result.adjustment.applied == pytest.approx(1.2)
    assert result.intervals[0].baseline_kw == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("begin", "length"), [(at(date(2025, 6, 18), "14:00"), DAY), (at(AUTUMN, "00:00"), 25 * HOUR)]
)
def test_a_window_is_a_day_at_most(begin: datetime, length: timedelta) -> None:
    result = measured(TimeRange(begin, begin + length))
    assert result.status is MeasurementStatus.OK
    assert len(result.days_used) == 10
    assert result.energy_kwh == pytest.approx(0.0)
    with pytest.raises(InvalidError) as refused:
        measured(TimeRange(begin, begin + length + QUARTER))
    assert refused.value.code == "window_too_long"


@pytest.mark.parametrize("minutes", [0, 7, 20])
def test_a_window_is_whole_intervals(minutes: int) -> None:
    start = at(date(2025, 6, 18), "14:00")
    with pytest.raises(InvalidError) as refused:
        measured(TimeRange(start, start + timedelta(minutes=minutes)))
    assert refused.value.code == "unaligned_window"


def test_a_window_may_begin_at_any_time() -> None:
    """14:07:30 to 14:27:30 in intervals of five minutes, which every other day has as well."""
    day = date(2025, 6, 18)
    start = at(day, "14:07:30")
    window = TimeRange(start, start + timedelta(minutes=20))
    resolution = fitting_resolution(window.end - window.start)
    assert resolution == timedelta(minutes=5)
    load = metered(day - 60 * DAY, day, by_minute, resolution=timedelta(seconds=150))
    fives = type(load)(resolution=resolution, known_until=load.known_until, intervals=load.intervals)
    result = baseline_of(BaselineRequest(window=window), fives, LISBON)
    assert [one.start for one in result.intervals] == [start + n * resolution for n in range(4)]
    assert [one.unadjusted_kw for one in result.intervals] == pytest.approx(
        [(14 * 60 + 7 + 5 * n) / 60 for n in range(4)]
    )
    assert result.adjustment.coverage == 1.0


@pytest.mark.parametrize("method", list(BaselineMethod))
@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Lisbon"), ZoneInfo("America/New_York")])
def test_times_of_any_zone_mean_the_same(method: BaselineMethod, zone: ZoneInfo) -> None:
    window = span(AUTUMN, "00:00", "03:00")
    elsewhere = TimeRange(window.start.astimezone(zone), window.end.astimezone(zone))
    load = metered(AUTUMN - 60 * DAY, AUTUMN, lambda day, minute: day.day + minute / 60)
    asked = [BaselineRequest(window=one, method=method) for one in (window, elsewhere)]
    first, second = (baseline_of(one, load, LISBON) for one in asked)
    assert first == second
    assert len(first.intervals) == 16
