"""Tariffs: what energy costs and emits, by the hour of the week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.shared.text_ids import text_name
from domain.shared.weeks import MINUTES_A_DAY, MINUTES_A_WEEK, Weekday

TariffName = NewType("TariffName", str)


def tariff_name(value: str) -> TariffName:
    """Return the name where it is well formed, else raise `InvalidError`."""
    return TariffName(text_name(value, "name"))


@dataclass(frozen=True, slots=True)
class Rate:
    """What a kWh costs, in the currency of its tariff, and emits, in g CO2 (None: not known).

    A price may be negative. Both hold for energy either way: what is exported (negative energy) earns the
    price and avoids the emission.
    """

    price_per_kwh: float
    co2_g_per_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffPeriod:
    """When a rate holds: on these days, between two times of the clock on the wall.

    Times are minutes from midnight; ``to_minute`` is the first one outside, 1440 being the end of the day.
    Where it does not lie after ``from_minute``, it is on the day after: a period that passes midnight
    belongs to the day on which it begins.
    """

    days: frozenset[Weekday]
    from_minute: int
    to_minute: int
    rate: Rate

    def weekly(self) -> Iterator[tuple[int, int]]:
        """Yield its spans ``[start, end)`` in minutes from Monday's midnight, none beyond the week's end."""
        length = (self.to_minute - self.from_minute) % MINUTES_A_DAY or MINUTES_A_DAY
        for day in sorted(self.days, key=lambda day: day.number):
            start = day.number * MINUTES_A_DAY + self.from_minute
            end = start + length
            yield start, min(end, MINUTES_A_WEEK)
            if end > MINUTES_A_WEEK:
                yield 0, end - MINUTES_A_WEEK


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Rates by the clock on the wall in ``timezone``, valid in ``[valid_from, valid_until)``.

    The hour that is repeated when clocks go back has the rate of its time both times; a time that clocks
    skip has none. Periods never overlap. Time outside all of them, or when the tariff is not valid, has no
    rate: what is used then costs an unknown amount, which is not nothing.
    """

    name: TariffName
    currency: str
    timezone: str
    valid_from: datetime
    valid_until: datetime | None = None
    periods: tuple[TariffPeriod, ...]


def is_timezone(name: str) -> bool:
    """Return whether it is the name of a zone that is known here."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def start_of_day(day: date, timezone: str) -> datetime:
    """Return the first moment of the day in the zone, as UTC; in UTC where there is no such zone.

    Raises:
        OverflowError: it would leave the years 1 to 9999.

    """
    # A tariff with an unknown zone is refused anyway, together with all its other faults.
    zone = ZoneInfo(timezone) if is_timezone(timezone) else UTC
    return datetime.combine(day, time.min, zone).astimezone(UTC)
