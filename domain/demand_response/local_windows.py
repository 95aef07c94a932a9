"""Windows of time that are found again on other days by the clock on the wall."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from domain.demand_response.load import MeteredLoad
from domain.demand_response.local_days import LocalDays
from domain.shared.errors import InvalidError
from domain.shared.time import TimeRange

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LocalWindow:
    """A window in whole intervals, each known by its start in UTC and by the clock on the wall.

    ``clocks`` counts from the midnight of the day that the window belongs to: beyond 24 hours on the days
    after it, negative on those before.
    """

    times: TimeRange
    resolution: timedelta
    starts: tuple[datetime, ...]
    clocks: tuple[timedelta, ...]

    def starts_on(self, day: date, local: LocalDays) -> tuple[datetime, ...]:
        """Return the starts, in UTC, of the intervals that have the same times on another day.

        Right only where no clocks change on `days_touched`: there elapsed time is time on the wall.
        """
        midnight = local.midnight(day)
        return tuple(midnight + clock for clock in self.clocks)

    def days_touched(self, day: date) -> tuple[date, ...]:
        """Return the days on which the window lies where it belongs to this day."""
        first = min(self.clocks) // _DAY
        last = -(-(max(self.clocks) + self.resolution) // _DAY)
        return tuple(day + number * _DAY for number in range(first, last))

    def meets(self, ranges: Iterable[TimeRange], day: date, local: LocalDays) -> bool:
        """Whether any of the ranges overlaps the window where it belongs to this day."""
        midnight = local.midnight(day)
        end = midnight + max(self.clocks) + self.resolution
        return overlaps(TimeRange(midnight + min(self.clocks), end), ranges)

    def coverage(self, load: MeteredLoad) -> float:
        """Return the share of the window itself that evidence accounts for, 0 to 1."""
        return load.coverage(self.starts)


def overlaps(times: TimeRange, ranges: Iterable[TimeRange]) -> bool:
    """Whether any of the ranges overlaps these times."""
    return any(one.start < times.end and one.end > times.start for one in ranges)


def local_window(times: TimeRange, day: date, resolution: timedelta, local: LocalDays) -> LocalWindow:
    """Return the window as one of this day.

    Raises:
        InvalidError: ``unaligned_window`` where it is not at least one interval, and whole ones.

    """
    # Between times of one zone Python counts by the clock on the wall; between times of UTC it does not.
    start, end = times.start.astimezone(UTC), times.end.astimezone(UTC)
    if start >= end or (end - start) % resolution:
        raise InvalidError("unaligned_window", f"a window has to be whole intervals of {resolution}")
    starts = tuple(start + number * resolution for number in range((end - start) // resolution))
    clocks = tuple(local.clock(one, day) for one in starts)
    return LocalWindow(TimeRange(start, end), resolution, starts, clocks)


def event_window(times: TimeRange, resolution: timedelta, local: LocalDays) -> tuple[date, LocalWindow]:
    """Return the window of an event, and the day that it belongs to: the local one on which it starts.

    A window that passes midnight belongs as a whole to the day of its start, as does what is compared with
    it: the same clock times from each earlier day on. It ends at the latest when the clock shows the time of
    its start again (or after 24 hours, on the day that has 23); a longer one would be compared with itself.

    Raises:
        InvalidError: ``unaligned_window`` or ``window_too_long``.

    """
    start, end = times.start.astimezone(UTC), times.end.astimezone(UTC)
    day = local.day_of(start)
    again = local.midnight(day + _DAY) + local.clock(start, day)
    if end > max(again, start + _DAY):
        raise InvalidError("window_too_long", "a baseline is that of a day at most")
    return day, local_window(times, day, resolution, local)
