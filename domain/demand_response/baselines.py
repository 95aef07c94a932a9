"""How a baseline is worked out: the load that a device would have had."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import fsum

from domain.demand_response.adjustments import (
    ADJUSTMENT_BEGINS,
    ADJUSTMENT_ENDS,
    BEFORE_BEGINS,
    Adjustment,
    AdjustmentKind,
    NoAdjustmentReason,
    adjustment_of,
    observed,
    window_before,
)
from domain.demand_response.baseline_methods import MATCHING, BaselineMethod, DayMatching, days_taken
from domain.demand_response.baseline_results import (
    Baseline,
    BaselineInterval,
    BaselineRequest,
    Insufficiency,
    MeasurementStatus,
)
from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_days import LocalDays
from domain.demand_response.local_windows import LocalWindow, event_window, local_window
from domain.demand_response.means import mean
from domain.demand_response.reference_days import (
    ExcludedDay,
    ReferenceDay,
    eligible_days,
    is_enough,
    reference_day,
)
from domain.shared.errors import InvalidError
from domain.shared.time import TimeRange


def baseline_of(
    request: BaselineRequest, load: MeteredLoad, local: LocalDays, events: Sequence[TimeRange] = ()
) -> Baseline:
    """Return the baseline of a window in intervals of the load's resolution.

    ``events`` are the times in which the device took part in one; this one may be among them. The intervals
    of the load have to start at the window's start, and at the same clock times of the days before
    (`baseline_spans`). A window that is not over is ``PENDING``: its baseline is given so far as it is known,
    but no reduction of the whole.

    Raises:
        InvalidError: ``unaligned_window``, ``window_too_long``; ``invalid_resolution`` where three hours are
            not whole intervals and the method is `meter_before_after`.

    """
    day, window = event_window(request.window, load.resolution, local)
    matching = MATCHING.get(request.method)
    if matching is None:
        return _before_after(request, load, local, events, day, window)
    before = _adjustment_window(window, day, local)
    windows = (window, before) if before else (window,)
    found, excluded = eligible_days(day, windows, load, local, events, matching.most_days)
    references = _references(found, windows, load, local, matching)
    used = [one for one in references if one.used]
    adjustment = _adjustment(request, load, before, used, events)
    unadjusted = [mean(one.window_kw[number] for one in used) for number in range(len(window.starts))]
    return _baseline(
        request, load, local, day, window, unadjusted, adjustment, references=references, excluded=excluded
    )


def _adjustment_window(window: LocalWindow, day: date, local: LocalDays) -> LocalWindow | None:
    times = window_before(window.times.start, ADJUSTMENT_BEGINS, ADJUSTMENT_ENDS, window.resolution)
    return local_window(times, day, window.resolution, local) if times else None


def _references(
    found: Sequence[date],
    windows: Sequence[LocalWindow],
    load: MeteredLoad,
    local: LocalDays,
    matching: DayMatching,
) -> list[ReferenceDay]:
    """Return the eligible days, and which of them are used: none where they are too few."""
    days = [reference_day(one, windows, load, local) for one in found]
    if len(days) < matching.fewest_days:
        return days
    taken = days_taken(matching, {one.day: one.energy_kwh for one in days})
    return [replace(one, used=one.day in taken) for one in days]


def _adjustment(
    request: BaselineRequest,
    load: MeteredLoad,
    window: LocalWindow | None,
    used: Sequence[ReferenceDay],
    events: Sequence[TimeRange],
) -> Adjustment:
    if window is None:
        return Adjustment(kind=AdjustmentKind.NONE, reason=NoAdjustmentReason.RESOLUTION)
    seen = observed(window, load, used, events, request.notified_at)
    if not used:
        return replace(seen, reason=NoAdjustmentReason.TOO_FEW_DAYS)
    return adjustment_of(seen, request.adjustment, load)


def _before_after(
    request: BaselineRequest,
    load: MeteredLoad,
    local: LocalDays,
    events: Sequence[TimeRange],
    day: date,
    window: LocalWindow,
) -> Baseline:
    """Return the baseline that is the mean of the three hours before, the same for the whole window.

    NAESB's "meter before / meter after" (WEQ-015) compares the metered load before the event with that in it.
    That it is the mean of three hours is a choice made here.
    """
    times = window_before(window.times.start, BEFORE_BEGINS, timedelta(), load.resolution)
    if times is None:
        raise InvalidError("invalid_resolution", "meter_before_after needs three hours of whole intervals")
    seen = observed(local_window(times, day, load.resolution, local), load, (), events, request.notified_at)
    adjustment = replace(seen, reason=NoAdjustmentReason.METHOD)
    known = is_enough(seen.coverage) and times.end <= load.known_until
    unadjusted = [seen.mean_actual_kw if known else None] * len(window.starts)
    return _baseline(request, load, local, day, window, unadjusted, adjustment)


def _baseline(
    request: BaselineRequest,
    load: MeteredLoad,
    local: LocalDays,
    day: date,
    window: LocalWindow,
    unadjusted: Sequence[float | None],
    adjustment: Adjustment,
    *,
    references: Sequence[ReferenceDay] = (),
    excluded: Sequence[ExcludedDay] = (),
) -> Baseline:
    intervals = compared(window, unadjusted, adjustment, load)
    coverage = window.coverage(load)
    status, insufficiency = _status(request.method, window, load, unadjusted, coverage)
    reductions = [one.reduction_kw for one in intervals if one.reduction_kw is not None]
    is_ok = status is MeasurementStatus.OK
    return Baseline(
        method=request.method,
        status=status,
        insufficiency=insufficiency,
        window=window.times,
        resolution=load.resolution,
        timezone=local.zone.key,
        day=day,
        working_day=local.is_working(day),
        eligible_days=tuple(references),
        days_excluded=tuple(excluded),
        adjustment=adjustment,
        intervals=intervals,
        coverage=coverage,
        reduction_kw=mean(reductions) if is_ok else None,
        energy_kwh=fsum(reductions) * load.hours if is_ok else None,
    )


def compared(
    window: LocalWindow, unadjusted: Sequence[float | None], adjustment: Adjustment, load: MeteredLoad
) -> tuple[BaselineInterval, ...]:
    """Return the window's intervals: ``B*(t)`` and the reduction ``R(t) = B*(t) - L(D,t)``, negatives kept.

    So NAESB has it: the baseline, compared with the metered load, gives the demand reduction (WEQ-015).
    """
    intervals = []
    for start, kw in zip(window.starts, unadjusted, strict=True):
        baseline = None if kw is None else adjustment.adjusted(kw)
        actual = load.kw(start)
        reduction = None if baseline is None or actual is None else baseline - actual
        intervals.append(
            BaselineInterval(
                start=start,
                unadjusted_kw=kw,
                baseline_kw=baseline,
                actual_kw=actual,
                reduction_kw=reduction,
                coverage=load.coverage((start,)),
            )
        )
    return tuple(intervals)


def _status(
    method: BaselineMethod,
    window: LocalWindow,
    load: MeteredLoad,
    unadjusted: Sequence[float | None],
    coverage: float,
) -> tuple[MeasurementStatus, Insufficiency | None]:
    if window.times.end > load.known_until:
        return MeasurementStatus.PENDING, None
    if None in unadjusted:
        is_before = method is BaselineMethod.METER_BEFORE_AFTER
        missing = Insufficiency.BEFORE_NOT_KNOWN if is_before else Insufficiency.TOO_FEW_DAYS
        return MeasurementStatus.INSUFFICIENT_DATA, missing
    if not is_enough(coverage):
        return MeasurementStatus.INSUFFICIENT_DATA, Insufficiency.EVENT_NOT_KNOWN
    return MeasurementStatus.OK, None
