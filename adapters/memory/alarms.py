"""Alarms in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.memory.database import MemorySession
from adapters.memory.readings import ReadingsState
from adapters.memory.sensors import SensorsState
from domain.sensors.alarms import (
    HEARD_LONG_ENOUGH,
    Alarm,
    AlarmFilter,
    AlarmId,
    AlarmKind,
    AlarmStore,
    SensorSilence,
)
from domain.sensors.model import SensorKey


@dataclass(frozen=True, slots=True)
class _Kept:
    alarm_id: AlarmId
    key: SensorKey
    since: datetime
    raised_at: datetime
    last_time: datetime
    ended_at: datetime | None = None


@dataclass(slots=True)
class AlarmsState:
    """What the store of alarms holds; those of sensors that are gone are passed over."""

    alarms: dict[AlarmId, _Kept] = field(default_factory=dict)
    last_id: int = 0


class MemoryAlarmStore(AlarmStore):
    """Alarms in a dict."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(AlarmsState)
        self._sensors = session.state(SensorsState).sensors
        self._latest = session.state(ReadingsState).latest

    async def raise_due(self, now: datetime, heard_since: datetime) -> Sequence[SensorSilence]:
        alarmed = {one.key for one in self._all() if one.ended_at is None}
        raised = []
        for key, sensor in sorted(self._sensors.items()):
            latest = self._latest.get(key)
            allowed = sensor.effective_no_data_after
            if latest is None or key in alarmed or now - latest.time <= allowed:
                continue
            if sensor.created_at < heard_since and now - heard_since <= min(allowed, HEARD_LONG_ENOUGH):
                continue
            self._state.last_id += 1
            alarm_id = AlarmId(self._state.last_id)
            self._state.alarms[alarm_id] = _Kept(alarm_id, key, latest.time, now, latest.time)
            raised.append(SensorSilence(key, latest.time))
        return raised

    async def end_over(self, now: datetime) -> Sequence[SensorSilence]:
        ended = []
        for one in self._all():
            if one.ended_at is not None or one.key not in self._latest:
                continue
            newest = self._latest[one.key].time
            is_over = now - newest <= self._sensors[one.key].effective_no_data_after
            self._state.alarms[one.alarm_id] = replace(
                one, last_time=newest, ended_at=now if is_over else None
            )
            if is_over:
                ended.append(SensorSilence(one.key, newest))
        return sorted(ended, key=lambda silence: silence.key)

    async def list(self, where: AlarmFilter, limit: int, offset: int) -> tuple[Sequence[Alarm], int]:
        found = [self._alarm(one) for one in self._all()[::-1]]
        matching = [one for one in found if _matches(where, one)]
        return matching[offset : offset + limit], len(matching)

    async def open(self) -> int:
        return sum(one.ended_at is None for one in self._all())

    async def purge(self, before: datetime) -> int:
        old = [one for one in self._all() if one.ended_at is not None and one.ended_at < before]
        for one in old:
            del self._state.alarms[one.alarm_id]
        return len(old)

    def _all(self) -> Sequence[_Kept]:
        return [one for one in self._state.alarms.values() if one.key in self._sensors]

    def _alarm(self, kept: _Kept) -> Alarm:
        definition = self._sensors[kept.key].definition
        return Alarm(
            alarm_id=kept.alarm_id,
            kind=AlarmKind.NO_DATA,
            sensor_id=definition.sensor_id,
            sensor_name=definition.name,
            room_name=definition.room_name,
            device_id=definition.device_id,
            since=kept.since,
            raised_at=kept.raised_at,
            last_time=kept.last_time,
            ended_at=kept.ended_at,
        )


def _matches(where: AlarmFilter, alarm: Alarm) -> bool:
    return (
        (where.is_open is None or (alarm.ended_at is None) is where.is_open)
        and (where.sensor_id is None or alarm.sensor_id == where.sensor_id)
        and (where.room_name is None or alarm.room_name == where.room_name)
    )
