"""Calendar buckets of a time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.shared.errors import InvalidError
from domain.shared.periods import Period

MAX_BUCKETS: Final = 100_000
_DAY: Final = timedelta(days=1)
_MONDAY: Final = date(1970, 1, 5).toordinal()
_MONTHS_A_YEAR: Final = 12
_SECOND: Final = timedelta(seconds=1)


def check_resolution(resolution: Period) -> None:
    """Raise `InvalidError` where the calendar has no such buckets."""
    parts = [bool(resolution.months), bool(resolution.days), bool(resolution.elapsed)]
    if sum(parts) != 1:
        raise InvalidError(
            "invalid_resolution", "a resolution is so many months, days, or hours: PT15M, P1D, P1M"
        )
    if resolution.elapsed and not _SECOND <= resolution.elapsed <= _DAY:
        raise InvalidError("invalid_resolution", "a resolution in hours lies between PT1S and PT24H")


def bucket_edges(start: datetime, end: datetime, resolution: Period, zone: ZoneInfo) -> list[datetime]:
    """Return the edges of the zone's buckets that cover ``[start, end)``, as UTC, one more than buckets.

    Days are calendar days of 23, 24 or 25 hours; buckets shorter than a day count elapsed time from local
    midnight, and the last of a day that they do not divide is shorter; weeks begin on Monday.

    Raises:
        InvalidError: ``too_many_buckets``, ``invalid_resolution``, ``out_of_calendar``.

    """
    check_resolution(resolution)
    if start >= end:
        return []
    if resolution.elapsed and (end - start) / resolution.elapsed > MAX_BUCKETS:
        raise _too_many()
    try:
        return _covering(start, end, resolution, zone)
    except (OverflowError, ValueError) as error:
        raise InvalidError("out_of_calendar", "these buckets would leave the years 1 to 9999") from error


def _covering(start: datetime, end: datetime, resolution: Period, zone: ZoneInfo) -> list[datetime]:
    edges: list[datetime] = []
    for edge in _edges_from(start, resolution, zone):
        if edges and edge <= edges[-1]:
            continue
        if edges and edge <= start:
            edges[0] = edge
            continue
        edges.append(edge)
        if len(edges) > MAX_BUCKETS + 1:
            raise _too_many()
        if edge >= end:
            break
    return edges


def _too_many() -> InvalidError:
    return InvalidError("too_many_buckets", f"one call answers {MAX_BUCKETS:,} buckets at most")


def _edges_from(start: datetime, resolution: Period, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield edges in order, the first at or before ``start``."""
    day = start.astimezone(zone).date()
    if resolution.months:
        months = (day.year * _MONTHS_A_YEAR + day.month - 1) // resolution.months * resolution.months
        while True:
            year, month = divmod(months, _MONTHS_A_YEAR)
            yield _midnight(date(year, month + 1, 1), zone)
            months += resolution.months
    if resolution.days:
        ordinal = day.toordinal() - (day.toordinal() - _MONDAY) % resolution.days
        while True:
            yield _midnight(date.fromordinal(ordinal), zone)
            ordinal += resolution.days
    midnight = _midnight(day, zone)
    while True:
        day += _DAY
        next_midnight = _midnight(day, zone)
        edge = midnight + max(0, (start - midnight) // resolution.elapsed) * resolution.elapsed
        while edge < next_midnight:
            yield edge
            edge += resolution.elapsed
        midnight = next_midnight


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first moment of the day in the zone, as UTC."""
    local = datetime.combine(day, time.min, zone)
    return local.astimezone(UTC)
