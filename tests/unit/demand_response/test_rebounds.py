from datetime import date, datetime, timedelta

import pytest

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import Baseline, BaselineRequest, MeasurementStatus
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval, MeteredLoad
from domain.demand_response.rebounds import Rebound, rebound_of
from domain.shared.errors import InvalidError
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, at, metered, span

TEN = BaselineMethod.TEN_OF_TEN
EVENT_DAY = date(2025, 2, 26)
WINDOW = span(EVENT_DAY, "18:00", "20:00")
DAYS = [date(2025, 2, day) for day in (25, 24, 21, 20, 19, 18, 17, 14, 13, 12)]


def clock(day: date, minute: int) -> float:
    """On other days 10 kW until 20:00 and then 6 or 8; on the event's 11, in it 4, then 12, 7, 5 and 9."""
    if day != EVENT_DAY:
        return 10.0 if minute < 20 * 60 else 6.0 if day.day % 2 else 8.0
    if minute >= 20 * 60:
        return {0: 12.0, 1: 7.0, 2: 5.0}.get((minute - 20 * 60) // 15, 9.0)
    return 4.0 if minute >= 18 * 60 else 11.0


def missing(*moments: datetime) -> dict[datetime, LoadInterval]:
    return {start: LoadInterval(start, None, 0.0, Quality.MISSING) for start in moments}


def both(
    method: BaselineMethod = TEN,
    kind: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE,
    *,
    recovery: timedelta = HOUR,
    changes: dict[datetime, LoadInterval] | None = None,
    events: tuple[TimeRange, ...] = (WINDOW,),
    known_until: datetime | None = None,
) -> tuple[Baseline, Rebound]:
    first = EVENT_DAY - 45 * DAY
    load: MeteredLoad = metered(first, EVENT_DAY, clock, changes=changes, known_until=known_until)
    request = BaselineRequest(window=WINDOW, method=method, adjustment=kind)
    baseline = baseline_of(request, load, LISBON, events)
    return baseline, rebound_of(baseline, recovery, load, LISBON, events)


def test_it_is_what_lies_above_the_baseline_of_the_events_days_and_factor() -> None:
    baseline, result = both()
    assert baseline.adjustment.applied == pytest.approx(1.1)
    assert result.status is MeasurementStatus.OK
    assert result.period == span(EVENT_DAY, "20:00", "21:00")
    # 25, 21, 19, 17 and 13 are odd: (5 * 6 + 5 * 8) / 10 = 7; B* = 7.7
    assert [one.unadjusted_kw for one in result.intervals] == pytest.approx([7.0] * 4)
    assert [one.baseline_kw for one in result.intervals] == pytest.approx([7.7] * 4)
    # 12 and 9 lie above by 4.3 and 1.3, a quarter of an hour each; 7 and 5 do not make up for them.
    assert result.energy_kwh == pytest.approx((4.3 + 1.3) / 4)
    assert [one.reduction_kw for one in result.intervals] == pytest.approx([-4.3, 0.7, 2.7, -1.3])
    assert [one.day for one in result.days_used] == DAYS
    assert result.days_used[0].recovery_kw == (6.0,) * 4
    assert (result.days_left_out, result.coverage, result.event_in_period) == ((), 1.0, False)


def test_days_are_those_that_the_event_chose() -> None:
    # All use the same in the event, so that the high five are the latest; three of them are odd.
    baseline, result = both(BaselineMethod.HIGH_5_OF_10)
    assert list(baseline.days_used) == DAYS[:5]
    assert [one.day for one in result.days_used] == DAYS[:5]
    assert result.intervals[0].unadjusted_kw == pytest.approx((3 * 6 + 2 * 8) / 5)


def test_additive() -> None:
    _, result = both(kind=AdjustmentKind.ADDITIVE)
    # 11 - 10 = 1: B* = 8; above by 4 and 1.
    assert result.energy_kwh == pytest.approx(5 / 4)


def test_meter_before_after_goes_on() -> None:
    baseline, result = both(BaselineMethod.METER_BEFORE_AFTER)
    assert baseline.intervals[0].baseline_kw == 11.0
    assert [one.baseline_kw for one in result.intervals] == [11.0] * 4
    assert result.energy_kwh == pytest.approx(0.25)
    assert result.days_used == ()


def test_a_day_that_lacks_an_interval_there_is_left_out_for_all() -> None:
    gap = missing(at(DAYS[1], "20:30"))
    baseline, result = both(changes=gap)
    assert list(baseline.days_used) == DAYS
    assert [one.day for one in result.days_used] == [DAYS[0], *DAYS[2:]]
    assert result.days_left_out == (DAYS[1],)
    assert [one.unadjusted_kw for one in result.intervals] == pytest.approx([(5 * 6 + 4 * 8) / 9] * 4)


@pytest.mark.parametrize(
    ("method", "fewest"),
    [
        (TEN, 5),
        (BaselineMethod.HIGH_5_OF_10, 5),
        (BaselineMethod.HIGH_4_OF_5, 4),
        (BaselineMethod.MIDDLE_8_OF_10, 3),
    ],
)
def test_too_few_days_there_give_no_number(method: BaselineMethod, fewest: int) -> None:
    baseline, _ = both(method)
    used = baseline.days_used
    _, enough = both(method, changes=missing(*(at(day, "20:00") for day in used[fewest:])))
    assert enough.status is MeasurementStatus.OK
    assert len(enough.days_used) == fewest
    baseline, result = both(method, changes=missing(*(at(day, "20:00") for day in used[fewest - 1 :])))
    assert baseline.status is MeasurementStatus.OK
    assert result.status is MeasurementStatus.INSUFFICIENT_DATA
    assert result.energy_kwh is None
    assert {one.baseline_kw for one in result.intervals} == {None}


def test_the_period_itself_has_to_be_known() -> None:
    # 19:00 to 22:00 would be 12 quarters; here 20:00 to 23:00.
    _, one = both(recovery=3 * HOUR, changes=missing(at(EVENT_DAY, "20:00")))
    assert one.status is MeasurementStatus.OK
    assert one.coverage == pytest.approx(11 / 12)
    # Without the first: 9 kW from 20:45 on, nine quarters at 1.3 above 7.7.
    assert one.energy_kwh == pytest.approx(9 * 1.3 / 4)
    _, two = both(recovery=3 * HOUR, changes=missing(at(EVENT_DAY, "20:00"), at(EVENT_DAY, "22:45")))
    assert two.status is MeasurementStatus.INSUFFICIENT_DATA
    assert two.energy_kwh is None


def test_it_is_pending_until_the_period_is_over() -> None:
    baseline, result = both(known_until=at(EVENT_DAY, "20:59"))
    assert baseline.status is MeasurementStatus.OK
    assert result.status is MeasurementStatus.PENDING
    assert result.energy_kwh is None
    assert [one.reduction_kw is None for one in result.intervals] == [False, False, False, True]


def test_a_baseline_without_a_number_has_no_rebound() -> None:
    events = tuple(span(day, "18:00", "20:00") for day in (EVENT_DAY - n * DAY for n in range(1, 45)))
    baseline, result = both(events=events)
    assert baseline.status is MeasurementStatus.INSUFFICIENT_DATA
    assert result.status is MeasurementStatus.INSUFFICIENT_DATA
    assert result.energy_kwh is None


def test_another_event_in_the_period_is_stated() -> None:
    _, result = both(events=(WINDOW, span(EVENT_DAY, "20:45", "21:45")))
    assert result.event_in_period
    assert result.status is MeasurementStatus.OK
    _, result = both(events=(WINDOW, span(EVENT_DAY, "21:00", "21:45")))
    assert not result.event_in_period


def test_a_period_over_midnight_is_compared_with_the_nights_of_the_days() -> None:
    # Five hours: until 01:00, where other days are at 10 kW and this one at 11 from midnight on.
    load = metered(EVENT_DAY - 45 * DAY, EVENT_DAY + DAY, lambda *_: 10.0)
    night = span(date(2025, 2, 22), "00:30", "00:45")
    baseline = baseline_of(BaselineRequest(window=WINDOW), load, LISBON, (WINDOW, night))
    result = rebound_of(baseline, 5 * HOUR, load, LISBON, (WINDOW, night))
    assert date(2025, 2, 21) in baseline.days_used
    assert result.days_left_out == (date(2025, 2, 21),)
    # A period so long that the day before would reach into the event itself.
    result = rebound_of(baseline, 23 * HOUR, load, LISBON, (night,))
    assert set(result.days_left_out) == {date(2025, 2, 25), date(2025, 2, 21)}


def test_days_whose_clocks_change_in_the_period_are_left_out() -> None:
    saturday = date(2025, 4, 12)
    window = span(saturday, "20:00", "22:00")
    load = metered(saturday - 50 * DAY, saturday + DAY, lambda *_: 10.0)
    baseline = baseline_of(BaselineRequest(window=window), load, LISBON)
    result = rebound_of(baseline, 4 * HOUR, load, LISBON)
    assert date(2025, 3, 29) in baseline.days_used
    assert result.days_left_out == (date(2025, 3, 29),)


@pytest.mark.parametrize("recovery", [timedelta(), timedelta(minutes=20)])
def test_a_period_is_whole_intervals(recovery: timedelta) -> None:
    with pytest.raises(InvalidError) as refused:
        both(recovery=recovery)
    assert refused.value.code == "unaligned_window"
