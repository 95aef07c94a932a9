"""Alarms in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, func, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.session import Session
from adapters.timescale.tables.alarms import alarms
from adapters.timescale.tables.sensors import sensors
from domain.sensors.alarms import (
    HEARD_LONG_ENOUGH,
    Alarm,
    AlarmFilter,
    AlarmId,
    AlarmKind,
    AlarmStore,
    SensorSilence,
)
from domain.sensors.model import (
    DEFAULT_MAX_GAP,
    MAX_GAP_RESOLUTIONS,
    DeviceId,
    RoomName,
    SensorId,
    SensorKey,
)

# `Sensor.effective_no_data_after`.
_NO_DATA_AFTER: Final = (
    f"coalesce(sensor.no_data_after, sensor.max_gap, sensor.resolution * {MAX_GAP_RESOLUTIONS},"
    f" interval '{DEFAULT_MAX_GAP.total_seconds()} seconds')"
)
_LONG_ENOUGH: Final = f"interval '{HEARD_LONG_ENOUGH.total_seconds()} seconds'"
# The sensors are held until the end, so that none goes while its alarm comes; in order, as all who take rows.
_RAISE: Final = f"""WITH silent AS MATERIALIZED (
  SELECT sensor.key, newest.time FROM sensors.latest AS newest
  JOIN sensors.sensors AS sensor ON sensor.key = newest.sensor_key
  WHERE newest.time < $1::timestamptz - {_NO_DATA_AFTER}
    AND ($3::timestamptz < $1::timestamptz - least({_NO_DATA_AFTER}, {_LONG_ENOUGH})
      OR $3::timestamptz <= sensor.created_at)
    AND NOT EXISTS (
    SELECT FROM sensors.alarms AS known
    WHERE known.sensor_key = sensor.key AND known.kind = $2 AND known.ended_at IS NULL)
  ORDER BY sensor.key FOR KEY SHARE OF sensor)
INSERT INTO sensors.alarms (sensor_key, kind, since, last_time, raised_at)
SELECT key, $2, time, time, $1 FROM silent ORDER BY key
ON CONFLICT (sensor_key, kind) WHERE ended_at IS NULL DO NOTHING
RETURNING sensor_key, last_time"""  # noqa: S608 - constants
_END: Final = f"""WITH newer AS MATERIALIZED (
  SELECT known.id, newest.time, newest.time >= $1::timestamptz - {_NO_DATA_AFTER} AS over
  FROM sensors.alarms AS known
  JOIN sensors.sensors AS sensor ON sensor.key = known.sensor_key
  JOIN sensors.latest AS newest ON newest.sensor_key = known.sensor_key
  WHERE known.ended_at IS NULL AND known.kind = $2
    AND (newest.time > known.last_time OR newest.time >= $1::timestamptz - {_NO_DATA_AFTER})
  ORDER BY known.id FOR NO KEY UPDATE OF known)
UPDATE sensors.alarms AS known SET last_time = newer.time, ended_at = CASE WHEN newer.over THEN $1 END
FROM newer WHERE known.id = newer.id
RETURNING known.sensor_key, known.last_time, newer.over"""  # noqa: S608 - constants


class TimescaleAlarmStore(AlarmStore):
    """The table ``sensors.alarms``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def raise_due(self, now: datetime, heard_since: datetime) -> Sequence[SensorSilence]:
        rows = await self._session.driver.fetch(_RAISE, now, AlarmKind.NO_DATA.value, heard_since)
        return [SensorSilence(SensorKey(key), last) for key, last in sorted(rows)]

    async def end_over(self, now: datetime) -> Sequence[SensorSilence]:
        rows = await self._session.driver.fetch(_END, now, AlarmKind.NO_DATA.value)
        return [SensorSilence(SensorKey(key), last) for key, last, over in sorted(rows) if over]

    async def list(self, where: AlarmFilter, limit: int, offset: int) -> tuple[Sequence[Alarm], int]:
        conditions: list[ColumnElement[bool]] = []
        if where.is_open is not None:
            ended = alarms.c.ended_at
            conditions.append(ended.is_(None) if where.is_open else ended.is_not(None))
        if where.sensor_id is not None:
            conditions.append(sensors.c.sensor_id == where.sensor_id)
        if where.room_name is not None:
            conditions.append(sensors.c.room_name == where.room_name)
        query = (
            select(alarms, sensors.c.sensor_id, sensors.c.name, sensors.c.room_name, sensors.c.device_id)
            .join(sensors, sensors.c.key == alarms.c.sensor_key)
            .where(and_(True, *conditions))  # noqa: FBT003 - SQLAlchemy's neutral element
        )
        total = (await self._session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        found = await self._session.execute(query.order_by(alarms.c.id.desc()).limit(limit).offset(offset))
        return [_alarm(row) for row in found], total

    async def open(self) -> int:
        count = select(func.count()).select_from(alarms).where(alarms.c.ended_at.is_(None))
        number: int = (await self._session.execute(count)).scalar_one()
        return number

    async def purge(self, before: datetime) -> int:
        deleted = await self._session.execute(alarms.delete().where(alarms.c.ended_at < before))
        return deleted.rowcount


def _alarm(row: Any) -> Alarm:  # noqa: ANN401 - a row of the query above
    return Alarm(
        alarm_id=AlarmId(row.id),
        kind=AlarmKind(row.kind),
        sensor_id=SensorId(row.sensor_id),
        sensor_name=row.name,
        room_name=None if row.room_name is None else RoomName(row.room_name),
        device_id=None if row.device_id is None else DeviceId(row.device_id),
        since=row.since,
        raised_at=row.raised_at,
        last_time=row.last_time,
        ended_at=row.ended_at,
    )
