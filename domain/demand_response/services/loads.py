"""The loads that baselines are worked out from, and the calendar in which they are compared."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.baseline_methods import EARLIEST_DAYS_BACK
from domain.demand_response.load import LoadInterval, MeteredLoad, metered_load
from domain.demand_response.local_days import LocalDays
from domain.demand_response.model import DeviceId, SensorId, SiteZone
from domain.demand_response.ports import DemandResponseTransaction, HolidayCalendar, LoadHistory
from domain.shared.ports import Clock
from domain.shared.time import TimeRange

_DAY: Final = timedelta(days=1)
_A_FEW: Final = timedelta(days=3)


class Loads:
    """Asks for loads and holidays."""

    def __init__(self, history: LoadHistory, calendar: HolidayCalendar, clock: Clock, zone: SiteZone) -> None:
        self._history = history
        self._calendar = calendar
        self._clock = clock
        self._zone = zone

    def days(self, asked: TimeRange) -> LocalDays:
        """Return the calendar of a window and of all days that it may be compared with."""
        first = (asked.start - EARLIEST_DAYS_BACK * _DAY - _A_FEW).astimezone(self._zone).date()
        last = (asked.end + _A_FEW).astimezone(self._zone).date()
        return LocalDays(self._zone, self._calendar.holidays(first, last).keys())

    async def of(
        self, sensors: Collection[SensorId], spans: Sequence[TimeRange], resolution: timedelta
    ) -> Mapping[SensorId, MeteredLoad]:
        """Return what the sensors metered in the spans so far, each cut from its own start."""
        now = self._clock.now()
        found: dict[SensorId, list[LoadInterval]] = {one: [] for one in sensors}
        for span in spans:
            if span.start >= now:
                continue
            for sensor, intervals in (await self._history.means(sensors, span, resolution)).items():
                found[sensor] += intervals
        return {
            sensor: metered_load(intervals, known_until=now, resolution=resolution)
            for sensor, intervals in found.items()
        }


async def took_part(
    tx: DemandResponseTransaction, device_ids: Collection[DeviceId], asked: TimeRange, now: datetime
) -> Mapping[DeviceId, Sequence[TimeRange]]:
    """Return when the devices took part in events, from as long before the range as days are looked at."""
    since = asked.start - EARLIEST_DAYS_BACK * _DAY - _A_FEW
    until = max(now, asked.end) + _DAY
    found = await tx.assignments.overlapping(device_ids, since, until)
    return {
        device_id: [
            TimeRange(one.began_at, max(one.ended_at or now, one.began_at))
            for one in assigned
            if one.took_part
        ]
        for device_id, assigned in found.items()
    }
