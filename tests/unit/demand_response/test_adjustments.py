from datetime import date, datetime, timedelta

import pytest

from domain.demand_response.adjustments import Adjustment, AdjustmentKind, NoAdjustmentReason
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import (
    Baseline,
    BaselineRequest,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import LoadInterval
from domain.shared.errors import InvalidError
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange
from tests.unit.demand_response.metered import DAY, HOUR, LISBON, QUARTER, at, metered, span

MULTIPLICATIVE, ADDITIVE = AdjustmentKind.MULTIPLICATIVE, AdjustmentKind.ADDITIVE
BEFORE_AFTER = BaselineMethod.METER_BEFORE_AFTER
EVENT_DAY = date(2025, 2, 26)
FIRST = EVENT_DAY - 45 * DAY
WINDOW = span(EVENT_DAY, "18:00", "20:00")


def measured(
    usual_kw: float,
    day_itself_kw: float,
    kind: AdjustmentKind = MULTIPLICATIVE,
    *,
    resolution: timedelta = QUARTER,
    changes: dict[datetime, LoadInterval] | None = None,
    notified_at: datetime | None = None,
    events: tuple[TimeRange, ...] = (WINDOW,),
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN,
) -> Baseline:
    load = metered(
        FIRST,
        EVENT_DAY,
        lambda day, _minute: day_itself_kw if day == EVENT_DAY else usual_kw,
        resolution=resolution,
        changes=changes,
    )
    request = BaselineRequest(window=WINDOW, adjustment=kind, notified_at=notified_at, method=method)
    return baseline_of(request, load, LISBON, events)


def gaps(*clocks: str) -> dict[datetime, LoadInterval]:
    starts = [at(EVENT_DAY, clock) for clock in clocks]
    return {start: LoadInterval(start, 9.0, 0.9, Quality.ESTIMATED) for start in starts}


def applied(result: Baseline) -> tuple[AdjustmentKind, NoAdjustmentReason | None, float | None, float | None]:
    found: Adjustment = result.adjustment
    return found.kind, found.reason, found.raw, found.applied


def test_none_where_nobody_asked() -> None:
    result = measured(5.0, 6.0, AdjustmentKind.NONE)
    assert applied(result) == (AdjustmentKind.NONE, NoAdjustmentReason.NOT_ASKED, None, None)
    assert result.adjustment.mean_actual_kw == 6.0
    assert {one.baseline_kw for one in result.intervals} == {5.0}


@pytest.mark.parametrize("kind", [MULTIPLICATIVE, ADDITIVE])
def test_none_where_the_day_itself_is_not_known(kind: AdjustmentKind) -> None:
    one = measured(5.0, 6.0, kind, changes=gaps("15:00"))
    assert one.adjustment.kind is kind
    assert one.adjustment.coverage == pytest.approx(11 / 12)
    assert one.adjustment.mean_actual_kw == 6.0
    two = measured(5.0, 6.0, kind, changes=gaps("14:00", "16:45"))
    assert applied(two) == (AdjustmentKind.NONE, NoAdjustmentReason.COVERAGE, None, None)
    assert two.status is MeasurementStatus.OK
    assert two.intervals[0].baseline_kw == two.intervals[0].unadjusted_kw == 5.0
    beside = measured(5.0, 6.0, kind, changes=gaps("13:45", "17:00", "17:15", "17:45"))
    assert beside.adjustment.coverage == 1.0


@pytest.mark.parametrize(
    ("usual_kw", "day_itself_kw", "raw"),
    [(0.0, 0.0, None), (0.0, 3.0, None), (-2.0, 3.0, None), (5.0, 0.0, 0.0), (5.0, -1.0, -0.2)],
)
def test_a_factor_needs_a_positive_baseline_and_load(
    usual_kw: float, day_itself_kw: float, raw: float | None
) -> None:
    result = measured(usual_kw, day_itself_kw)
    none = AdjustmentKind.NONE, NoAdjustmentReason.BASELINE_NOT_POSITIVE, raw, None
    assert applied(result) == none
    assert result.status is MeasurementStatus.OK
    assert {one.baseline_kw for one in result.intervals} == {usual_kw}
    assert result.reduction_kw == usual_kw - day_itself_kw


def test_a_difference_needs_neither() -> None:
    result = measured(-2.0, 3.0, ADDITIVE)
    assert applied(result) == (ADDITIVE, None, 5.0, 5.0)
    assert result.reduction_kw == 0.0


def test_the_means_compare_the_same_intervals() -> None:
    def clock(day: date, minute: int) -> float:
        peak = minute == 14 * 60
        return 50.0 if peak else 5.5 if day == EVENT_DAY else 5.0

    load = metered(FIRST, EVENT_DAY, clock, changes=gaps("14:00"))
    result = baseline_of(BaselineRequest(window=WINDOW), load, LISBON)
    # The quarter with the peak is not known on the day itself, so it may not raise the baseline alone.
    assert result.adjustment.mean_baseline_kw == pytest.approx(5.0)
    assert result.adjustment.raw == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("clock", "stated"), [("13:59:59", True), ("14:00", False), ("17:59", False), (None, False)]
)
def test_notice_before_the_window_is_stated(clock: str | None, stated: bool) -> None:
    notified_at = None if clock is None else at(EVENT_DAY, clock)
    result = measured(5.0, 6.0, notified_at=notified_at)
    assert result.adjustment.notified_before_window is stated
    assert result.adjustment.applied == pytest.approx(1.2)
    before = measured(5.0, 6.0, notified_at=notified_at, method=BEFORE_AFTER)
    assert before.adjustment.notified_before_window is (stated or clock == "14:00")


