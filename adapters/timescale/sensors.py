"""Definitions of sensors in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Interval, Row, Select, and_, case, cast, func, literal, not_, or_, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.session import Session
from adapters.timescale.tables.sensors import latest, sensors
from domain.sensors.errors import sensor_exists
from domain.sensors.model import (
    DEFAULT_MAX_GAP,
    MAX_GAP_RESOLUTIONS,
    DeviceId,
    QualityCode,
    Reading,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorKey,
    Staleness,
)
from domain.sensors.ports import SensorFilter, SensorSelection, SensorSort, SensorState, SensorStore
from domain.shared.errors import ConflictError
from domain.shared.quantities import Accumulation, Counts, Direction, Quantity, UnitConversion

_SORT: Final[dict[SensorSort, ColumnElement[Any]]] = {
    SensorSort.SENSOR_ID: sensors.c.sensor_id,
    SensorSort.NAME: sensors.c.name,
    SensorSort.ROOM_NAME: sensors.c.room_name,
    SensorSort.QUANTITY: sensors.c.quantity,
    SensorSort.LATEST: latest.c.time,
}
_POWER: Final = sensors.alias("power")
_LIMITS: Final = (
    select(func.max(_POWER.c.max_value * _POWER.c.factor + _POWER.c.offset))
    .where(_POWER.c.device_id == sensors.c.device_id, _POWER.c.quantity == Quantity.POWER.value)
    .correlate(sensors)
    .scalar_subquery()
)
_DEVICE_LIMIT: Final = case(
    (sensors.c.accumulation == Accumulation.CUMULATIVE.value, _LIMITS), else_=None
).label("device_limit_kw")


class TimescaleSensorStore(SensorStore):
    """The table ``sensors.sensors``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(
        self, definition: SensorDefinition, conversion: UnitConversion, canonical_unit: str, now: datetime
    ) -> Sensor:
        sensor = Sensor(
            key=SensorKey(0),
            version=1,
            definition=definition,
            conversion=conversion,
            canonical_unit=canonical_unit,
            created_at=now,
            updated_at=now,
        )
        taken = await self.find([definition.sensor_id])
        if taken:
            raise sensor_exists(definition.sensor_id)
        added = await self._session.execute(
            sensors.insert().values(**_columns(sensor), created_at=now).returning(sensors.c.key)
        )
        return replace(sensor, key=SensorKey(added.scalar_one()))

    async def find(self, ids: Collection[SensorId]) -> Mapping[SensorId, Sensor]:
        found = await self._session.execute(
            select(sensors, _DEVICE_LIMIT).where(sensors.c.sensor_id == func.any(list(ids)))
        )
        return {sensor.sensor_id: sensor for sensor in map(_sensor, found)}

    async def by_key(self, keys: Collection[SensorKey]) -> Mapping[SensorKey, Sensor]:
        found = await self._session.execute(
            select(sensors, _DEVICE_LIMIT).where(sensors.c.key == func.any(list(keys)))
        )
        return {sensor.key: sensor for sensor in map(_sensor, found)}

    async def list(
        self,
        where: SensorFilter,
        *,
        now: datetime,
        limit: int,
        offset: int,
        sort: SensorSort = SensorSort.SENSOR_ID,
        descending: bool = False,
    ) -> tuple[Sequence[SensorState], int]:
        query = _matching(where, now)
        total = (await self._session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        order = _SORT[sort].desc().nulls_last() if descending else _SORT[sort].asc().nulls_last()
        found = await self._session.execute(
            query.order_by(order, sensors.c.sensor_id).limit(limit).offset(offset)
        )
        return [SensorState(_sensor(row), _latest(row)) for row in found], total

    async def select(self, where: SensorSelection) -> Sequence[Sensor]:
        conditions: list[ColumnElement[bool]] = []
        if where.sensor_ids is not None:
            conditions.append(sensors.c.sensor_id == func.any(list(where.sensor_ids)))
        if where.room_names is not None:
            conditions.append(sensors.c.room_name == func.any(list(where.room_names)))
        if where.quantities is not None:
            conditions.append(sensors.c.quantity == func.any([one.value for one in where.quantities]))
        conditions.extend(sensors.c.labels.contains({name: value}) for name, value in where.labels)
        found = await self._session.execute(
            select(sensors, _DEVICE_LIMIT).where(and_(True, *conditions)).order_by(sensors.c.sensor_id)  # noqa: FBT003 - neutral
        )
        return [_sensor(row) for row in found]

    async def replace(self, sensor: Sensor) -> None:
        changed = await self._session.execute(
            sensors.update()
            .where(sensors.c.key == sensor.key, sensors.c.version == sensor.version - 1)
            .values(**_columns(sensor))
        )
        if changed.rowcount != 1:
            raise ConflictError("concurrent_change", "the sensor was changed by another at this moment")

    async def delete(self, key: SensorKey) -> None:
        await self._session.execute(sensors.delete().where(sensors.c.key == key))

    async def leave_room(self, room_name: RoomName, now: datetime) -> Sequence[SensorId]:
        left = await self._session.execute(
            sensors.update()
            .where(sensors.c.room_name == room_name)
            .values(room_name=None, version=sensors.c.version + 1, updated_at=now)
            .returning(sensors.c.sensor_id)
        )
        return sorted(SensorId(row.sensor_id) for row in left)


def _matching(where: SensorFilter, now: datetime) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if where.room_name is not None:
        conditions.append(sensors.c.room_name == where.room_name)
    if where.quantity is not None:
        conditions.append(sensors.c.quantity == where.quantity.value)
    if where.device_id is not None:
        conditions.append(sensors.c.device_id == where.device_id)
    if where.text is not None:
        conditions.append(
            or_(
                sensors.c.sensor_id.icontains(where.text, autoescape=True),
                sensors.c.name.icontains(where.text, autoescape=True),
            )
        )
    if where.labels:
        conditions.append(sensors.c.labels.contains(dict(where.labels)))
    if where.status is not None:
        conditions.append(_has_status(where.status, now))
    return (
        select(
            sensors,
            _DEVICE_LIMIT,
            latest.c.time.label("latest_time"),
            latest.c.value.label("latest_value"),
            latest.c.quality.label("latest_quality"),
        )
        .outerjoin(latest, latest.c.sensor_key == sensors.c.key)
        .where(and_(True, *conditions))  # noqa: FBT003 - SQLAlchemy's neutral element
    )


def _has_status(status: Staleness, now: datetime) -> ColumnElement[bool]:
    if status is Staleness.NEVER:
        return latest.c.time.is_(None)
    max_gap = func.coalesce(
        sensors.c.max_gap,
        sensors.c.resolution.op("*", return_type=Interval())(MAX_GAP_RESOLUTIONS),
        cast(literal(DEFAULT_MAX_GAP), Interval),
    )
    fresh = latest.c.time >= literal(now) - max_gap
    return fresh if status is Staleness.FRESH else and_(latest.c.time.is_not(None), not_(fresh))


def _columns(sensor: Sensor) -> dict[str, object]:
    definition = sensor.definition
    return {
        "sensor_id": definition.sensor_id,
        "version": sensor.version,
        "name": definition.name,
        "quantity": definition.quantity.value,
        "unit": definition.unit,
        "canonical_unit": sensor.canonical_unit,
        "factor": sensor.conversion.factor,
        "offset": sensor.conversion.offset,
        "accumulation": definition.accumulation.value,
        "room_name": definition.room_name,
        "device_id": definition.device_id,
        "resolution": definition.resolution,
        "max_gap": definition.max_gap,
        "no_data_after": definition.no_data_after,
        "rollover_at": definition.rollover_at,
        "max_power_kw": definition.max_power_kw,
        "direction": definition.direction.value,
        "submeter_of": definition.submeter_of,
        "counts": definition.counts.value,
        "min_value": definition.min_value,
        "max_value": definition.max_value,
        "timezone": definition.timezone,
        "labels": dict(definition.labels),
        "updated_at": sensor.updated_at,
    }


def _sensor(row: Row[Any]) -> Sensor:
    return Sensor(
        key=SensorKey(row.key),
        version=row.version,
        definition=SensorDefinition(
            sensor_id=SensorId(row.sensor_id),
            name=row.name,
            quantity=Quantity(row.quantity),
            unit=row.unit,
            accumulation=Accumulation(row.accumulation),
            room_name=None if row.room_name is None else RoomName(row.room_name),
            device_id=None if row.device_id is None else DeviceId(row.device_id),
            resolution=row.resolution,
            max_gap=row.max_gap,
            no_data_after=row.no_data_after,
            rollover_at=row.rollover_at,
            max_power_kw=row.max_power_kw,
            direction=Direction(row.direction),
            submeter_of=None if row.submeter_of is None else SensorId(row.submeter_of),
            counts=Counts(row.counts),
            min_value=row.min_value,
            max_value=row.max_value,
            timezone=row.timezone,
            labels=row.labels,
        ),
        conversion=UnitConversion(row.factor, row.offset),
        canonical_unit=row.canonical_unit,
        created_at=row.created_at,
        updated_at=row.updated_at,
        device_limit_kw=row.device_limit_kw,
    )


def _latest(row: Row[Any]) -> Reading | None:
    if row.latest_time is None:
        return None
    return Reading(row.latest_time, row.latest_value, QualityCode(row.latest_quality).quality)
