"""What a live view needs: which sensors are meant, and their newest readings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.sensors.errors import unknown_sensor
from domain.sensors.model import RoomName, Sensor, SensorId, SensorKey
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.catalog import SensorCatalog
from domain.shared.quantities import Quality, Quantity


@dataclass(frozen=True, slots=True)
class Selection:
    """Sensors by id, room and quantity; all that is given must hold, None means any."""

    sensor_ids: frozenset[str] | None = None
    room_names: frozenset[str] | None = None
    quantities: frozenset[str] | None = None

    def matches(self, sensor: Sensor) -> bool:
        """Return whether the sensor is meant, as it is defined now."""
        definition = sensor.definition
        return (
            (self.sensor_ids is None or definition.sensor_id in self.sensor_ids)
            and (self.room_names is None or definition.room_name in self.room_names)
            and (self.quantities is None or definition.quantity in self.quantities)
        )


@dataclass(frozen=True, slots=True)
class LatestReading:
    """The newest reading of a sensor, in the canonical unit."""

    sensor_id: SensorId
    time: datetime
    value: float
    quality: Quality
    unit: str
    quantity: Quantity
    room_name: RoomName | None


class LiveReadings:
    """Selections of sensors, snapshots of them, and the sensors behind keys."""

    def __init__(self, uow: SensorsUnitOfWork, catalog: SensorCatalog) -> None:
        self._uow = uow
        self._catalog = catalog

    @property
    def version(self) -> int:
        """Grows whenever a sensor may have changed, so that what was derived must be derived anew."""
        return self._catalog.version

    async def select(
        self,
        sensor_ids: Collection[str] | None,
        room_names: Collection[str] | None,
        quantities: Collection[str] | None,
    ) -> Selection:
        """Return the selection.

        Raises:
            NotFoundError: ``unknown_sensor``.

        """
        if sensor_ids is not None:
            known = await self._catalog.resolve(sensor_ids)
            for one in sensor_ids:
                if one not in known:
                    raise unknown_sensor(one)
        return Selection(
            None if sensor_ids is None else frozenset(sensor_ids),
            None if room_names is None else frozenset(room_names),
            None if quantities is None else frozenset(quantities),
        )

    async def describe(self, keys: Collection[SensorKey]) -> Mapping[SensorKey, Sensor]:
        """Return the sensors behind the keys; those that were deleted are not among them."""
        return await self._catalog.by_key(keys)

    async def snapshot(self, selection: Selection) -> Sequence[LatestReading]:
        """Return the newest reading of each selected sensor that has one, by sensor id."""
        async with self._uow.begin() as tx:
            if selection.sensor_ids is not None:
                found = await tx.sensors.find([SensorId(one) for one in selection.sensor_ids])
                sensors = {sensor.key: sensor for sensor in found.values()}
                latest = await tx.readings.latest(sensors.keys())
            else:
                latest = await tx.readings.latest(None)
                sensors = dict(await tx.sensors.by_key(latest.keys()))
        chosen = [
            LatestReading(
                sensor.sensor_id,
                reading.time,
                reading.value,
                reading.quality,
                sensor.canonical_unit,
                sensor.definition.quantity,
                sensor.definition.room_name,
            )
            for key, reading in latest.items()
            if (sensor := sensors.get(key)) is not None and selection.matches(sensor)
        ]
        return sorted(chosen, key=lambda one: one.sensor_id)
