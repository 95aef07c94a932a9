"""Rebound: what is used on top of the baseline once an event is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import fsum

from domain.demand_response.baseline_methods import MATCHING
from domain.demand_response.baseline_results import Baseline, BaselineInterval, MeasurementStatus
from domain.demand_response.baselines import compared
from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_days import LocalDays
from domain.demand_response.local_windows import LocalWindow, local_window, overlaps
from domain.demand_response.means import mean
from domain.demand_response.reference_days import complete_kw, is_enough
from domain.shared.time import TimeRange


@dataclass(frozen=True, slots=True)
class RecoveryDay:
    """One of the baseline's days: the mean power (kW) of each interval of the recovery by its clock."""

    day: date
    recovery_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebound:
    """What was used on top of the baseline in the recovery period.

    ``energy_kwh`` is the sum of ``max(0, actual_kw - baseline_kw)`` times the hours of an interval, over the
    intervals that are known; None but where the status is ``OK``. ``days_left_out`` are days of the baseline
    that say nothing of the recovery period. ``coverage`` is the share of the period, 0 to 1, that is known.
    ``event_in_period``: the device took part in another event then, which is stated and changes nothing.
    """

    period: TimeRange
    status: MeasurementStatus
    days_used: tuple[RecoveryDay, ...]
    days_left_out: tuple[date, ...]
    intervals: tuple[BaselineInterval, ...]
    coverage: float
    energy_kwh: float | None
    event_in_period: bool


def rebound_of(
    baseline: Baseline,
    recovery: timedelta,
    load: MeteredLoad,
    local: LocalDays,
    events: Sequence[TimeRange] = (),
) -> Rebound:
    """Return the rebound in the recovery period that follows the event: ``sum max(0, L - B*) dh`` in kWh.

    The load that comes back after an event is known as its rebound, snapback or payback; that it is measured
    against the event's own baseline, carried on with the event's own days and adjustment, is a choice made
    here. A day of it that lacks an interval of the period, or has a clock change or an event there, is left
    out for all of it; where fewer remain than the method ever takes a mean of, there is no number.

    Raises:
        InvalidError: ``unaligned_window`` where the recovery is not whole intervals, at least one.

    """
    end = baseline.window.end
    period = local_window(TimeRange(end, end + recovery), baseline.day, load.resolution, local)
    if baseline.method in MATCHING:
        others = (*events, baseline.window)
        days = [
            RecoveryDay(day, loads)
            for day in baseline.days_used
            if (loads := _recovery_kw(day, period, load, local, others))
        ]
        enough = bool(days) and len(days) >= MATCHING[baseline.method].fewest_used
        unadjusted = [
            mean(one.recovery_kw[number] for one in days) if enough else None
            for number in range(len(period.starts))
        ]
    else:
        days = []
        unadjusted = [baseline.intervals[-1].unadjusted_kw] * len(period.starts)
    intervals = compared(period, unadjusted, baseline.adjustment, load)
    coverage = period.coverage(load)
    status = _status(period, load, unadjusted, coverage)
    excess = (max(0.0, -one.reduction_kw) for one in intervals if one.reduction_kw is not None)
    return Rebound(
        period=period.times,
        status=status,
        days_used=tuple(days),
        days_left_out=tuple(sorted(set(baseline.days_used) - {one.day for one in days}, reverse=True)),
        intervals=intervals,
        coverage=coverage,
        energy_kwh=fsum(excess) * load.hours if status is MeasurementStatus.OK else None,
        event_in_period=overlaps(period.times, events),
    )


def _recovery_kw(
    day: date, period: LocalWindow, load: MeteredLoad, local: LocalDays, events: Sequence[TimeRange]
) -> tuple[float, ...] | None:
    if any(local.changes_clocks(one) for one in period.days_touched(day)):
        return None
    if period.meets(events, day, local):
        return None
    return complete_kw(day, period, load, local)


def _status(
    period: LocalWindow, load: MeteredLoad, unadjusted: Sequence[float | None], coverage: float
) -> MeasurementStatus:
    if period.times.end > load.known_until:
        return MeasurementStatus.PENDING
    is_known = None not in unadjusted and is_enough(coverage)
    return MeasurementStatus.OK if is_known else MeasurementStatus.INSUFFICIENT_DATA
