"""The load of a device as baselines see it: mean power per interval, and how well each is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import fsum, gcd, isfinite
from typing import Final

from domain.shared.errors import InvalidError
from domain.shared.quantities import Quality

DEFAULT_RESOLUTION: Final = timedelta(minutes=15)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class LoadInterval:
    """The mean power (kW; negative where more is fed in than drawn) of an interval that starts at ``start``.

    ``coverage`` is the share of the interval, 0 to 1, that readings account for.
    """

    start: datetime
    mean_kw: float | None
    coverage: float
    quality: Quality

    @property
    def is_evidence(self) -> bool:
        """Whether it may be measured by: estimates, bad and missing values may not."""
        return self.quality is Quality.OK and self.mean_kw is not None and isfinite(self.mean_kw)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredLoad:
    """The load of one device in intervals of one length, found by their start in UTC.

    What is not there is missing. Nothing that ends after ``known_until`` counts, be it there or not: an
    interval that is not over, or not settled, is no evidence yet.
    """

    resolution: timedelta
    known_until: datetime
    intervals: Mapping[datetime, LoadInterval]

    @property
    def hours(self) -> float:
        """The length of an interval in hours: kW times this are kWh."""
        return self.resolution / _HOUR

    def evidence(self, start: datetime) -> LoadInterval | None:
        """Return the interval that starts then where it may be measured by."""
        interval = self.intervals.get(start)
        if interval is None or not interval.is_evidence or start + self.resolution > self.known_until:
            return None
        return interval

    def kw(self, start: datetime) -> float | None:
        """Return the mean power (kW) of the interval that starts then where it may be measured by."""
        interval = self.evidence(start)
        return interval.mean_kw if interval else None

    def coverage(self, starts: Sequence[datetime]) -> float:
        """Return which share of the time of these intervals evidence accounts for, 0 to 1 (0 of none)."""
        found = (self.evidence(start) for start in starts)
        return fsum(interval.coverage for interval in found if interval) / len(starts) if starts else 0.0


def metered_load(
    intervals: Iterable[LoadInterval], *, known_until: datetime, resolution: timedelta = DEFAULT_RESOLUTION
) -> MeteredLoad:
    """Return the load that these intervals, in any order, make up.

    Raises:
        InvalidError: ``invalid_resolution``.

    """
    check_resolution(resolution)
    return MeteredLoad(
        resolution=resolution,
        known_until=known_until,
        intervals={interval.start.astimezone(UTC): interval for interval in intervals},
    )


def check_resolution(resolution: timedelta) -> None:
    """Raise `InvalidError` where intervals of this length are not the same times of each day."""
    # What divides an hour divides a day.
    if resolution <= timedelta() or _DAY % resolution:
        raise InvalidError("invalid_resolution", "a resolution has to divide an hour or a day")


def fitting_resolution(*lengths: timedelta, at_most: timedelta = DEFAULT_RESOLUTION) -> timedelta:
    """Return the longest interval that divides all of these lengths, and ``at_most`` as well.

    A call for twenty minutes is measured in intervals of five. Lengths of 0 do not count.
    """
    divisor = gcd(at_most // _MICROSECOND, *(length // _MICROSECOND for length in lengths))
    return timedelta(microseconds=divisor)