def test_an_event_in_the_window_is_stated_and_changes_nothing() -> None:
    lunch = span(EVENT_DAY, "13:00", "14:15")
    assert measured(5.0, 5.5, events=(lunch, WINDOW)).adjustment.event_in_window
    assert measured(5.0, 5.5, events=(lunch, WINDOW)).adjustment.applied == pytest.approx(1.1)
    assert not measured(5.0, 5.5, events=(span(EVENT_DAY, "13:00", "14:00"),)).adjustment.event_in_window


@pytest.mark.parametrize("minutes", [1, 5, 10, 15, 20, 30, 60])
def test_resolutions_that_divide_an_hour_are_adjusted(minutes: int) -> None:
    result = measured(5.0, 5.5, resolution=timedelta(minutes=minutes))
    assert result.adjustment.applied == pytest.approx(1.1)
    assert len(result.adjustment.intervals) == 180 // minutes
    assert len(result.intervals) == 120 // minutes
    assert result.energy_kwh == pytest.approx(0.0)


def test_coarser_ones_have_no_adjustment_window() -> None:
    result = measured(5.0, 5.5, resolution=2 * HOUR)
    assert applied(result) == (AdjustmentKind.NONE, NoAdjustmentReason.RESOLUTION, None, None)
    assert result.reduction_kw == pytest.approx(-0.5)
    assert result.energy_kwh == pytest.approx(-1.0)
    with pytest.raises(InvalidError) as refused:
        measured(5.0, 5.5, resolution=2 * HOUR, method=BEFORE_AFTER)
    assert refused.value.code == "invalid_resolution"


def test_meter_before_needs_90_percent_of_the_three_hours() -> None:
    one = measured(5.0, 6.0, changes=gaps("15:00"), method=BEFORE_AFTER)
    assert one.status is MeasurementStatus.OK
    assert one.adjustment.reason is NoAdjustmentReason.METHOD
    assert one.intervals[0].baseline_kw == 6.0
    two = measured(5.0, 6.0, changes=gaps("15:00", "17:45"), method=BEFORE_AFTER)
    assert two.status is MeasurementStatus.INSUFFICIENT_DATA
    assert two.insufficiency is Insufficiency.BEFORE_NOT_KNOWN
    assert {one.baseline_kw for one in two.intervals} == {None}
    assert two.energy_kwh is None
    beside = measured(5.0, 6.0, changes=gaps("14:00", "14:45"), method=BEFORE_AFTER)
    assert beside.status is MeasurementStatus.OK


def test_meter_before_is_pending_until_the_event_is_over() -> None:
    def known(until: str) -> Baseline:
        load = metered(EVENT_DAY, EVENT_DAY, lambda *_: 6.0, known_until=at(EVENT_DAY, until))
        return baseline_of(BaselineRequest(window=WINDOW, method=BEFORE_AFTER), load, LISBON)

    assert known("17:59").status is MeasurementStatus.PENDING
    assert known("17:59").intervals[0].baseline_kw is None
    assert known("18:00").status is MeasurementStatus.PENDING
    assert known("18:00").intervals[0].baseline_kw == 6.0
    assert known("20:00").status is MeasurementStatus.OK
