"""Devices that can shed load, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, func, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.dr_documents import columns, json_text
from adapters.timescale.session import Session
from adapters.timescale.tables.demand_response import devices
from domain.demand_response.devices import Control, Device, DeviceTerms, ProfileOrigin
from domain.demand_response.model import DeviceId, RoomName, SensorId, Targets, WeekWindow
from domain.demand_response.store_ports import DeviceStore

# Sorted, so that two that store the same devices never wait in a ring.
_PUT: Final = """
INSERT INTO demand_response.devices AS kept (device_id, created_at, updated_at, origin, control_origin,
  power_sensor_id, site_meter_id, room_name, labels, controllable, min_power_kw, max_reduction_kw,
  max_duration, min_rest, max_events_per_day, availability, ramp_seconds, priority, control)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
  $7::text[], $8::text[], $9::jsonb[], $10::boolean[], $11::float8[], $12::float8[], $13::interval[],
  $14::interval[], $15::integer[], $16::jsonb[], $17::float8[], $18::integer[], $19::jsonb[])
  AS given (device_id) ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
  (created_at, updated_at, origin, control_origin, power_sensor_id, site_meter_id, room_name, labels,
   controllable, min_power_kw, max_reduction_kw, max_duration, min_rest, max_events_per_day, availability,
   ramp_seconds, priority, control)
  = (excluded.created_at, excluded.updated_at, excluded.origin, excluded.control_origin,
   excluded.power_sensor_id, excluded.site_meter_id, excluded.room_name, excluded.labels,
   excluded.controllable, excluded.min_power_kw, excluded.max_reduction_kw, excluded.max_duration,
   excluded.min_rest, excluded.max_events_per_day, excluded.availability, excluded.ramp_seconds,
   excluded.priority, excluded.control)
"""


class TimescaleDeviceStore(DeviceStore):
    """The table ``demand_response.devices``; it is small enough to be looked through."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, devices: Sequence[Device]) -> None:
        rows = {one.device_id: _row(one) for one in devices}
        if rows:
            await self._session.driver.execute(_PUT, *columns(list(rows.values())))

    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Device]:
        if not device_ids:
            return {}
        found = await self._by_id(devices.c.device_id == func.any(list(device_ids)))
        return {one.device_id: one for one in found}

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Device], int]:
        total = (await self._session.execute(select(func.count()).select_from(devices))).scalar_one()
        by_id = select(devices).order_by(devices.c.device_id.collate("C"))
        found = await self._session.execute(by_id.limit(limit).offset(offset))
        return [_device(row) for row in found], total

    async def select(self, targets: Targets) -> Sequence[Device]:
        conditions: list[ColumnElement[bool]] = []
        if targets.device_ids is not None:
            conditions.append(devices.c.device_id == func.any(list(targets.device_ids)))
        if targets.room_names is not None:
            conditions.append(devices.c.room_name == func.any(list(targets.room_names)))
        # One by one: of a label that is asked for with two values, neither may win.
        conditions += [devices.c.labels.contains({name: value}) for name, value in targets.labels]
        return await self._by_id(*conditions)

    async def delete(self, device_id: DeviceId) -> bool:
        deleted = await self._session.execute(delete(devices).where(devices.c.device_id == device_id))
        return bool(deleted.rowcount)

    async def _by_id(self, *conditions: ColumnElement[bool]) -> Sequence[Device]:
        wanted = select(devices).where(*conditions).order_by(devices.c.device_id.collate("C"))
        return [_device(row) for row in await self._session.execute(wanted)]


def _row(device: Device) -> tuple[object, ...]:
    terms = device.terms
    return (
        device.device_id,
        device.created_at,
        device.updated_at,
        device.origin.value,
        device.control_origin.value,
        terms.power_sensor_id,
        terms.site_meter_id,
        terms.room_name,
        json_text(terms.labels),
        terms.controllable,
        terms.min_power_kw,
        terms.max_reduction_kw,
        terms.max_duration,
        terms.min_rest,
        terms.max_events_per_day,
        None if terms.availability is None else json_text(terms.availability),
        terms.ramp_seconds,
        terms.priority,
        None if terms.control is None else json_text(terms.control),
    )


def _device(row: Row[Any]) -> Device:
    return Device(
        terms=DeviceTerms(
            device_id=DeviceId(row.device_id),
            power_sensor_id=None if row.power_sensor_id is None else SensorId(row.power_sensor_id),
            site_meter_id=None if row.site_meter_id is None else SensorId(row.site_meter_id),
            room_name=None if row.room_name is None else RoomName(row.room_name),
            labels=row.labels,
            controllable=row.controllable,
            min_power_kw=row.min_power_kw,
            max_reduction_kw=row.max_reduction_kw,
            max_duration=row.max_duration,
            min_rest=row.min_rest,
            max_events_per_day=row.max_events_per_day,
            availability=msgspec.convert(row.availability, tuple[WeekWindow, ...] | None),
            ramp_seconds=row.ramp_seconds,
            priority=row.priority,
            control=msgspec.convert(row.control, Control),
        ),
        origin=ProfileOrigin(row.origin),
        control_origin=ProfileOrigin(row.control_origin),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
