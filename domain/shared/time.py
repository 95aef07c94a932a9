"""Instants, ranges and durations. All times are aware UTC; as columns, microseconds since the epoch."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.shared.errors import InvalidError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(time: datetime) -> int:
    """Return the microseconds since the epoch, exactly."""
    return (time - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the aware UTC time of so many microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The half-open range ``[start, end)`` of aware times.

    Raises:
        InvalidError: ``naive_timestamp`` or ``end_before_start``.

    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InvalidError("naive_timestamp", "start and end need an offset, such as Z or +01:00")
        if self.end < self.start:
            raise InvalidError("end_before_start", "end lies before start")
