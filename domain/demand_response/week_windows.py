"""Windows of the week in a time zone: whether a moment lies in one, and whether they hold a whole range."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from domain.demand_response.model import SiteZone, WeekWindow
from domain.shared.time import TimeRange
from domain.shared.weeks import Weekday

_DAY: Final = timedelta(days=1)
_DAYS: Final = tuple(Weekday)


def covered(asked: TimeRange, windows: Sequence[WeekWindow] | None, zone: SiteZone) -> bool:
    """Return whether the windows, taken together, hold all of the range. None stands for always."""
    if windows is None:
        return True
    reached = asked.start
    for start, end in sorted(_around(asked, windows, zone)):
        if start > reached:
            return False
        reached = max(reached, end)
        if reached >= asked.end:
            return True
    return False


def holds(moment: datetime, windows: Sequence[WeekWindow] | None, zone: SiteZone) -> bool:
    """Return whether the moment lies in one of the windows. None stands for always."""
    if windows is None:
        return True
    here = TimeRange(moment, moment)
    return any(start <= moment < end for start, end in _around(here, windows, zone))


def local_day(moment: datetime, zone: SiteZone) -> TimeRange:
    """Return the local day of the moment, from midnight to midnight, in UTC."""
    day = moment.astimezone(zone).date()
    return TimeRange(at_clock(day, 0, zone), at_clock(day + _DAY, 0, zone))


def at_clock(day: date, minutes: int, zone: SiteZone) -> datetime:
    """Return when the clocks show so many minutes after the day's midnight, in UTC.

    An hour that is skipped counts from before the change; of one that comes twice it is the first.
    """
    days, rest = divmod(minutes, 24 * 60)
    clock = time(rest // 60, rest % 60)
    return datetime.combine(day + days * _DAY, clock, zone).astimezone(UTC)


def _around(
    asked: TimeRange, windows: Sequence[WeekWindow], zone: SiteZone
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows, as times, that may touch the range and do not lie before it."""
    day = asked.start.astimezone(zone).date() - _DAY
    last = asked.end.astimezone(zone).date()
    while day <= last:
        for window in windows:
            if _DAYS[day.weekday()] in window.days:
                over = window.until <= window.since
                until = window.until + (24 * 60 if over else 0)
                span = at_clock(day, window.since, zone), at_clock(day, until, zone)
                if span[1] > asked.start:
                    yield span
        day += _DAY
