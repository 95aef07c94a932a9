from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest

from domain.demand_response.adjustments import AdjustmentKind, NoAdjustmentReason
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import (
    Baseline,
    BaselineRequest,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval, MeteredLoad
from domain.demand_response.local_days import LocalDays
from domain.demand_response.reference_days import ExclusionCode
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, QUARTER, ZONE, Clock, at, metered, span

TEN, HIGH_5 = BaselineMethod.TEN_OF_TEN, BaselineMethod.HIGH_5_OF_10
HIGH_4, MIDDLE = BaselineMethod.HIGH_4_OF_5, BaselineMethod.MIDDLE_8_OF_10
MATCHING = [TEN, HIGH_5, HIGH_4, MIDDLE]

WEDNESDAY = date(2025, 2, 26)
"""No clock change within 45 days, and holidays only where a test makes some."""

FIRST = WEDNESDAY - 60 * DAY
WINDOW = span(WEDNESDAY, "18:00", "20:00")


def flat(_day: date, _minute: int) -> float:
    return 5.0


def measured(
    clock: Clock = flat,
    *,
    window: TimeRange = WINDOW,
    method: BaselineMethod = TEN,
    holidays: Iterable[date] = (),
    events: Iterable[TimeRange] = (),
    changes: dict[datetime, LoadInterval] | None = None,
    load: MeteredLoad | None = None,
) -> Baseline:
    load = load or metered(FIRST, WEDNESDAY + 5 * DAY, clock, changes=changes)
    local = LocalDays(ZONE, frozenset(holidays))
    return baseline_of(BaselineRequest(window=window, method=method), load, local, tuple(events))


def unlike(quality: Quality, day: date, *clocks: str) -> dict[datetime, LoadInterval]:
    starts = [at(day, clock) for clock in clocks]
    kw = None if quality is Quality.MISSING else 7.0
    return {start: LoadInterval(start, kw, 0.5, quality) for start in starts}


def february(*days: int) -> tuple[date, ...]:
    return tuple(date(2025, 2, day) for day in days)


def codes(result: Baseline) -> dict[date, str]:
    return {one.day: one.code.value for one in result.days_excluded}


def test_the_last_ten_working_days_are_taken() -> None:
    result = measured()
    assert result.days_used == february(25, 24, 21, 20, 19, 18, 17, 14, 13, 12)
    assert result.days_excluded == ()


def test_the_event_day_itself_and_later_ones_are_none() -> None:
    clock = lambda day, _minute: 5.0 if day < WEDNESDAY else 1000.0  # noqa: E731
    assert measured(clock).intervals[0].unadjusted_kw == 5.0


def test_at_weekends_weekends_and_holidays_are_taken() -> None:
    saturday = date(2025, 3, 1)
    result = measured(window=span(saturday, "18:00", "20:00"), holidays=february(19))
    assert not result.working_day
    assert result.days_used == (
        *february(23, 22, 19, 16, 15, 9, 8, 2, 1),
        date(2025, 1, 26),
    )
    assert result.days_excluded == ()


def test_a_holiday_is_compared_with_days_off() -> None:
    result = measured(holidays=[WEDNESDAY])
    assert not result.working_day
    assert result.days_used[:4] == february(23, 22, 16, 15)


def test_holidays_on_weekdays_are_listed_and_weekends_are_not() -> None:
    result = measured(holidays=february(22, 20))
    assert codes(result) == {date(2025, 2, 20): "holiday"}
    assert result.days_used == february(25, 24, 21, 19, 18, 17, 14, 13, 12, 11)


def test_days_with_events_are_left_out() -> None:
    morning = span(date(2025, 2, 25), "06:00", "06:15")
    over_midnight = span(date(2025, 2, 20), "23:00", "01:00", date(2025, 2, 21))
    until_midnight = span(date(2025, 2, 18), "23:00", "00:00", date(2025, 2, 19))
    from_midnight = span(date(2025, 2, 20), "00:00", "01:00")
    result = measured(events=[morning, over_midnight, until_midnight, from_midnight, WINDOW])
    assert codes(result) == dict.fromkeys(february(25, 20, 21, 18), "event_day")
    assert result.days_used == february(24, 19, 17, 14, 13, 12, 11, 10, 7, 6)


def test_days_are_looked_for_45_days_back() -> None:
    # 45 days before 26 February is Sunday 12 January; of the working days since then all but eight are off.
    days = [WEDNESDAY - number * DAY for number in range(1, 45)]
    weekdays = [day for day in days if day.weekday() < 5]
    off = weekdays[:-6]
    result = measured(holidays=off, method=TEN)
    assert result.days_used == tuple(weekdays[-6:])
    assert result.days_used[-1] == date(2025, 1, 13)
    # The 46th day before is a Saturday, so weekends show the border itself.
    saturday = date(2025, 3, 1)
    last = saturday - 45 * DAY
    holidays = [last, last - DAY]
    weekends = [saturday - number * DAY for number in range(1, 45)]
    busy = [span(day, "12:00", "13:00") for day in weekends if day.weekday() > 4][:-5]
    result = measured(window=span(saturday, "18:00", "20:00"), holidays=holidays, events=busy)
    assert len(result.days_used) == 6
    assert result.days_used[-1] == last


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.BAD, Quality.MISSING])
def test_one_interval_of_the_event_window_that_is_no_evidence_leaves_a_day_out(quality: Quality) -> None:
    # A window of three hours: eleven of twelve quarters are over 90 %, and are not enough.
    window = span(WEDNESDAY, "17:00", "20:00")
    result = measured(window=window, changes=unlike(quality, date(2025, 2, 24), "19:45"))
    assert codes(result) == {date(2025, 2, 24): "coverage"}
    assert result.days_used == february(25, 21, 20, 19, 18, 17, 14, 13, 12, 11)
    assert measured(window=window, changes=unlike(quality, date(2025, 2, 24), "20:00")).days_excluded == ()


