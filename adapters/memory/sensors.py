"""Definitions of sensors and rooms in memory."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from adapters.memory.database import MemorySession
from adapters.memory.readings import ReadingsState
from domain.sensors.errors import sensor_exists
from domain.sensors.model import (
    DeviceId,
    Room,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorKey,
    staleness,
)
from domain.sensors.ports import (
    RoomStore,
    SensorFilter,
    SensorSelection,
    SensorSort,
    SensorState,
    SensorStore,
)
from domain.shared.errors import ConflictError
from domain.shared.quantities import Accumulation, Quantity, UnitConversion


@dataclass(slots=True)
class SensorsState:
    """What the stores of sensors and rooms hold."""

    sensors: dict[SensorKey, Sensor] = field(default_factory=dict)
    last_key: int = 0
    rooms: dict[RoomName, Room] = field(default_factory=dict)
    described: set[RoomName] = field(default_factory=set)


class MemorySensorStore(SensorStore):
    """Sensors in a dict by key."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(SensorsState)
        self._readings = session.state(ReadingsState)

    async def add(
        self, definition: SensorDefinition, conversion: UnitConversion, canonical_unit: str, now: datetime
    ) -> Sensor:
        if await self.find([definition.sensor_id]):
            raise sensor_exists(definition.sensor_id)
        self._state.last_key += 1
        sensor = Sensor(
            key=SensorKey(self._state.last_key),
            version=1,
            definition=definition,
            conversion=conversion,
            canonical_unit=canonical_unit,
            created_at=now,
            updated_at=now,
        )
        self._store(sensor)
        return sensor

    async def find(self, ids: Collection[SensorId]) -> Mapping[SensorId, Sensor]:
        wanted = set(ids)
        return {one.sensor_id: one for one in self._all() if one.sensor_id in wanted}

    async def by_key(self, keys: Collection[SensorKey]) -> Mapping[SensorKey, Sensor]:
        return {one.key: one for one in self._all() if one.key in keys}

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
        found = [
            SensorState(sensor, self._readings.latest.get(sensor.key))
            for sensor in sorted(self._all(), key=lambda one: one.sensor_id)
        ]
        found = [state for state in found if _matches(where, state, now)]
        missing = [state for state in found if _sort_key(state, sort) is None]
        sortable = [state for state in found if _sort_key(state, sort) is not None]
        sortable.sort(key=lambda state: _sort_key(state, sort) or "", reverse=descending)
        page = [*sortable, *missing][offset : offset + limit]
        return page, len(found)

    async def select(self, where: SensorSelection) -> Sequence[Sensor]:
        return sorted(
            (one for one in self._all() if _selected(where, one.definition)),
            key=lambda one: one.sensor_id,
        )

    async def replace(self, sensor: Sensor) -> None:
        stored = self._state.sensors.get(sensor.key)
        if stored is None or stored.version != sensor.version - 1:
            raise ConflictError("concurrent_change", "the sensor was changed by another at this moment")
        self._store(sensor)

    async def delete(self, key: SensorKey) -> None:
        del self._state.sensors[key]
        self._readings.versions.pop(key, None)

    async def leave_room(self, room_name: RoomName, now: datetime) -> Sequence[SensorId]:
        left = [one for one in self._state.sensors.values() if one.definition.room_name == room_name]
        for sensor in left:
            self._store(
                replace(
                    sensor,
                    version=sensor.version + 1,
                    definition=replace(sensor.definition, room_name=None),
                    updated_at=now,
                )
            )
        return sorted(one.sensor_id for one in left)

    def _all(self) -> Iterator[Sensor]:
        """Yield all sensors, registers with the limit that their device's power sensors set."""
        limits: dict[DeviceId, float] = {}
        for one in self._state.sensors.values():
            said = one.definition
            if said.quantity is Quantity.POWER and said.max_value is not None and said.device_id is not None:
                limit = one.conversion.to_canonical(said.max_value)
                limits[said.device_id] = max(limit, limits.get(said.device_id, limit))
        for one in self._state.sensors.values():
            device = one.definition.device_id
            is_register = one.definition.accumulation is Accumulation.CUMULATIVE
            yield replace(one, device_limit_kw=limits.get(device)) if is_register and device else one

    def _store(self, sensor: Sensor) -> None:
        self._state.sensors[sensor.key] = sensor
        self._readings.versions[sensor.key] = sensor.version


def _selected(where: SensorSelection, definition: SensorDefinition) -> bool:
    return (
        (where.sensor_ids is None or definition.sensor_id in where.sensor_ids)
        and (where.room_names is None or definition.room_name in where.room_names)
        and (where.quantities is None or definition.quantity in where.quantities)
        and all(definition.labels.get(name) == value for name, value in where.labels)
    )


def _matches(where: SensorFilter, state: SensorState, now: datetime) -> bool:
    definition = state.sensor.definition
    text = None if where.text is None else where.text.lower()
    return (
        (where.room_name is None or definition.room_name == where.room_name)
        and (where.quantity is None or definition.quantity is where.quantity)
        and (where.device_id is None or definition.device_id == where.device_id)
        and (where.status is None or staleness(state.sensor, state.latest, now) is where.status)
        and (text is None or text in definition.sensor_id.lower() or text in definition.name.lower())
        and all(definition.labels.get(key) == value for key, value in where.labels)
    )


def _sort_key(state: SensorState, sort: SensorSort) -> str | None:
    if sort is SensorSort.LATEST:
        return None if state.latest is None else state.latest.time.isoformat()
    value = getattr(state.sensor.definition, sort.value)
    return None if value is None else str(value)


class MemoryRoomStore(RoomStore):
    """Rooms in a dict by name."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(SensorsState)

    async def add(self, room: Room) -> bool:
        if room.room_name in self._state.described:
            return False
        self._state.rooms[room.room_name] = room
        self._state.described.add(room.room_name)
        return True

    async def mention(self, room_name: RoomName) -> bool:
        if room_name in self._state.rooms:
            return False
        self._state.rooms[room_name] = Room(room_name=room_name)
        return True

    async def get(self, room_name: RoomName) -> Room | None:
        return self._state.rooms.get(room_name)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Room], int]:
        names = await self.names()
        return [self._state.rooms[name] for name in names[offset : offset + limit]], len(names)

    async def names(self) -> Sequence[RoomName]:
        return sorted(self._state.rooms)

    async def replace(self, room: Room) -> None:
        self._state.rooms[room.room_name] = room
        self._state.described.add(room.room_name)

    async def delete(self, room_name: RoomName) -> None:
        del self._state.rooms[room_name]
        self._state.described.discard(room_name)
