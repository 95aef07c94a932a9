"""``/alarms``: sensors from which no data come."""

from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import get
from litestar.params import FromQuery, QueryParameter

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.operations.model import Role
from domain.sensors.alarms import Alarm, AlarmFilter, AlarmKind
from domain.sensors.model import RoomName, SensorId
from domain.sensors.services.alarms import Alarms

Open = Annotated[bool | None, QueryParameter(description="Only open alarms, or only those that ended.")]


class AlarmAnswer(msgspec.Struct, kw_only=True):
    """An alarm of a sensor. ``no_data``: nothing came for longer than its ``no_data_after``.

    ``since`` is the time of the newest reading when the alarm was raised, ``last_time`` that of the newest
    one since; ``ended_at`` is null while it is open.
    """

    alarm_id: int
    kind: AlarmKind
    sensor_id: str
    sensor_name: str
    room_name: str | None
    device_id: str | None
    since: Instant
    raised_at: Instant
    last_time: Instant
    ended_at: Instant | None
    open: bool


def _answer(alarm: Alarm) -> AlarmAnswer:
    return AlarmAnswer(
        alarm_id=alarm.alarm_id,
        kind=alarm.kind,
        sensor_id=alarm.sensor_id,
        sensor_name=alarm.sensor_name,
        room_name=alarm.room_name,
        device_id=alarm.device_id,
        since=Instant.of(alarm.since),
        raised_at=Instant.of(alarm.raised_at),
        last_time=Instant.of(alarm.last_time),
        ended_at=None if alarm.ended_at is None else Instant.of(alarm.ended_at),
        open=alarm.ended_at is None,
    )


@get("/alarms", summary="List alarms of sensors", tags=["Sensors"], guards=[requires(Role.VIEWER)])
@inject
async def alarms(
    kept: FromDishka[Alarms],
    open: Open = None,  # noqa: A002 - its name in the query
    sensor_id: FromQuery[str | None] = None,
    room_name: FromQuery[str | None] = None,
    limit: Limit = DEFAULT_LIMIT,
    offset: Offset = 0,
) -> Page[AlarmAnswer]:
    """Return the alarms for which all that is asked holds, those raised last first; kept for 90 days."""
    where = AlarmFilter(
        is_open=open,
        sensor_id=None if sensor_id is None else SensorId(sensor_id),
        room_name=None if room_name is None else RoomName(room_name),
    )
    found, total = await kept.list(where, limit, offset)
    return Page(items=[_answer(one) for one in found], total=total, limit=limit, offset=offset)
