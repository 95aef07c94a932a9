"""Baselines as clients see them: with everything that they can be worked out from again by hand."""

from datetime import date
from typing import Any, Self, TypeAlias

import msgspec

from adapters.web.times import Elapsed, Instant
from domain.demand_response.adjustments import Adjustment, AdjustmentKind, NoAdjustmentReason
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import (
    Baseline,
    BaselineInterval,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.reference_days import ExcludedDay, ExclusionCode, ReferenceDay
from domain.shared.time import TimeRange

Day: TypeAlias = date
"""Where a field is named ``date``."""


class RangeAnswer(msgspec.Struct, kw_only=True):
    """The time from ``start`` up to ``end``."""

    start: Instant
    end: Instant

    @classmethod
    def of(cls, times: TimeRange) -> Self:
        """Tell a range."""
        return cls(start=Instant.of(times.start), end=Instant.of(times.end))


class BaselineIntervalAnswer(msgspec.Struct, kw_only=True):
    """An interval, in mean kW; null is not known, never 0.

    ``unadjusted_kw`` is the mean of the days used, ``baseline_kw`` that after the adjustment, ``actual_kw``
    what was metered, ``reduction_kw`` the difference: negative where more was used.
    """

    start: Instant
    baseline_kw: float | None
    unadjusted_kw: float | None
    actual_kw: float | None
    reduction_kw: float | None
    coverage: float

    @classmethod
    def of(cls, one: BaselineInterval) -> Self:
        """Tell an interval."""
        return cls(
            start=Instant.of(one.start),
            baseline_kw=one.baseline_kw,
            unadjusted_kw=one.unadjusted_kw,
            actual_kw=one.actual_kw,
            reduction_kw=one.reduction_kw,
            coverage=one.coverage,
        )


class BeforeIntervalAnswer(msgspec.Struct, kw_only=True):
    """An interval before the event, in mean kW: of the days used, and of the day itself."""

    start: Instant
    baseline_kw: float | None
    actual_kw: float | None


class AdjustmentAnswer(msgspec.Struct, kw_only=True):
    """What was done to the baseline: ``applied`` is what it was multiplied by, or what was added to it in kW.

    ``raw`` is the same before its bounds: ``mean_actual_kw`` divided by ``mean_baseline_kw``, or minus it,
    over the ``intervals`` in which both are known. ``reason`` tells why the kind is ``none``.
    ``notified_before_window``: the device knew of the event before the window began. ``event_in_window``: it
    took part in another event then. Both are stated and change nothing.
    """

    kind: AdjustmentKind
    reason: NoAdjustmentReason | None
    window: RangeAnswer | None
    raw: float | None
    applied: float | None
    mean_baseline_kw: float | None
    mean_actual_kw: float | None
    coverage: float
    notified_before_window: bool
    event_in_window: bool
    intervals: list[BeforeIntervalAnswer]

    @classmethod
    def of(cls, one: Adjustment) -> Self:
        """Tell an adjustment."""
        return cls(
            kind=one.kind,
            reason=one.reason,
            window=None if one.window is None else RangeAnswer.of(one.window),
            raw=one.raw,
            applied=one.applied,
            mean_baseline_kw=one.mean_baseline_kw,
            mean_actual_kw=one.mean_actual_kw,
            coverage=one.coverage,
            notified_before_window=one.notified_before_window,
            event_in_window=one.event_in_window,
            intervals=[
                BeforeIntervalAnswer(
                    start=Instant.of(interval.start),
                    baseline_kw=interval.baseline_kw,
                    actual_kw=interval.actual_kw,
                )
                for interval in one.intervals
            ],
        )


class ReferenceDayAnswer(msgspec.Struct, kw_only=True):
    """An eligible day, in mean kW of each interval by its clock; ``used`` tells whether the method took it.

    ``window_kw`` stands beside the ``intervals``, ``adjustment_kw`` beside those of the adjustment. Days are
    ranked by ``energy_kwh``.
    """

    date: Day
    used: bool
    energy_kwh: float
    window_kw: list[float]
    adjustment_kw: list[float | None]

    @classmethod
    def of(cls, one: ReferenceDay) -> Self:
        """Tell an eligible day."""
        return cls(
            date=one.day,
            used=one.used,
            energy_kwh=one.energy_kwh,
            window_kw=list(one.window_kw),
            adjustment_kw=list(one.adjustment_kw),
        )


class ExcludedDayAnswer(msgspec.Struct, kw_only=True):
    """A day that was left out, and why."""

    date: Day
    code: ExclusionCode
    reason: str

    @classmethod
    def of(cls, one: ExcludedDay) -> Self:
        """Tell a day that was left out."""
        return cls(date=one.day, code=one.code, reason=one.reason)


class BaselineAnswer(msgspec.Struct, kw_only=True):
    """A baseline with its evidence.

    ``reduction_kw`` is the mean of the reductions of the intervals that are known, ``energy_kwh`` their sum
    times the hours of an interval; both are null but where the ``status`` is ``OK``. ``insufficiency`` tells
    what is missing. ``coverage`` is the share of the window, 0 to 1, that is known on the day itself. Days
    are listed latest first; those of the other kind (working or not) go without saying, but for holidays.
    """

    status: MeasurementStatus
    insufficiency: Insufficiency | None
    method: BaselineMethod
    window: RangeAnswer
    resolution: Elapsed
    timezone: str
    date: Day
    working_day: bool
    adjustment: AdjustmentAnswer
    days_used: list[Day]
    days_excluded: list[ExcludedDayAnswer]
    eligible_days: list[ReferenceDayAnswer]
    intervals: list[BaselineIntervalAnswer]
    coverage: float
    reduction_kw: float | None
    energy_kwh: float | None


def baseline_parts(one: Baseline) -> dict[str, Any]:
    """Return the fields of `BaselineAnswer`."""
    return {
        "status": one.status,
        "insufficiency": one.insufficiency,
        "method": one.method,
        "window": RangeAnswer.of(one.window),
        "resolution": Elapsed.of(one.resolution),
        "timezone": one.timezone,
        "date": one.day,
        "working_day": one.working_day,
        "adjustment": AdjustmentAnswer.of(one.adjustment),
        "days_used": list(one.days_used),
        "days_excluded": [ExcludedDayAnswer.of(day) for day in one.days_excluded],
        "eligible_days": [ReferenceDayAnswer.of(day) for day in one.eligible_days],
        "intervals": [BaselineIntervalAnswer.of(interval) for interval in one.intervals],
        "coverage": one.coverage,
        "reduction_kw": one.reduction_kw,
        "energy_kwh": one.energy_kwh,
    }
