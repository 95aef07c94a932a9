"""Taking note of which room metrics late readings have made wrong."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from domain.sensors.events import RollupsCorrected
from domain.sensors.model import RoomName, Sensor, SensorKey
from domain.sensors.ports import SensorsTransaction, SensorsUnitOfWork
from domain.sensors.room_metrics import KeptTimes
from domain.sensors.services.room_metrics_slots import RoomMetricsRules
from domain.shared.time import MICROSECOND, from_microseconds

_LOOK_UPS: Final = 200
"""So many time ranges are looked up one by one for the readings around them."""

Range = tuple[int, int]


class MarkRoomMetrics:
    """Marks the days of rooms whose sensors got late or corrected readings; twice does no harm."""

    def __init__(self, uow: SensorsUnitOfWork, rules: RoomMetricsRules) -> None:
        self._uow = uow
        self._rules = rules

    async def __call__(self, event: RollupsCorrected) -> None:
        """Mark the days on which the event's sensors, in the rooms where they are now, count differently."""
        ranges: dict[Range, list[SensorKey]] = {}
        columns = zip(event.sensor_keys, event.starts_us, event.ends_us, strict=True)
        for key, start_us, end_us in columns:
            ranges.setdefault((start_us, end_us), []).append(SensorKey(key))
        days: dict[RoomName, set[date]] = {}
        async with self._uow.snapshot() as tx:
            sensors = await tx.sensors.by_key([SensorKey(key) for key in event.sensor_keys])
            rooms = {room for one in sensors.values() if (room := one.definition.room_name) is not None}
            kept = await tx.room_metrics.kept(rooms)
            for number, (range_, keys) in enumerate(ranges.items()):
                inside = {
                    key: sensors[key]
                    for key in keys
                    if key in sensors and sensors[key].definition.room_name in kept
                }
                reached = await _reached(tx, inside, range_, exactly=number < _LOOK_UPS)
                for key, (start_us, end_us) in reached.items():
                    room = inside[key].definition.room_name
                    if room is not None:
                        of_range = self._days(
                            from_microseconds(start_us), from_microseconds(end_us), kept[room]
                        )
                        days.setdefault(room, set()).update(of_range)
        if any(days.values()):
            async with self._uow.begin() as tx:
                await tx.room_metrics.mark(days)

    def _days(self, start: datetime, end: datetime, kept: KeptTimes) -> list[date]:
        """Return the local days of the slots in the range, as far as there are any."""
        start = max(start, kept.oldest)
        end = min(end, kept.newest) + self._rules.every
        if start >= end:
            return []
        first, last = self._rules.day(start), self._rules.day(end)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


async def _reached(
    tx: SensorsTransaction, sensors: Mapping[SensorKey, Sensor], range_: Range, *, exactly: bool
) -> dict[SensorKey, Range]:
    """Return how far the change reaches: to the good readings on either side."""
    start_us, end_us = range_
    around = await tx.rollups.neighbours(list(sensors), start_us, end_us) if exactly and sensors else {}
    reached: dict[SensorKey, Range] = {}
    for key, sensor in sensors.items():
        gap_us = sensor.effective_max_gap // MICROSECOND
        ends = around.get(key)
        before, after = (None, None) if ends is None else (ends.before, ends.after)
        reached[key] = (
            start_us - gap_us if before is None else before.last_us,
            end_us + gap_us if after is None else after.first_us,
        )
    return reached
