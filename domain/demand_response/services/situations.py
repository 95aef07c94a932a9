"""How devices are now: what demand response knows itself, and what it has to ask others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.demand_response.assignments import Assignment
from domain.demand_response.commands import CommandKind
from domain.demand_response.devices import Device
from domain.demand_response.limits import Situation
from domain.demand_response.model import MOST_RECENT, DeviceId
from domain.demand_response.ports import (
    DemandResponseTransaction,
    DemandResponseUnitOfWork,
    DeviceHealth,
    LoadHistory,
    RoomConditions,
)
from domain.demand_response.released import Released, released, released_last
from domain.shared.ports import Clock


class Situations:
    """Gathers what is known of devices. Others are asked outside of any transaction."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        history: LoadHistory,
        health: DeviceHealth,
        rooms: RoomConditions,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._history = history
        self._health = health
        self._rooms = rooms
        self._clock = clock

    async def of(self, devices: Sequence[Device]) -> Mapping[DeviceId, Situation]:
        """Return the situation of each of the devices."""
        asked = await self.from_others(devices)
        async with self._uow.begin() as tx:
            return await with_own(tx, asked, self._clock.now())

    async def from_others(self, devices: Sequence[Device]) -> Mapping[DeviceId, Situation]:
        """Return what others know of the devices; what they served is left empty."""
        if not devices:
            return {}
        sensors = {one.terms.power_sensor_id for one in devices if one.terms.power_sensor_id is not None}
        rooms = {one.terms.room_name for one in devices if one.terms.room_name is not None}
        readings = await self._history.newest(sensors)
        comfort = await self._rooms.comfort(rooms)
        connections = await self._health.connections({one.device_id for one in devices})
        return {
            one.device_id: Situation(
                device=one,
                reading=None
                if one.terms.power_sensor_id is None
                else readings.get(one.terms.power_sensor_id),
                connection=connections.get(one.device_id),
                room=None if one.terms.room_name is None else comfort.get(one.terms.room_name),
            )
            for one in devices
        }


async def with_own(
    tx: DemandResponseTransaction, asked: Mapping[DeviceId, Situation], now: datetime
) -> Mapping[DeviceId, Situation]:
    """Return the situations with what the devices served lately, and what they delivered."""
    if not asked:
        return {}
    after = now + timedelta(microseconds=1)
    recent = await tx.assignments.overlapping(asked.keys(), now - MOST_RECENT, after)
    delivered = await tx.assignments.delivered(asked.keys())
    back = await _released(tx, asked, recent)
    serving = {
        one.device_id: one.event_id for assigned in recent.values() for one in assigned if one.is_serving
    }
    events = await tx.dr_events.find(set(serving.values()))
    return {
        device_id: replace(
            one,
            recent=recent.get(device_id, ()),
            served=events.get(serving[device_id]) if device_id in serving else None,
            delivered=delivered.get(device_id),
            released=back.get(device_id),
        )
        for device_id, one in asked.items()
    }


async def _released(
    tx: DemandResponseTransaction,
    asked: Mapping[DeviceId, Situation],
    recent: Mapping[DeviceId, Sequence[Assignment]],
) -> Mapping[DeviceId, Released | None]:
    """Return how far those devices have come back that serve nothing any more."""
    lasts = [last for one in recent.values() if (last := released_last(one)) is not None]
    restores = {
        command.assignment_id: command
        for command in await tx.commands.of_assignments([one.assignment_id for one in lasts])
        if command.kind is CommandKind.RESTORE
    }
    return {
        one.device_id: released(one, restores.get(one.assignment_id), asked[one.device_id].device.terms.ramp)
        for one in lasts
    }
