"""Periods as ISO 8601 writes them: ``PT15M``, ``PT1H``, ``P1D``, ``P1W``, ``P1M``, ``P1Y``."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.shared.errors import InvalidError

_PERIOD: Final = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10}(?:[.,]\d{1,6})?)S)?)?",
    re.ASCII,
)
_OF_ANY_SIZE: Final = re.compile(
    r"P(?=\d|T\d)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?"
    r"(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:[.,](?P<fraction>\d+))?S)?)?",
    re.ASCII,
)
_MOST_DIGITS: Final = 6
_MONTHS_A_YEAR: Final = 12
_DAYS_A_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class Period:
    """A length of calendar time: months and days of a calendar, and elapsed time.

    A day is a calendar day (23, 24 or 25 hours in a zone with clock changes), never 24 hours.
    """

    months: int = 0
    days: int = 0
    elapsed: timedelta = timedelta()

    @property
    def exact(self) -> timedelta | None:
        """The same length whenever it begins: a day as 24 hours; None where there are months."""
        return None if self.months else timedelta(days=self.days) + self.elapsed

    def __str__(self) -> str:
        """Return it as ISO 8601 writes it."""
        years, months = divmod(self.months, _MONTHS_A_YEAR)
        date = "".join(f"{number}{unit}" for number, unit in ((years, "Y"), (months, "M")) if number)
        if self.days and self.days % _DAYS_A_WEEK == 0 and not (date or self.elapsed):
            return f"P{self.days // _DAYS_A_WEEK}W"
        if self.days:
            date += f"{self.days}D"
        time = _clock(self.elapsed)
        return f"P{date}T{time}" if time else f"P{date or 'T0S'}"


def _clock(elapsed: timedelta) -> str:
    seconds, microseconds = divmod(elapsed // timedelta(microseconds=1), 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{microseconds:06}".rstrip("0") if microseconds else ""
    written = "".join(f"{number}{unit}" for number, unit in ((hours, "H"), (minutes, "M")) if number)
    return f"{written}{seconds}{fraction}S" if seconds or fraction else written


def parse_period(text: str) -> Period:
    """Return the period of an ISO 8601 text.

    Raises:
        InvalidError: ``invalid_duration``, also where it is no time at all.

    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise InvalidError("invalid_duration", _why_not(text))
    number = {name: int(value) for name, value in match.groupdict("0").items() if name != "seconds"}
    seconds, _, fraction = match.groupdict("0")["seconds"].replace(",", ".").partition(".")
    period = Period(
        months=number["years"] * _MONTHS_A_YEAR + number["months"],
        days=number["weeks"] * _DAYS_A_WEEK + number["days"],
        elapsed=timedelta(
            hours=number["hours"],
            minutes=number["minutes"],
            seconds=int(seconds),
            microseconds=int(f"{fraction:0<6}"),
        ),
    )
    if period == Period():
        raise InvalidError("invalid_duration", "a duration has to be longer than nothing")
    return period


def _why_not(text: str) -> str:
    """Return what is wrong with a text that is no period here."""
    match = _OF_ANY_SIZE.fullmatch(text)
    if match is None:
        return "a duration is written as ISO 8601 says, such as PT15M or P1D"
    if len(match["fraction"] or "") > _MOST_DIGITS:
        return "a duration is told to the microsecond here, no finer"
    return "a duration is not that long here: at most P9999Y, P99999M, P99999W, P999999D or PT9999999H"


def period_of(length: timedelta) -> Period:
    """Return the period of an exact length (not negative): whole days as days."""
    return Period(
        days=length.days, elapsed=timedelta(seconds=length.seconds, microseconds=length.microseconds)
    )
