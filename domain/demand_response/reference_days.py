"""The days that a baseline may be made of, those that it may not, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from math import fsum
from typing import Final

from domain.demand_response.baseline_methods import EARLIEST_DAYS_BACK
from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_days import LocalDays, days_before
from domain.demand_response.local_windows import LocalWindow, overlaps
from domain.shared.time import TimeRange

ENOUGH_COVERAGE: Final = 0.9
"""The share of a window that has to be known."""

_ROUNDING: Final = 1e-9


class ExclusionCode(StrEnum):
    """Why a day is no reference."""

    HOLIDAY = "holiday"
    EVENT_DAY = "event_day"
    CLOCK_CHANGE = "clock_change"
    COVERAGE = "coverage"


@dataclass(frozen=True, slots=True)
class ExcludedDay:
    """A day that was left out, with the reason in words."""

    day: date
    code: ExclusionCode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceDay:
    """An eligible day, and what it was metered at: all that the baseline takes from it.

    ``window_kw`` is the mean power (kW) of each interval of the event window by this day's clock,
    ``energy_kwh`` their energy, by which days are ranked; ``adjustment_kw`` that of the adjustment window,
    with gaps. ``used`` says whether the method took the day.
    """

    day: date
    used: bool
    energy_kwh: float
    window_kw: tuple[float, ...]
    adjustment_kw: tuple[float | None, ...]


def is_enough(coverage: float) -> bool:
    """Whether this share of a window is enough to measure by: 90 %."""
    return coverage >= ENOUGH_COVERAGE - _ROUNDING


def eligible_days(
    day: date,
    windows: Sequence[LocalWindow],
    load: MeteredLoad,
    local: LocalDays,
    events: Sequence[TimeRange],
    most: int,
) -> tuple[list[date], list[ExcludedDay]]:
    """Return the last ``most`` eligible days before the day, and those left out on the way, latest first.

    Eligible are days of the same type (working or not) of the 45 before, but for those on which the device
    took part in an event, on which clocks change, or whose windows are not well known. The 45 days, the two
    types and the days with events are those of CAISO's ten-in-ten (CAISO tariff, section 4.13.4); coverage
    and clock changes are rules made here. ``windows`` are the event's, and after it the adjustment's where
    there is one. Holidays on weekdays are named among the excluded where a working day is measured; other
    days of the other type go without saying.
    """
    eligible: list[date] = []
    excluded: list[ExcludedDay] = []
    is_working = local.is_working(day)
    for earlier in days_before(day, EARLIEST_DAYS_BACK):
        if len(eligible) == most:
            break
        if local.is_working(earlier) is not is_working:
            if is_working and not local.is_weekend(earlier):
                excluded.append(ExcludedDay(earlier, ExclusionCode.HOLIDAY, "a holiday"))
            continue
        fault = fault_of(earlier, windows, load, local, events)
        if fault:
            excluded.append(fault)
        else:
            eligible.append(earlier)
    return eligible, excluded


def fault_of(
    day: date,
    windows: Sequence[LocalWindow],
    load: MeteredLoad,
    local: LocalDays,
    events: Sequence[TimeRange],
) -> ExcludedDay | None:
    """Return why a day of the right type may not be measured by; None where it may."""
    day_range = TimeRange(local.midnight(day), local.midnight(day + timedelta(days=1)))
    if overlaps(day_range, events):
        return ExcludedDay(day, ExclusionCode.EVENT_DAY, "the device took part in an event")
    # A window that passes midnight may reach into an event of the day before or after.
    if any(window.meets(events, day, local) for window in windows):
        return ExcludedDay(day, ExclusionCode.EVENT_DAY, "its windows reach into an event of another day")
    touched = {day, *(one for window in windows for one in window.days_touched(day))}
    changes = [one for one in sorted(touched) if local.changes_clocks(one)]
    if changes:
        return ExcludedDay(day, ExclusionCode.CLOCK_CHANGE, f"clocks change on {changes[0]}")
    for name, window in zip(("event", "adjustment"), windows, strict=False):
        coverage = load.coverage(window.starts_on(day, local))
        if not is_enough(coverage):
            return ExcludedDay(day, ExclusionCode.COVERAGE, f"{coverage:.1%} of the {name} window is known")
    if None in window_kw(day, windows[0], load, local):
        return ExcludedDay(day, ExclusionCode.COVERAGE, "an interval of the event window is not known")
    return None


def window_kw(
    day: date, window: LocalWindow, load: MeteredLoad, local: LocalDays
) -> tuple[float | None, ...]:
    """Return the mean power (kW) of each interval of the window by the clock of another day."""
    return tuple(load.kw(start) for start in window.starts_on(day, local))


def complete_kw(
    day: date, window: LocalWindow, load: MeteredLoad, local: LocalDays
) -> tuple[float, ...] | None:
    """Return the same where every interval is known."""
    found = tuple(kw for kw in window_kw(day, window, load, local) if kw is not None)
    return found if len(found) == len(window.starts) else None


def reference_day(
    day: date, windows: Sequence[LocalWindow], load: MeteredLoad, local: LocalDays
) -> ReferenceDay:
    """Return an eligible day with its loads, not used so far."""
    loads = complete_kw(day, windows[0], load, local) or ()
    adjustment = window_kw(day, windows[1], load, local) if len(windows) > 1 else ()
    return ReferenceDay(
        day=day,
        used=False,
        energy_kwh=fsum(loads) * load.hours,
        window_kw=loads,
        adjustment_kw=adjustment,
    )
