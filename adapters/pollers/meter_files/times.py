"""The notations of times in meter files; a local time is the µs from 1970 to what its clock shows."""

import re
from datetime import date
from typing import Final, NewType, TypeAlias

LocalMicroseconds = NewType("LocalMicroseconds", int)
OffsetMicroseconds: TypeAlias = int
"""East of Greenwich."""

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
# So far from the ends of the calendar that no shift or offset leaves it.
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9000

_DATE: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)|(\d{4})/(\d\d?)/(\d\d?)|(\d{4})(\d\d)(\d\d)|(\d\d?)/(\d\d?)/(?P<year_last>\d{4})",
    re.ASCII,
)
_CLOCK: Final = re.compile(
    r"(?:[Tt]| +)(?P<h>\d\d?):(?P<m>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,6})\d{0,12})?)?"
    r" ?(?P<zone>[Zz]|(?P<sign>[+-])(?P<zh>\d\d)(?::?(?P<zm>\d\d))?)?"
    r"|[Tt](?P<h2>\d\d)(?P<m2>\d\d)(?P<s2>\d\d)?"
    r"(?P<zone2>[Zz]|(?P<sign2>[+-])(?P<zh2>\d\d)(?::?(?P<zm2>\d\d))?)?",
    re.ASCII,
)
# A date in digits alone would be a number; it needs a time behind it.
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d|\d{4}/\d\d?/\d\d?|\d\d?/\d\d?/\d{4}|\d{8}(?=[Tt]))(.*)", re.ASCII | re.DOTALL
)


class InvalidTimeError(ValueError):
    """The text is no time; its message says why."""


def day_of(text: str) -> LocalMicroseconds:
    """Return the midnight with which a date begins.

    Raises:
        InvalidTimeError: it is none.

    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise InvalidTimeError("a time is written as 2024-03-31T00:15, 2024/03/31 00:15 or 31/03/2024 00:15")
    year, month, day = (int(part) for part in match.groups() if part)
    if match["year_last"]:
        year, day = day, year
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InvalidTimeError(f"the year has to lie between {_FIRST_YEAR} and {_LAST_YEAR}")
    try:
        ordinal = date(year, month, day).toordinal()
    except ValueError:
        raise InvalidTimeError("there is no such day") from None
    return LocalMicroseconds((ordinal - _EPOCH_DAY) * DAY_US)


def clock_of(text: str) -> tuple[int, OffsetMicroseconds | None]:
    """Return the µs from midnight of what stands behind a date, and the offset where it names one.

    Nothing is midnight, and 24:00 the midnight after.

    Raises:
        InvalidTimeError: it is no time of the day.

    """
    if not text:
        return 0, None
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise InvalidTimeError("a time of the day is written HH:MM or HH:MM:SS")
    found = match.groupdict("")
    hour, minute = int(found["h"] + found["h2"]), int(found["m"] + found["m2"])
    second, fraction = int(found["s"] + found["s2"] or "0"), int(f"{found['f']:0<6}")
    ends_day = hour == 24 and not (minute or second or fraction)  # noqa: PLR2004 - the hours of a day
    if not ends_day and (hour > 23 or minute > 59 or second > 59):  # noqa: PLR2004 - those of a clock
        raise InvalidTimeError("the clock goes from 00:00:00 to 23:59:59, and 24:00 is midnight")
    microseconds = ((hour * 60 + minute) * 60 + second) * SECOND_US + fraction
    return microseconds, _offset(found)


def _offset(found: dict[str, str]) -> OffsetMicroseconds | None:
    if not found["zone"] + found["zone2"]:
        return None
    hours, minutes = int(found["zh"] + found["zh2"] or "0"), int(found["zm"] + found["zm2"] or "0")
    if hours > 23 or minutes > 59:  # noqa: PLR2004 - those of a clock
        raise InvalidTimeError("there is no such offset")
    offset = (hours * 60 + minutes) * 60 * SECOND_US
    return -offset if "-" in found["sign"] + found["sign2"] else offset


def split_time(text: str) -> tuple[str, str]:
    """Return the date of a time, and what stands behind it.

    Raises:
        InvalidTimeError: it does not begin with a date.

    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidTimeError("a time is written as 2024-03-31T00:15, 2024/03/31 00:15 or 31/03/2024 00:15")
    return match[1], match[2]


def parse_time(text: str) -> tuple[LocalMicroseconds, OffsetMicroseconds | None]:
    """Return the time that a text without outer spaces shows, and the offset where it names one.

    Raises:
        InvalidTimeError: it is none.

    """
    day, behind = split_time(text)
    clock, offset = clock_of(behind)
    return LocalMicroseconds(day_of(day) + clock), offset


def is_time(text: str) -> bool:
    """Return whether a text is a time of any notation."""
    try:
        parse_time(text)
    except InvalidTimeError:
        return False
    return True


def is_date(text: str) -> bool:
    """Return whether a text is a date without a time."""
    try:
        return split_time(text)[1] == "" and is_time(text)
    except InvalidTimeError:
        return False


def is_clock(text: str) -> bool:
    """Return whether a text is a time of the day without a date."""
    try:
        clock_of(f" {text}")
    except InvalidTimeError:
        return False
    return bool(text)
