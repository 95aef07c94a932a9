"""How far a baseline method is off: tried on days without an event, where the right answer was metered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from math import fsum, sqrt

from domain.demand_response.adjustments import AdjustmentKind
from domain.demand_response.baseline_methods import BaselineMethod
from domain.demand_response.baseline_results import (
    Baseline,
    BaselineRequest,
    Insufficiency,
)
from domain.demand_response.baselines import baseline_of
from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_days import LocalDays
from domain.demand_response.local_windows import event_window
from domain.demand_response.model import SiteZone
from domain.demand_response.reference_days import ExclusionCode, fault_of
from domain.demand_response.week_windows import at_clock
from domain.shared.time import TimeRange
from domain.shared.weeks import MINUTES_A_DAY


@dataclass(frozen=True, slots=True)
class ClockWindow:
    """A window of each day between two times of the clock on the wall, in minutes from midnight.

    Where ``to_minute`` does not lie after ``from_minute``, it is on the day after, to which the window then
    reaches from the day on which it begins.
    """

    from_minute: int
    to_minute: int

    def on(self, day: date, local: LocalDays) -> TimeRange:
        """Return the window that begins on this day."""
        zone = SiteZone(local.zone)
        minutes = (self.to_minute - self.from_minute) % MINUTES_A_DAY or MINUTES_A_DAY
        end = self.from_minute + minutes
        return TimeRange(at_clock(day, self.from_minute, zone), at_clock(day, end, zone))


class NoPlacebo(StrEnum):
    """Why the method could not be tried on a day, beside the `ExclusionCode`s and the `Insufficiency`s."""

    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class SkippedDay:
    """A day on which the method was not tried."""

    day: date
    code: ExclusionCode | Insufficiency | NoPlacebo


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboDay:
    """A day on which the method was tried: sums over the intervals of its window, all known.

    ``error_kw`` sums ``B* - L``, ``squared_error_kw2`` its squares, ``load_kw`` the metered loads.
    """

    day: date
    intervals: int
    error_kw: float
    squared_error_kw2: float
    load_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How far a method was off on the days on which it was tried.

    ``bias`` is above 0 where the method finds more load than there was, and so more reduction. ``bias`` and
    ``cv_rmse`` are shares of the load: 0.05 is 5 %. Both are None without days, or where the load in all is
    not positive, since a share of that says nothing.
    """

    method: BaselineMethod
    adjustment: AdjustmentKind
    bias: float | None
    cv_rmse: float | None
    days: tuple[PlaceboDay, ...]
    skipped: tuple[SkippedDay, ...]


def accuracy_of(
    window: ClockWindow,
    days: Sequence[date],
    load: MeteredLoad,
    local: LocalDays,
    events: Sequence[TimeRange] = (),
    method: BaselineMethod = BaselineMethod.TEN_OF_TEN,
    adjustment: AdjustmentKind = AdjustmentKind.MULTIPLICATIVE,
) -> Accuracy:
    """Return the accuracy of a method in a window of these days, as if each had had an event.

    ``bias = sum(B* - L) / sum L`` and ``CV(RMSE) = sqrt(mean((B* - L)^2)) / mean L``, over all intervals of
    all days. Both are measures of ASHRAE Guideline 14 for models of a building's load (NMBE and CV(RMSE));
    it divides by the degrees of freedom, which here is the number of intervals, since no parameter is fitted
    to the days that are tried. Trying baselines on days without an event is how PJM's methods were compared
    (KEMA, PJM Empirical Analysis of Demand Response Baseline Methods, 2011). A day with an event or a clock
    change is skipped, and one on which an interval of the window is not known.

    Raises:
        InvalidError: as `baseline_of`.

    """
    tried: list[PlaceboDay] = []
    skipped: list[SkippedDay] = []
    for day in days:
        times = window.on(day, local)
        fault = _fault(times, day, load, local, events)
        if fault is not None:
            skipped.append(SkippedDay(day, fault))
            continue
        request = BaselineRequest(window=times, method=method, adjustment=adjustment)
        result = baseline_of(request, load, local, events)
        if result.insufficiency is None:
            tried.append(_placebo(result))
        else:
            skipped.append(SkippedDay(day, result.insufficiency))
    return _accuracy(method, adjustment, tried, skipped)


def _fault(
    times: TimeRange, day: date, load: MeteredLoad, local: LocalDays, events: Sequence[TimeRange]
) -> ExclusionCode | NoPlacebo | None:
    # Beforehand, since there a window may have no whole number of intervals.
    if local.changes_clocks(day) or local.changes_clocks(local.day_of(times.end - load.resolution)):
        return ExclusionCode.CLOCK_CHANGE
    if times.end > load.known_until:
        return NoPlacebo.PENDING
    _, local_times = event_window(times, load.resolution, local)
    fault = fault_of(day, (local_times,), load, local, events)
    return fault.code if fault else None


def _placebo(result: Baseline) -> PlaceboDay:
    errors = [one.reduction_kw for one in result.intervals if one.reduction_kw is not None]
    loads = [one.actual_kw for one in result.intervals if one.actual_kw is not None]
    return PlaceboDay(
        day=result.day,
        intervals=len(errors),
        error_kw=fsum(errors),
        squared_error_kw2=fsum(error * error for error in errors),
        load_kw=fsum(loads),
    )


def _accuracy(
    method: BaselineMethod,
    adjustment: AdjustmentKind,
    days: Sequence[PlaceboDay],
    skipped: Sequence[SkippedDay],
) -> Accuracy:
    count = sum(one.intervals for one in days)
    load = fsum(one.load_kw for one in days)
    is_measured = load > 0
    error = fsum(one.error_kw for one in days)
    squares = fsum(one.squared_error_kw2 for one in days)
    return Accuracy(
        method=method,
        adjustment=adjustment,
        bias=error / load if is_measured else None,
        cv_rmse=sqrt(squares / count) / (load / count) if is_measured else None,
        days=tuple(days),
        skipped=tuple(skipped),
    )
