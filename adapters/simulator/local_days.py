"""The building's calendar days in slots of five minutes, with the days of 23 and 25 hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Lisbon")
SECOND = 1_000_000
STEP = 300 * SECOND
SLOTS_PER_DAY = 288
_ORDINARY = tuple(range(SLOTS_PER_DAY + 1))
_SATURDAY = 5
# The national ones with a fixed date; those that move with Easter are left as working days.
_HOLIDAYS = {(1, 1), (4, 25), (5, 1), (6, 10), (8, 15), (10, 5), (11, 1), (12, 1), (12, 8), (12, 25)}


def microseconds(time: datetime) -> int:
    """Give the epoch microseconds of an aware time, exactly."""
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return (time - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A calendar day: its bounds in epoch microseconds, and the slot on the wall clock at each knot."""

    date: date
    start: int
    end: int
    slots: tuple[int, ...]
    working: bool

    @property
    def cells(self) -> range:
        """The number of each knot counted from the epoch, both midnights included."""
        return range(self.start // STEP, self.end // STEP + 1)

    @property
    def day_of_year(self) -> int:
        """1 on the first of January."""
        return self.date.timetuple().tm_yday


class LocalCalendar:
    """Finds the calendar day of an instant."""

    def __init__(self) -> None:
        self._days: dict[date, LocalDay] = {}

    def day_of(self, time: int) -> LocalDay:
        """Give the day that holds this instant (epoch microseconds)."""
        return self.day(datetime.fromtimestamp(time // SECOND, ZONE).date())

    def day(self, of: date) -> LocalDay:
        """Give the day of this date."""
        day = self._days.get(of)
        if day is None:
            day = self._days[of] = _local_day(of)
        return day


def _local_day(of: date) -> LocalDay:
    start = _midnight(of)
    end = _midnight(of + timedelta(days=1))
    working = of.weekday() < _SATURDAY and (of.month, of.day) not in _HOLIDAYS
    slots = _ORDINARY if end - start == SLOTS_PER_DAY * STEP else _slots_at_a_clock_change(start, end)
    return LocalDay(of, start, end, slots, working)


def _midnight(of: date) -> int:
    return microseconds(datetime(of.year, of.month, of.day, tzinfo=ZONE))


def _slots_at_a_clock_change(start: int, end: int) -> tuple[int, ...]:
    knots = (datetime.fromtimestamp(knot // SECOND, ZONE) for knot in range(start, end, STEP))
    return (*(knot.hour * 12 + knot.minute // 5 for knot in knots), SLOTS_PER_DAY)