def test_of_the_adjustment_window_90_percent_have_to_be_known() -> None:
    one = unlike(Quality.MISSING, date(2025, 2, 24), "14:00")
    two = unlike(Quality.MISSING, date(2025, 2, 24), "14:00", "16:45")
    assert measured(changes=one).days_excluded == ()
    result = measured(changes=two)
    assert codes(result) == {date(2025, 2, 24): "coverage"}
    assert result.days_excluded[0].reason == "83.3% of the adjustment window is known"
    beside = unlike(Quality.MISSING, date(2025, 2, 24), "13:45", "17:00", "17:45")
    assert measured(changes=beside).days_excluded == ()


def test_a_gap_in_the_adjustment_window_of_a_day_is_passed_over() -> None:
    def clock(day: date, _minute: int) -> float:
        return 8.0 if day == date(2025, 2, 24) else 5.0

    gap = unlike(Quality.MISSING, date(2025, 2, 24), "14:00")
    result = measured(clock, changes=gap)
    # (9 * 5 + 8) / 10 = 5.3 but for the first quarter, where nine days are at 5 kW.
    assert [one.baseline_kw for one in result.adjustment.intervals] == pytest.approx([5.0, *[5.3] * 11])
    assert result.eligible_days[1].adjustment_kw == (None, *[8.0] * 11)
    assert result.adjustment.mean_baseline_kw == pytest.approx((5.0 + 11 * 5.3) / 12)
    assert result.adjustment.mean_actual_kw == 5.0


def test_a_quarter_that_all_days_lack_is_not_compared() -> None:
    days = [WEDNESDAY - number * DAY for number in range(1, 46)]
    gaps = {start: one for day in days for start, one in unlike(Quality.MISSING, day, "14:00").items()}
    clock = lambda day, minute: 60.0 if minute == 14 * 60 else 5.5 if day == WEDNESDAY else 5.0  # noqa: E731
    result = measured(clock, changes=gaps)
    assert result.adjustment.intervals[0].baseline_kw is None
    assert result.adjustment.mean_actual_kw == pytest.approx(5.5)
    assert result.adjustment.raw == pytest.approx(1.1)


@pytest.mark.parametrize("method", MATCHING)
@pytest.mark.parametrize("days", range(11))
def test_too_few_days_give_no_number(method: BaselineMethod, days: int) -> None:
    weekdays = [WEDNESDAY - number * DAY for number in range(1, 45)]
    weekdays = [day for day in weekdays if day.weekday() < 5]
    level = {day: 1.0 + number * 7 % 10 for number, day in enumerate(weekdays)}
    clock = lambda day, _minute: level.get(day, 50.0)  # noqa: E731
    result = measured(clock, method=method, holidays=weekdays[days:])
    fewest = 4 if method is HIGH_4 else 5
    if days < fewest:
        assert result.status is MeasurementStatus.INSUFFICIENT_DATA
        assert result.insufficiency is Insufficiency.TOO_FEW_DAYS
        assert result.days_used == ()
        assert len(result.eligible_days) == days
        assert {one.baseline_kw for one in result.intervals} == {None}
        assert {one.unadjusted_kw for one in result.intervals} == {None}
        assert {one.actual_kw for one in result.intervals} == {50.0}
        assert (result.reduction_kw, result.energy_kwh) == (None, None)
        assert result.adjustment.kind is AdjustmentKind.NONE
        assert result.adjustment.reason is NoAdjustmentReason.TOO_FEW_DAYS
        return
    found = weekdays[: min(days, 5 if method is HIGH_4 else 10)]
    rising = sorted(found, key=level.__getitem__)
    taken = {TEN: rising, HIGH_5: rising[-5:], HIGH_4: rising[-4:], MIDDLE: rising[1:-1]}[method]
    assert result.status is MeasurementStatus.OK
    assert set(result.days_used) == set(taken)
    mean = sum(level[day] for day in taken) / len(taken)
    assert result.intervals[0].unadjusted_kw == pytest.approx(mean)


