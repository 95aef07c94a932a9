"""The days of a place: when they begin, which are working days, and on which its clocks change."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class LocalDays:
    """The calendar days of a zone. ``holidays`` need only say whether a date is in them."""

    zone: ZoneInfo
    holidays: Container[date] = frozenset()

    def midnight(self, day: date) -> datetime:
        """Return the first moment of the day, as UTC."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)

    def day_of(self, moment: datetime) -> date:
        """Return the day on which the moment lies."""
        return moment.astimezone(self.zone).date()

    def clock(self, moment: datetime, day: date) -> timedelta:
        """Return how far the clock on the wall is from the day's midnight then; negative on earlier days."""
        return moment.astimezone(self.zone).replace(tzinfo=None) - datetime.combine(day, time.min)

    def is_weekend(self, day: date) -> bool:
        """Whether it is a Saturday or a Sunday."""
        return day.weekday() >= _SATURDAY

    def is_working(self, day: date) -> bool:
        """Whether it is neither a Saturday, a Sunday nor a holiday."""
        return not self.is_weekend(day) and day not in self.holidays

    def changes_clocks(self, day: date) -> bool:
        """Whether the day is longer or shorter than 24 hours."""
        return self.midnight(day + _DAY) - self.midnight(day) != _DAY


def days_before(day: date, most: int) -> Iterator[date]:
    """Yield up to ``most`` days before the day, the latest first, as far back as the calendar goes."""
    for back in range(1, min(most, day.toordinal() - 1) + 1):
        yield day - back * _DAY
