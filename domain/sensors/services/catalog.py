"""The definitions of sensors, kept at hand for the path of readings."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from domain.sensors.model import Sensor, SensorId, SensorKey, sensor_id
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.rules import Rule
from domain.shared.errors import InvalidError


class SensorCatalog:
    """Sensors by id and by key.

    What it holds can be out of date in one process after a change in another; the store notices that
    (`StaleSensorsError`), since a batch carries the version of each of its sensors.
    """

    def __init__(self, uow: SensorsUnitOfWork) -> None:
        self._uow = uow
        self._rules: dict[str, Rule] = {}
        self._by_key: dict[SensorKey, Sensor] = {}
        self.version = 0
        """Grows whenever something is forgotten."""

    async def rules(self, ids: Iterable[str]) -> Mapping[str, Rule]:
        """Return the rules of those that exist, and maybe of others; to be used before the next await."""
        missing = set(ids) - self._rules.keys()
        if not missing:
            return self._rules
        version = self.version
        async with self._uow.begin() as tx:
            found = await tx.sensors.find(_well_formed(missing))
        self._keep(found.values(), version)
        return {**self._rules, **{one: Rule.of(sensor) for one, sensor in found.items()}}

    async def resolve(self, ids: Iterable[str]) -> Mapping[str, Sensor]:
        """Return those of the sensors that exist."""
        wanted = set(ids)
        rules = await self.rules(wanted)
        return {one: rules[one].sensor for one in wanted if one in rules}

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
            self._rules[sensor.sensor_id] = Rule.of(sensor)
            self._by_key[sensor.key] = sensor

    def forget(self, ids: Iterable[SensorId]) -> None:
        """Drop these sensors, since they were changed."""
        for one in ids:
            rule = self._rules.pop(one, None)
            if rule is not None:
                self._by_key.pop(rule.key, None)
        self.version += 1

    def forget_all(self) -> None:
        """Drop everything, since changes may have been missed."""
        self._rules.clear()
        self._by_key.clear()
        self.version += 1


def _well_formed(ids: Iterable[str]) -> list[SensorId]:
    """Return those that a sensor can have: nothing else need be looked for, be it hostile or huge."""
    found: list[SensorId] = []
    for one in ids:
        with suppress(InvalidError):
            found.append(sensor_id(one))
    return found
