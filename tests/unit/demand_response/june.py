"""The worked example: two weeks and a half of June 2025 in Lisbon, and an event on Wednesday the 18th.

In the event window, 14:00 to 16:00, each earlier working day has a level (kW) of its own and rises by 0.1
kW each quarter of an hour; in the adjustment window, 10:00 to 13:00, it is at half its level, and else at 1
kW. On the 18th it is at 15.4 kW in the adjustment window and at 25 kW in the event. The 10th is a holiday; at
weekends it is at 99 kW.
"""

from datetime import date

from domain.demand_response.local_days import LocalDays
from tests.unit.demand_response.metered import ZONE, Clock, metered, span

EVENT_DAY = date(2025, 6, 18)
HOLIDAY = date(2025, 6, 10)
LEVELS = {17: 10.0, 16: 38.0, 13: 24.0, 12: 36.0, 11: 28.0, 9: 30.0, 6: 22.0, 5: 34.0, 4: 26.0, 3: 32.0}
"""By day of the month. Sum 280, mean 28."""

LOCAL = LocalDays(ZONE, frozenset({HOLIDAY}))
WINDOW = span(EVENT_DAY, "14:00", "16:00")


def june(day_itself_kw: float = 15.4, event_kw: float = 25.0) -> Clock:
    def clock(day: date, minute: int) -> float | None:
        level = LEVELS.get(day.day, 99.0)
        if 14 * 60 <= minute < 16 * 60:
            return event_kw if day == EVENT_DAY else level + (minute - 14 * 60) // 15 * 0.1
        if 10 * 60 <= minute < 13 * 60:
            return day_itself_kw if day == EVENT_DAY else level / 2
        return 1.0

    return clock


LOAD = metered(date(2025, 6, 1), EVENT_DAY, june())
