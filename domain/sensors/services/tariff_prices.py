"""Where the prices of a tariff change, in real time: across clock changes of its zone, and exactly."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from domain.sensors.services.calendar import MAX_BUCKETS
from domain.sensors.tariffs import Rate, Tariff, TariffPeriod
from domain.shared.errors import InvalidError
from domain.shared.time import MICROSECOND, from_microseconds, to_microseconds
from domain.shared.weeks import MINUTES_A_DAY, MINUTES_A_WEEK

_SECOND_US: Final = 1_000_000
_MINUTE_US: Final = 60 * _SECOND_US
_DAY_US: Final = MINUTES_A_DAY * _MINUTE_US
_WEEK_US: Final = MINUTES_A_WEEK * _MINUTE_US
_YEAR_US: Final = 365 * _DAY_US
_MONDAY_US: Final = 4 * _DAY_US
"""The first Monday after the epoch."""

_Change = tuple[int, Rate | None]


@dataclass(frozen=True, slots=True)
class PriceSpan:
    """A time ``[start, end)`` in which one rate holds, or None: no price is known."""

    start: datetime
    end: datetime
    rate: Rate | None


def rate_at(tariff: Tariff, time: datetime) -> Rate | None:
    """Return the rate that holds at the time, None where the tariff has none."""
    if time < tariff.valid_from or (tariff.valid_until is not None and time >= tariff.valid_until):
        return None
    local = time.astimezone(ZoneInfo(tariff.timezone))
    minute = local.weekday() * MINUTES_A_DAY + local.hour * 60 + local.minute
    for period in tariff.periods:
        if any(start <= minute < end for start, end in period.weekly()):
            return period.rate
    return None


def price_edges(tariff: Tariff, start: datetime, end: datetime) -> list[datetime]:
    """Return ``start``, each time in between at which the rate changes, and ``end``, as UTC.

    Raises:
        InvalidError: ``too_many_buckets``, ``out_of_calendar``.

    """
    spans = price_spans(tariff, start, end)
    return [span.start for span in spans] + [span.end for span in spans[-1:]]


def price_spans(tariff: Tariff, start: datetime, end: datetime) -> list[PriceSpan]:
    """Return ``[start, end)`` as spans of one rate each, in order and as UTC; empty where it is empty.

    Raises:
        InvalidError: ``too_many_buckets``, ``out_of_calendar``.

    """
    if start >= end:
        return []
    begin, stop = to_microseconds(start), to_microseconds(end)
    changes: list[_Change] = []
    try:
        for time, rate in _changes(tariff, begin, stop):
            if changes and changes[-1][1] == rate:
                continue
            changes.append((time, rate))
            if len(changes) > MAX_BUCKETS:
                raise InvalidError("too_many_buckets", f"prices change more than {MAX_BUCKETS:,} times there")
    except OverflowError as error:
        raise InvalidError("out_of_calendar", "these prices would leave the years 1 to 9999") from error
    times = [from_microseconds(time) for time, _ in changes] + [from_microseconds(stop)]
    return [
        PriceSpan(since, until, rate)
        for (since, until), (_, rate) in zip(pairwise(times), changes, strict=True)
    ]


def _changes(tariff: Tariff, begin: int, stop: int) -> Iterator[_Change]:
    """Yield times (µs) in ``[begin, stop)`` in order, each with the rate from then on."""
    low = max(begin, to_microseconds(tariff.valid_from))
    high = stop if tariff.valid_until is None else min(stop, to_microseconds(tariff.valid_until))
    if begin < low or low >= high:
        yield begin, None
    if low >= high:
        return
    week = _week(tariff.periods)
    if len({rate for _, rate in week}) == 1:
        yield low, week[0][1]
    else:
        for since, until, offset in _offsets(ZoneInfo(tariff.timezone), low, high):
            yield from _by_the_clock(week, since, until, offset)
    if high < stop:
        yield high, None


def _week(periods: Sequence[TariffPeriod]) -> list[_Change]:
    """Return the changes of rate of a week (µs from Monday's midnight), the first at 0."""
    spans = sorted(
        ((*span, period.rate) for period in periods for span in period.weekly()), key=lambda span: span[0]
    )
    week: list[_Change] = []
    known_until = 0
    for start, end, rate in spans:
        if start > known_until:
            week.append((known_until * _MINUTE_US, None))
        week.append((start * _MINUTE_US, rate))
        known_until = end
    if known_until < MINUTES_A_WEEK:
        week.append((known_until * _MINUTE_US, None))
    return week


def _by_the_clock(week: Sequence[_Change], since: int, until: int, offset: int) -> Iterator[_Change]:
    """Yield the changes in ``[since, until)``, in which the clock stays so far from UTC."""
    wall = since + offset - _MONDAY_US
    monday, elapsed = wall - wall % _WEEK_US, wall % _WEEK_US
    yield since, week[bisect_right(week, elapsed, key=lambda change: change[0]) - 1][1]
    for monday_utc in count(monday + _MONDAY_US - offset, _WEEK_US):
        for after_monday, rate in week:
            time = monday_utc + after_monday
            if time >= until:
                return
            if time > since:
                yield time, rate


def _offsets(zone: ZoneInfo, low: int, high: int) -> Iterator[tuple[int, int, int]]:
    """Yield parts of ``[low, high)`` in each of which the zone has one offset from UTC, and that (µs)."""
    since, offset = low, _offset(zone, low)
    # No zone changes its clocks twice within a day: the closest two changes known are four days apart.
    for day in range(low, high, _DAY_US):
        next_day = min(day + _DAY_US, high)
        after = _offset(zone, next_day)
        if after != offset:
            change = _clock_change(zone, day, next_day)
            yield since, change, offset
            since, offset = change, after
        elif next_day - since > _YEAR_US:
            # Now and then, so that a range of thousands of years is refused before all of it was looked at.
            yield since, next_day, offset
            since = next_day
    if since < high:
        yield since, high, offset


def _clock_change(zone: ZoneInfo, low: int, high: int) -> int:
    """Return when the zone's offset becomes that of ``high``, which that of ``low`` is not; whole seconds."""
    before, after = low // _SECOND_US, high // _SECOND_US
    new = _offset(zone, high)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle * _SECOND_US) == new:
            after = middle
        else:
            before = middle
    return after * _SECOND_US


def _offset(zone: ZoneInfo, time: int) -> int:
    offset = from_microseconds(time).astimezone(zone).utcoffset()
    if offset is None:
        raise AssertionError("an aware time has an offset")
    return offset // MICROSECOND
