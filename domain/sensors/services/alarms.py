"""Noticing sensors that have fallen silent."""

from array import array
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.sensors.alarms import Alarm, AlarmFilter, SensorSilence
from domain.sensors.events import NoDataAlarmsEnded, NoDataAlarmsRaised
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import to_microseconds

ALARMS_KEPT: Final = timedelta(days=90)
_SENSORS_AN_EVENT: Final = 500
"""After an outage many fall silent at once: they are told of together, so many in one event."""


class Alarms:
    """Raises and ends the alarms of sensors without data.

    A sensor is silent once its newest reading is older than its ``no_data_after``: what was said of it,
    else its ``max_gap``, so that the alarm is about the sensors that are ``stale``. Where readings arrive in
    bundles, such as a file a day, the newest one is old for most of the time although all is well; such a
    sensor says a longer ``no_data_after``, as those that meter files bring along do by themselves. The rule
    is told rather than learnt: people can read when an alarm will come.

    A sensor that never sent anything raises none: it may not be connected yet. Readings that come but are
    as old as that themselves do not end an alarm. And after a time in which the service itself was down,
    sensors are given as long to be heard again as they may be silent, at most an hour.
    """

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._heard_since = clock.now()

    async def check(self) -> None:
        """Raise the alarms that are due, and end those that are over; twice does no harm."""
        now = self._clock.now()
        async with self._uow.begin() as tx:
            ended = await tx.alarms.end_over(now)
            raised = await tx.alarms.raise_due(now, self._heard_since)
            for event, sensors in ((NoDataAlarmsEnded, ended), (NoDataAlarmsRaised, raised)):
                for told in self._told(event, sensors, now):
                    tx.events.add(told)

    async def list(self, where: AlarmFilter, limit: int, offset: int) -> tuple[Sequence[Alarm], int]:
        """Return a page of alarms, those raised last first, and the number of all that match."""
        async with self._uow.begin() as tx:
            return await tx.alarms.list(where, limit, offset)

    async def open(self) -> int:
        """Return how many are open."""
        async with self._uow.begin() as tx:
            return await tx.alarms.open()

    async def purge(self) -> int:
        """Delete alarms that ended over 90 days ago, and return how many."""
        async with self._uow.begin() as tx:
            return await tx.alarms.purge(self._clock.now() - ALARMS_KEPT)

    def _told(
        self,
        event: type[NoDataAlarmsEnded] | type[NoDataAlarmsRaised],
        sensors: Sequence[SensorSilence],
        now: datetime,
    ) -> Sequence[NoDataAlarmsEnded | NoDataAlarmsRaised]:
        bundles = (
            sensors[start : start + _SENSORS_AN_EVENT] for start in range(0, len(sensors), _SENSORS_AN_EVENT)
        )
        return [
            event(
                event_id=EventId(self._ids.new()),
                occurred_at=now,
                sensor_keys=array("i", [one.key for one in bundle]),
                last_times_us=array("q", [to_microseconds(one.last_time) for one in bundle]),
            )
            for bundle in bundles
        ]