@pytest.mark.parametrize(
    ("method", "used"),
    [
        (TEN, february(25, 24, 21, 20, 19, 18, 17, 14, 13, 12)),
        (HIGH_5, february(25, 24, 21, 20, 19)),
        (HIGH_4, february(25, 24, 21, 20)),
        (MIDDLE, february(25, 24, 21, 20, 19, 18, 17, 14)),
    ],
)
def test_ties_go_to_the_later_day(method: BaselineMethod, used: tuple[date, ...]) -> None:
    assert measured(method=method).days_used == used


def test_a_tie_at_either_end_of_the_middle_keeps_the_later_day() -> None:
    level = dict(zip(february(25, 24, 21, 20, 19, 18), [9.0, 1.0, 5.0, 9.0, 5.0, 1.0], strict=True))
    clock = lambda day, _minute: level.get(day, 5.0)  # noqa: E731
    # Highest are the 25th and the 20th, lowest the 24th and the 18th.
    assert measured(clock, method=MIDDLE).days_used == february(25, 24, 21, 19, 17, 14, 13, 12)


def test_a_sum_that_is_the_same_but_for_rounding_is_a_tie() -> None:
    # 0.1 + 0.2 is not 0.3 to a computer; all of these days use the same.
    def clock(day: date, minute: int) -> float:
        return (0.1 if minute % 30 else 0.2) if day.day % 2 else (0.3 if minute % 30 else 0.0)

    assert measured(clock, method=HIGH_5).days_used == february(25, 24, 21, 20, 19)


def test_days_are_ranked_by_the_event_window_alone() -> None:
    def clock(day: date, minute: int) -> float:
        inside = 18 * 60 <= minute < 20 * 60
        return float(day.day if inside else 100 - day.day)

    assert measured(clock, method=HIGH_5).days_used == february(25, 24, 21, 20, 19)
    assert [one.energy_kwh for one in measured(clock).eligible_days[:2]] == pytest.approx([50.0, 48.0])


def test_the_order_in_which_load_comes_does_not_matter() -> None:
    load = metered(FIRST, WEDNESDAY, lambda day, minute: day.day * 1.1 + minute * 0.01)
    backwards = MeteredLoad(
        resolution=QUARTER,
        known_until=load.known_until,
        intervals=dict(reversed(list(load.intervals.items()))),
    )
    assert measured(load=load) == measured(load=backwards)


def test_a_window_that_is_not_over_is_pending() -> None:
    now = WINDOW.end - timedelta(microseconds=1)
    load = metered(FIRST, WEDNESDAY, flat, known_until=now)
    result = measured(load=load)
    assert result.status is MeasurementStatus.PENDING
    assert (result.reduction_kw, result.energy_kwh, result.insufficiency) == (None, None, None)
    assert [one.baseline_kw for one in result.intervals] == [5.0] * 8
    assert [one.reduction_kw for one in result.intervals] == [0.0] * 7 + [None]
    load = metered(FIRST, WEDNESDAY, flat, known_until=WINDOW.end)
    assert measured(load=load).status is MeasurementStatus.OK


def test_a_baseline_of_the_future_is_unadjusted() -> None:
    load = metered(FIRST, WEDNESDAY, flat, known_until=at(WEDNESDAY, "16:45"))
    result = measured(load=load)
    assert result.status is MeasurementStatus.PENDING
    assert result.adjustment.reason is NoAdjustmentReason.WINDOW_NOT_OVER
    assert [one.baseline_kw for one in result.intervals] == [5.0] * 8
    assert [one.actual_kw for one in result.intervals] == [None] * 8


def test_an_event_that_was_hardly_metered_has_no_number() -> None:
    # 11 of 12 are over 90 %: what is known is measured, nothing is made up.
    window = span(WEDNESDAY, "17:00", "20:00")
    known = measured(window=window, changes=unlike(Quality.ESTIMATED, WEDNESDAY, "19:00"))
    assert known.status is MeasurementStatus.OK
    assert known.coverage == pytest.approx(11 / 12)
    assert known.intervals[8].actual_kw is None
    assert known.intervals[8].reduction_kw is None
    assert known.intervals[8].coverage == 0.0
    assert known.energy_kwh == 0.0
    unknown = measured(window=window, changes=unlike(Quality.ESTIMATED, WEDNESDAY, "19:00", "19:15"))
    assert unknown.status is MeasurementStatus.INSUFFICIENT_DATA
    assert unknown.insufficiency is Insufficiency.EVENT_NOT_KNOWN
    assert (unknown.reduction_kw, unknown.energy_kwh) == (None, None)
    assert unknown.intervals[0].reduction_kw == 0.0


def test_energy_and_mean_are_those_of_the_intervals_that_are_known() -> None:
    window = span(WEDNESDAY, "17:00", "20:00")
    clock = lambda day, minute: 3.0 if day == WEDNESDAY and minute >= 17 * 60 else 5.0  # noqa: E731
    result = measured(clock, window=window, changes=unlike(Quality.BAD, WEDNESDAY, "17:30"))
    assert result.reduction_kw == pytest.approx(2.0)
    assert result.energy_kwh == pytest.approx(2.0 * 11 / 4)


def test_exclusion_codes_are_those_of_the_api() -> None:
    assert {code.value for code in ExclusionCode} == {"event_day", "coverage", "clock_change", "holiday"}
