"""The times that devices say their values are of."""

from datetime import datetime, timedelta
from typing import Final

from domain.ingestion.errors import ValueRefusedError
from domain.shared.time import EPOCH, from_microseconds, to_microseconds

MILLISECONDS_FROM: Final = 1e11
"""Numbers from here on are milliseconds since the epoch, smaller ones are seconds."""
_LATEST_SECONDS: Final = 253_402_300_799
FUTURE_TOLERANCE: Final = timedelta(minutes=5)


def read_time(value: object, now: datetime) -> datetime:
    """Return the time that a device gave as RFC 3339 or as seconds or milliseconds since the epoch.

    Raises:
        ValueRefusedError: ``naive_timestamp, invalid_timestamp, in_future`` or ``too_old``.

    """
    time = _from_text(value) if isinstance(value, str) else _from_number(value)
    if time > now + FUTURE_TOLERANCE:
        raise ValueRefusedError("in_future", f"the device's time {time.isoformat()} is ahead of ours")
    if time < EPOCH:
        raise ValueRefusedError("too_old", f"the device's time {time.isoformat()} is before 1970")
    return time


def _from_text(text: str) -> datetime:
    stripped = text.strip()
    if stripped.isascii() and stripped.replace(".", "", 1).isdigit():
        return _from_number(float(stripped[:40]))
    try:
        time = datetime.fromisoformat(stripped)
    except ValueError:
        raise ValueRefusedError(
            "invalid_timestamp", f"{text[:80]!r} is no time: RFC 3339 or epoch seconds are needed"
        ) from None
    if time.tzinfo is None:
        raise ValueRefusedError(
            "naive_timestamp",
            f"{text[:80]!r} has no offset: leave out timestamp_tag, and the time of the poll counts",
        )
    try:
        return from_microseconds(to_microseconds(time))
    except OverflowError:
        raise ValueRefusedError("invalid_timestamp", f"{text[:80]!r} is out of range") from None


def _from_number(number: object) -> datetime:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ValueRefusedError("invalid_timestamp", "the time is neither text nor a number")
    # Written so that NaN fails as well.
    if not -1000 * _LATEST_SECONDS <= number <= 1000 * _LATEST_SECONDS:
        raise ValueRefusedError("invalid_timestamp", "the number is no time")
    seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
    if seconds < 0:
        raise ValueRefusedError("too_old", "the device's time is before 1970")
    return from_microseconds(round(seconds * 1_000_000))
