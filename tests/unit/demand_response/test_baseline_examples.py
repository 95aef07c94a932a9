"""Each method on the days of `june`, worked out by hand.

B(t) is mean level + 0.1 q in the q-th quarter of an hour, 0 to 7 (sum 28), and mean B(W) half the mean level.
"""

from datetime import date

import pytest

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import Baseline, BaselineRequest, MeasurementStatus
from domain.demand_response.baselines import baseline_of
from domain.demand_response.reference_days import ExcludedDay, ExclusionCode
from tests.unit.demand_response.june import EVENT_DAY, HOLIDAY, LOAD, LOCAL, WINDOW, june
from tests.unit.demand_response.metered import QUARTER, metered, span

TEN_OF_TEN = BaselineMethod.TEN_OF_TEN
ADDITIVE = AdjustmentKind.ADDITIVE


def measured(method: BaselineMethod, adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE) -> Baseline:
    return baseline_of(BaselineRequest(window=WINDOW, method=method, adjustment=adjustment), LOAD, LOCAL)


def days_of_june(baseline: Baseline) -> list[int]:
    return [day.day for day in baseline.days_used]


def test_ten_of_ten() -> None:
    result = measured(TEN_OF_TEN)
    assert result.status is MeasurementStatus.OK
    assert days_of_june(result) == [17, 16, 13, 12, 11, 9, 6, 5, 4, 3]
    assert result.days_excluded == (ExcludedDay(HOLIDAY, ExclusionCode.HOLIDAY, "a holiday"),)
    # f = 15.4 / (28 / 2) = 1.1
    assert result.adjustment.kind is AdjustmentKind.MULTIPLICATIVE
    assert result.adjustment.window == span(EVENT_DAY, "10:00", "13:00")
    assert result.adjustment.mean_baseline_kw == pytest.approx(14.0)
    assert result.adjustment.mean_actual_kw == pytest.approx(15.4)
    assert result.adjustment.raw == pytest.approx(1.1)
    assert result.adjustment.applied == pytest.approx(1.1)
    # B(t) = 28 + 0.1 q; B*(t) = 30.8 + 0.11 q; R(t) = 5.8 + 0.11 q
    assert [one.unadjusted_kw for one in result.intervals] == pytest.approx(
        [28.0, 28.1, 28.2, 28.3, 28.4, 28.5, 28.6, 28.7]
    )
    assert [one.baseline_kw for one in result.intervals] == pytest.approx(
        [30.80, 30.91, 31.02, 31.13, 31.24, 31.35, 31.46, 31.57]
    )
    assert [one.actual_kw for one in result.intervals] == [25.0] * 8
    assert [one.reduction_kw for one in result.intervals] == pytest.approx(
        [5.80, 5.91, 6.02, 6.13, 6.24, 6.35, 6.46, 6.57]
    )
    # (8 * 5.8 + 0.11 * 28) / 8 = 49.48 / 8; over two hours twice as many kWh
    assert result.reduction_kw == pytest.approx(6.185)
    assert result.energy_kwh == pytest.approx(12.37)
    assert result.coverage == 1.0
    assert (result.day, result.working_day, result.timezone) == (EVENT_DAY, True, "Europe/Lisbon")
    assert [one.start for one in result.intervals] == [WINDOW.start + number * QUARTER for number in range(8)]


def test_high_5_of_10() -> None:
    result = measured(BaselineMethod.HIGH_5_OF_10)
    assert days_of_june(result) == [16, 12, 9, 5, 3]
    # (38 + 36 + 30 + 34 + 32) / 5 = 34; f = 15.4 / 17 = 0.90588...; B* = f (34 + 0.1 q) = 30.8 + 0.090588 q
    assert result.adjustment.applied == pytest.approx(0.9058823529411765)
    assert result.intervals[0].baseline_kw == pytest.approx(30.8)
    assert result.intervals[7].baseline_kw == pytest.approx(31.434117647058823)
    assert result.reduction_kw == pytest.approx(6.117058823529412)
    assert result.energy_kwh == pytest.approx(12.234117647058824)


def test_high_4_of_5() -> None:
    result = measured(BaselineMethod.HIGH_4_OF_5)
    assert days_of_june(result) == [16, 13, 12, 11]
    assert [one.day.day for one in result.eligible_days] == [17, 16, 13, 12, 11]
    # (38 + 24 + 36 + 28) / 4 = 31.5; f = 15.4 / 15.75 = 0.97777...
    assert result.adjustment.applied == pytest.approx(0.9777777777777777)
    assert result.intervals[0].baseline_kw == pytest.approx(30.8)
    assert result.intervals[7].baseline_kw == pytest.approx(31.484444444444446)
    assert result.energy_kwh == pytest.approx(12.284444444444444)


def test_middle_8_of_10() -> None:
    result = measured(BaselineMethod.MIDDLE_8_OF_10)
    # Without the 17th (10 kW) and the 16th (38 kW).
    assert days_of_june(result) == [13, 12, 11, 9, 6, 5, 4, 3]
    # (280 - 48) / 8 = 29; f = 15.4 / 14.5 = 1.06206...
    assert result.adjustment.applied == pytest.approx(1.0620689655172413)
    assert result.intervals[0].baseline_kw == pytest.approx(30.8)
    assert result.intervals[7].baseline_kw == pytest.approx(31.54344827586207)
    assert result.energy_kwh == pytest.approx(12.343448275862068)


