from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.simulator.local_days import microseconds

LISBON = ZoneInfo("Europe/Lisbon")
SECOND = 1_000_000
HOUR = 3600 * SECOND

WEDNESDAY = date(2026, 11, 18)
SUNDAY = date(2026, 11, 22)
SPRING_CHANGE = date(2026, 3, 29)
AUTUMN_CHANGE = date(2026, 10, 25)


def local(day: date, hour: int = 0, minute: int = 0) -> int:
    return microseconds(datetime(day.year, day.month, day.day, hour, minute, tzinfo=LISBON))


def midnights(day: date) -> tuple[int, int]:
    return local(day), local(day + timedelta(days=1))
