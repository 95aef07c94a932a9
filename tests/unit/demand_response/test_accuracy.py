from datetime import date
from math import sqrt

import pytest

from domain.demand_response.accuracy import Accuracy, ClockWindow, NoPlacebo, accuracy_of
from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import Insufficiency
from domain.demand_response.load import LoadInterval
from domain.demand_response.reference_days import ExclusionCode
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, LISBON, Clock, at, metered, span

AFTERNOON = ClockWindow(14 * 60, 15 * 60)
UNADJUSTED = AdjustmentKind.NONE
DAYS = [date(2025, 2, day) for day in (24, 25, 26)]


def tried(
    clock: Clock,
    days: list[date] = DAYS,
    window: ClockWindow = AFTERNOON,
    *,
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN,
    adjustment: AdjustmentKind = UNADJUSTED,
    events: tuple[TimeRange, ...] = (),
    missing: tuple[TimeRange, ...] = (),
) -> Accuracy:
    changes = {one.start: LoadInterval(one.start, None, 0.0, Quality.MISSING) for one in missing}
    load = metered(date(2024, 12, 1), date(2025, 4, 30), clock, changes=changes)
    return accuracy_of(window, days, load, LISBON, events, method, adjustment)


def test_bias_and_scatter_by_hand() -> None:
    # 10 kW on each day before the three. On these 8, 10 and 16 kW.
    loads = {24: 8.0, 25: 10.0, 26: 16.0}

    def clock(day: date, _minute: int) -> float:
        return loads[day.day] if day in DAYS else 10.0

    result = tried(clock)
    # B of the 24th: 10. Of the 25th: (8 + 9 * 10) / 10 = 9.8. Of the 26th: (8 + 10 + 8 * 10) / 10 = 9.8.
    # B - L: 2, -0.2 and -6.2, for four quarters each; the sum of L is 4 * 34 = 136.
    assert [one.day for one in result.days] == DAYS
    assert [one.error_kw for one in result.days] == pytest.approx([8.0, -0.8, -24.8])
    assert [one.load_kw for one in result.days] == pytest.approx([32.0, 40.0, 64.0])
    assert [one.squared_error_kw2 for one in result.days] == pytest.approx([16.0, 0.16, 153.76])
    assert [one.intervals for one in result.days] == [4, 4, 4]
    # -17.6 / 136
    assert result.bias == pytest.approx(-0.12941176470588237)
    # sqrt(169.92 / 12) / (136 / 12) = 3.7629775 / 11.3333333
    assert result.cv_rmse == pytest.approx(sqrt(14.16) / (34 / 3))
    assert result.cv_rmse == pytest.approx(0.33202743, abs=1e-8)
    assert result.skipped == ()


def test_the_adjustment_is_part_of_the_method() -> None:
    # Each day 5 % above the one before, all day long: the level of the day itself tells all there is to know.
    clock = lambda day, _minute: 1.05 ** (day - date(2025, 2, 1)).days  # noqa: E731
    plain = tried(clock)
    adjusted = tried(clock, adjustment=AdjustmentKind.ADDITIVE)
    assert plain.bias is not None
    assert plain.bias < -0.2
    assert adjusted.bias == pytest.approx(0.0, abs=1e-9)
    assert adjusted.cv_rmse == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("method", list(BaselineMethod))
def test_a_load_that_is_always_the_same_is_met_by_each_method(method: BaselineMethod) -> None:
    result = tried(lambda _day, minute: 2.0 + minute // 1440, method=method)
    assert result.method is method
    assert len(result.days) == 3
    assert result.bias == pytest.approx(0.0)
    assert result.cv_rmse == pytest.approx(0.0)


def test_days_with_events_are_no_reference_of_those_that_are_tried() -> None:
    shed = date(2025, 2, 20)
    clock = lambda day, _minute: 1.0 if day == shed else 5.0  # noqa: E731
    assert tried(clock).bias != pytest.approx(0.0)
    assert tried(clock, events=(span(shed, "14:00", "15:00"),)).bias == pytest.approx(0.0)


def test_days_that_cannot_be_tried_are_skipped_and_named() -> None:
    spring = date(2025, 3, 30)
    days = [date(2024, 12, 3), *DAYS, spring, date(2025, 4, 30), date(2025, 5, 1)]
    result = tried(
        lambda *_: 5.0,
        days,
        ClockWindow(23 * 60, 60),
        events=(span(DAYS[0], "08:00", "09:00"),),
        missing=(span(date(2025, 2, 27), "00:30", "00:45"),),
    )
    assert {one.day: one.code for one in result.skipped} == {
        date(2024, 12, 3): Insufficiency.TOO_FEW_DAYS,
        DAYS[0]: ExclusionCode.EVENT_DAY,
        DAYS[2]: ExclusionCode.COVERAGE,
        spring: ExclusionCode.CLOCK_CHANGE,
        date(2025, 4, 30): NoPlacebo.PENDING,
        date(2025, 5, 1): NoPlacebo.PENDING,
    }
    assert [one.day for one in result.days] == [DAYS[1]]


def test_the_day_before_a_clock_change_is_tried_where_the_window_ends_by_midnight() -> None:
    saturday = date(2025, 3, 29)
    assert tried(lambda *_: 5.0, [saturday], ClockWindow(22 * 60, 24 * 60)).skipped == ()
    skipped = tried(lambda *_: 5.0, [saturday], ClockWindow(22 * 60, 15)).skipped
    assert [one.code for one in skipped] == [ExclusionCode.CLOCK_CHANGE]


def test_a_share_of_nothing_is_not_a_number() -> None:
    for kw in (0.0, -3.0):
        result = tried(lambda *_, kw=kw: kw)
        assert len(result.days) == 3
        assert (result.bias, result.cv_rmse) == (None, None)
    nothing = tried(lambda *_: 5.0, [])
    assert (nothing.bias, nothing.cv_rmse, nothing.days) == (None, None, ())


def test_windows_by_the_clock() -> None:
    summer, winter = date(2025, 7, 1), date(2025, 1, 7)
    assert ClockWindow(14 * 60, 16 * 60).on(summer, LISBON) == span(summer, "14:00", "16:00")
    assert ClockWindow(14 * 60, 16 * 60).on(winter, LISBON) == span(winter, "14:00", "16:00")
    night = ClockWindow(22 * 60, 2 * 60).on(summer, LISBON)
    assert night == span(summer, "22:00", "02:00", summer + DAY)
    whole = TimeRange(at(summer, "00:00"), at(summer + DAY, "00:00"))
    assert ClockWindow(0, 1440).on(summer, LISBON) == ClockWindow(0, 0).on(summer, LISBON) == whole
