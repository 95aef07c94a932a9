"""Days of the week and times of the day as people write them: ``mon``, ``08:00``, ``24:00``."""

import re
from enum import StrEnum
from typing import Final

from domain.shared.errors import InvalidError

MINUTES_A_DAY: Final = 24 * 60
MINUTES_A_WEEK: Final = 7 * MINUTES_A_DAY
_CLOCK: Final = re.compile(r"(\d\d):(\d\d)", re.ASCII)
_MINUTES_AN_HOUR: Final = 60


class Weekday(StrEnum):
    """A day of the week, in order from Monday."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday, as ``datetime.weekday`` counts."""
        return _NUMBERS[self]


_NUMBERS: Final = {day: number for number, day in enumerate(Weekday)}


def parse_clock(text: str) -> int:
    """Return the minutes from midnight of ``HH:MM``; ``24:00`` is the end of the day.

    Raises:
        InvalidError: ``wrong_format``.

    """
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * _MINUTES_AN_HOUR + int(match[2]) if match else MINUTES_A_DAY + 1
    if match is None or int(match[2]) >= _MINUTES_AN_HOUR or minutes > MINUTES_A_DAY:
        raise InvalidError("wrong_format", "a time of the day is written HH:MM, from 00:00 to 24:00")
    return minutes


def written_clock(minutes: int) -> str:
    """Return ``HH:MM`` of so many minutes from midnight."""
    hour, minute = divmod(minutes, _MINUTES_AN_HOUR)
    return f"{hour:02}:{minute:02}"
