"""Load histories for the tests, written down by the clock on the wall."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.demand_response.load import LoadInterval, MeteredLoad, metered_load
from domain.demand_response.local_days import LocalDays
from domain.shared.quantities import Quality
from domain.shared.time import TimeRange

ZONE = ZoneInfo("Europe/Lisbon")
LISBON = LocalDays(ZONE)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Clock = Callable[[date, int], float | None]
"""The load (kW) on a day at so many minutes past midnight by its clock; None: not known."""


def at(day: date, clock: str, zone: ZoneInfo = ZONE, fold: int = 0) -> datetime:
    local = datetime.combine(day, time.fromisoformat(clock), zone)
    return local.replace(fold=fold).astimezone(UTC)


def span(day: date, start: str, end: str, end_day: date | None = None) -> TimeRange:
    return TimeRange(at(day, start), at(end_day or day, end))


def metered(
    first: date,
    last: date,
    clock: Clock,
    *,
    resolution: timedelta = QUARTER,
    zone: ZoneInfo = ZONE,
    known_until: datetime | None = None,
    changes: Mapping[datetime, LoadInterval] | None = None,
) -> MeteredLoad:
    """Return the load of whole local days, both included; ``changes`` win over what the clock says."""
    start = at(first, "00:00", zone)
    end = at(last + DAY, "00:00", zone)
    intervals: dict[datetime, LoadInterval] = {}
    while start < end:
        local = start.astimezone(zone)
        kw = clock(local.date(), local.hour * 60 + local.minute)
        if kw is not None:
            intervals[start] = LoadInterval(start, kw, 1.0, Quality.OK)
        start += resolution
    intervals |= changes or {}
    return metered_load(intervals.values(), known_until=known_until or end, resolution=resolution)