def test_additive() -> None:
    result = measured(TEN_OF_TEN, ADDITIVE)
    # 15.4 - 14 = 1.4 kW: R = 28 + 0.1 q + 1.4 - 25 = 4.4 + 0.1 q; (8 * 4.4 + 2.8) / 8 = 4.75
    assert result.adjustment.kind is ADDITIVE
    assert result.adjustment.raw == pytest.approx(1.4)
    assert result.adjustment.applied == pytest.approx(1.4)
    assert result.reduction_kw == pytest.approx(4.75)
    assert result.energy_kwh == pytest.approx(9.5)


@pytest.mark.parametrize(
    ("day_itself_kw", "raw", "applied", "reduction_kw"),
    [
        # 28.35 kW is the mean of B: 28 + 0.1 * 28 / 8
        (28.0, 2.0, 1.2, 1.2 * 28.35 - 25),
        (16.8, 1.2, 1.2, 1.2 * 28.35 - 25),
        (11.2, 0.8, 0.8, 0.8 * 28.35 - 25),
        (1.4, 0.1, 0.8, 0.8 * 28.35 - 25),
    ],
)
def test_a_factor_is_held_between_bounds_and_both_are_shown(
    day_itself_kw: float, raw: float, applied: float, reduction_kw: float
) -> None:
    load = metered(date(2025, 6, 1), EVENT_DAY, june(day_itself_kw))
    result = baseline_of(BaselineRequest(window=WINDOW), load, LOCAL)
    assert result.adjustment.raw == pytest.approx(raw)
    assert result.adjustment.applied == pytest.approx(applied)
    assert result.reduction_kw == pytest.approx(reduction_kw)


@pytest.mark.parametrize(("day_itself_kw", "added_kw"), [(60.0, 46.0), (0.0, -14.0), (-6.0, -20.0)])
def test_a_difference_has_no_bounds(day_itself_kw: float, added_kw: float) -> None:
    load = metered(date(2025, 6, 1), EVENT_DAY, june(day_itself_kw))
    result = baseline_of(BaselineRequest(window=WINDOW, adjustment=ADDITIVE), load, LOCAL)
    assert result.adjustment.applied == pytest.approx(added_kw)
    assert result.reduction_kw == pytest.approx(28.35 + added_kw - 25)


def test_what_is_used_on_top_stays_negative() -> None:
    load = metered(date(2025, 6, 1), EVENT_DAY, june(event_kw=40.0))
    result = baseline_of(BaselineRequest(window=WINDOW), load, LOCAL)
    # B* averages 1.1 * 28.35 = 31.185
    assert result.reduction_kw == pytest.approx(-8.815)
    assert result.energy_kwh == pytest.approx(-17.63)


def test_meter_before_after() -> None:
    # 11:00 to 14:00: eight quarters at 15.4 kW until 13:00, then four at 1 kW: 127.2 / 12 = 10.6
    result = measured(BaselineMethod.METER_BEFORE_AFTER)
    assert result.status is MeasurementStatus.OK
    assert result.adjustment.window == span(EVENT_DAY, "11:00", "14:00")
    assert result.adjustment.kind is AdjustmentKind.NONE
    assert result.adjustment.mean_actual_kw == pytest.approx(10.6)
    assert [one.baseline_kw for one in result.intervals] == pytest.approx([10.6] * 8)
    assert result.reduction_kw == pytest.approx(-14.4)
    assert result.energy_kwh == pytest.approx(-28.8)
    assert result.days_used == ()
    assert result.days_excluded == ()


@pytest.mark.parametrize("method", list(BaselineMethod))
@pytest.mark.parametrize("adjustment", list(AdjustmentKind))
def test_all_is_shown_that_it_takes_to_work_it_out_again(
    method: BaselineMethod, adjustment: AdjustmentKind
) -> None:
    result = measured(method, adjustment)
    if method is BaselineMethod.METER_BEFORE_AFTER:
        before = [one.actual_kw for one in result.adjustment.intervals if one.actual_kw is not None]
        baseline = [sum(before) / len(before)] * 8
    else:
        used = [one for one in result.eligible_days if one.used]
        baseline = [sum(day.window_kw[q] for day in used) / len(used) for q in range(8)]
        window = [sum(day.adjustment_kw[q] or 0 for day in used) / len(used) for q in range(12)]
        actual = [one.actual_kw or 0 for one in result.adjustment.intervals]
        assert [one.baseline_kw for one in result.adjustment.intervals] == pytest.approx(window)
        if adjustment is AdjustmentKind.MULTIPLICATIVE:
            factor = min(max(sum(actual) / sum(window), 0.8), 1.2)
            baseline = [kw * factor for kw in baseline]
        elif adjustment is AdjustmentKind.ADDITIVE:
            baseline = [kw + (sum(actual) - sum(window)) / 12 for kw in baseline]
    assert [one.baseline_kw for one in result.intervals] == pytest.approx(baseline)
    assert result.energy_kwh == pytest.approx(sum(kw - 25.0 for kw in baseline) / 4)
