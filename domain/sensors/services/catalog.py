"""The definitions of sensors, kept at hand for the path of readings."""

from collections.abc import Collection, Iterable, Mapping

from domain.sensors.model import Sensor, SensorId, SensorKey
from domain.sensors.ports import SensorsUnitOfWork


class SensorCatalog:
    """Sensors by id and by key.

    What it holds can be out of date in one process after a change in another; the store notices that
    (`StaleSensorsError`), since a batch carries the version of each of its sensors.
    """

    def __init__(self, uow: SensorsUnitOfWork) -> None:
        self._uow = uow
        self._by_id: dict[SensorId, Sensor] = {}
        self._by_key: dict[SensorKey, Sensor] = {}
        self.version = 0
        """Grows whenever something is forgotten."""

    async def resolve(self, ids: Iterable[str]) -> Mapping[str, Sensor]:
        """Return those of the sensors that exist."""
        wanted = set(ids)
        missing = wanted - self._by_id.keys()
        if not missing:
            return {one: self._by_id[SensorId(one)] for one in wanted}
        version = self.version
        async with self._uow.begin() as tx:
            found = await tx.sensors.find([SensorId(one) for one in missing])
        self._keep(found.values(), version)
        known = {**self._by_id, **found}
        return {one: known[SensorId(one)] for one in wanted if one in known}

    async def by_key(self, keys: Collection[SensorKey]) -> Mapping[SensorKey, Sensor]:
        """Return those of the sensors that exist."""
        missing = set(keys) - self._by_key.keys()
        if not missing:
            return {key: self._by_key[key] for key in keys}
        version = self.version
        async with self._uow.begin() as tx:
            found = await tx.sensors.by_key(missing)
        self._keep(found.values(), version)
        known = {**self._by_key, **found}
        return {key: known[key] for key in keys if key in known}

    def _keep(self, sensors: Iterable[Sensor], version: int) -> None:
        if version != self.version:
            return  # something was changed while these were read: they may be of before
        for sensor in sensors:
            self._by_id[sensor.sensor_id] = sensor
            self._by_key[sensor.key] = sensor

    def forget(self, ids: Iterable[SensorId]) -> None:
        """Drop these sensors, since they were changed."""
        for one in ids:
            sensor = self._by_id.pop(one, None)
            if sensor is not None:
                self._by_key.pop(sensor.key, None)
        self.version += 1

    def forget_all(self) -> None:
        """Drop everything, since changes may have been missed."""
        self._by_id.clear()
        self._by_key.clear()
        self.version += 1
