"""Which sensors of a group count, so that nothing is counted twice."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.sensors.model import Sensor, SensorId
from domain.sensors.ports import SensorsTransaction
from domain.sensors.services.buckets import yields_energy
from domain.shared.quantities import Accumulation, Counts, Quantity

_BEST_FIRST: Final = (
    Accumulation.CUMULATIVE,
    Accumulation.DELTA,
    Accumulation.MEAN,
    Accumulation.INSTANTANEOUS,
)


@dataclass(frozen=True, slots=True)
class Parents:
    """What hangs below what.

    ``of_sensor`` leads from each submeter to its parent; ``devices`` names the device of each sensor that is
    known (a sensor without one is its own); ``of_device`` the devices that are right above each.
    """

    of_sensor: Mapping[SensorId, SensorId]
    devices: Mapping[SensorId, str]
    of_device: Mapping[str, frozenset[str]]

    @classmethod
    def among(cls, sensors: Iterable[Sensor]) -> "Parents":
        """Return what these sensors say of each other."""
        of_sensor: dict[SensorId, SensorId] = {}
        devices: dict[SensorId, str] = {}
        for sensor in sensors:
            devices[sensor.sensor_id] = _device(sensor)
            if sensor.definition.submeter_of is not None:
                of_sensor[sensor.sensor_id] = sensor.definition.submeter_of
        of_device: dict[str, frozenset[str]] = {}
        for sensor_id, parent in of_sensor.items():
            device, above = devices[sensor_id], devices.get(parent)
            if above is not None and above != device:
                of_device[device] = of_device.get(device, frozenset()) | {above}
        return cls(of_sensor, devices, of_device)

    @classmethod
    def alone(cls, sensors: Iterable[Sensor]) -> "Parents":
        """Return that none of these sensors hangs below another."""
        return cls({}, {sensor.sensor_id: _device(sensor) for sensor in sensors}, {})

    def above(self, sensor_id: SensorId) -> list[SensorId]:
        """Return the parent of the sensor, the parent of that, and so on; each once, without the sensor."""
        found: list[SensorId] = []
        parent = self.of_sensor.get(sensor_id)
        while parent is not None and parent != sensor_id and parent not in found:
            found.append(parent)
            parent = self.of_sensor.get(parent)
        return found

    def device_above(self, sensor_id: SensorId) -> str | None:
        """Return the first other device above this very sensor."""
        own = self.devices.get(sensor_id)
        others = (self.devices.get(parent) for parent in self.above(sensor_id))
        return next((device for device in others if device not in {None, own}), None)

    def devices_above(self, begin: Iterable[str]) -> set[str]:
        """Return these devices, those above them, and so on."""
        found: set[str] = set()
        left = list(begin)
        while left:
            device = left.pop()
            if device not in found:
                found.add(device)
                left.extend(self.of_device.get(device, ()))
        return found


async def parents_of(tx: SensorsTransaction, sensors: Sequence[Sensor]) -> Parents:
    """Return what is above the sensors; they should hold all that is known of their devices."""
    known = {sensor.sensor_id: sensor for sensor in sensors}
    level: Collection[Sensor] = sensors
    while True:
        named = {parent for one in level if (parent := one.definition.submeter_of) is not None}
        missing = named - known.keys()
        if not missing:
            return Parents.among(known.values())
        found = await tx.sensors.find(missing)
        known |= found
        level = found.values()


def energy_sources(group: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors whose energy is the group's, by id.

    Of each device one source counts: its registers, else its deltas, else its mean power, else its power;
    what a sensor's ``counts`` says overrides that. A submeter does not count where something counts above it.
    """
    return _counted(group, parents, yields_energy)


def meters(sensors: Sequence[Sensor]) -> list[Sensor]:
    """Return by what each device is measured, submeters too: a list of users, not a sum."""
    devices: dict[str, list[Sensor]] = {}
    for sensor in sensors:
        devices.setdefault(_device(sensor), []).append(sensor)
    return [meter for device in devices.values() for meter in energy_sources(device, Parents.alone(device))]


def power_sources(group: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors whose power is the group's, by the same rules: the mean power before the power."""
    return _counted(group, parents, lambda one: one.definition.quantity is Quantity.POWER)


def level_sources(group: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors of energy whose values are the group's: also stored energy, which is a state."""
    return _counted(group, parents, lambda one: one.definition.quantity is Quantity.ENERGY)


def _counted(group: Sequence[Sensor], parents: Parents, yields: Callable[[Sensor], bool]) -> list[Sensor]:
    devices: dict[str, list[Sensor]] = {}
    for sensor in group:
        if yields(sensor) and sensor.definition.counts is not Counts.FALSE:
            devices.setdefault(_device(sensor), []).append(sensor)
    counted: list[Sensor] = []
    for device, sensors in devices.items():
        sources = _sources(sensors, parents)
        named = [parents.device_above(one.sensor_id) for one in sources]
        if not any(named):
            # A meter's power and its register hang below the same main meter, even where only one says so.
            named = [device for _ in sources]
        for sensor, begin in zip(sources, named, strict=True):
            above = parents.devices_above([] if begin is None else [begin])
            if not any(_covers(other, device, parents) for other in above & devices.keys()):
                counted.append(sensor)
    return sorted(counted, key=lambda one: one.sensor_id)


def _covers(above: str, device: str, parents: Parents) -> bool:
    """Whether the device above stands for this one; where both are above each other, one of them does."""
    if above == device:
        return False
    return device not in parents.devices_above([above]) or above < device


def _device(sensor: Sensor) -> str:
    device = sensor.definition.device_id
    return f"sensor {sensor.sensor_id}" if device is None else f"device {device}"


def _sources(candidates: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return those of one device's sensors that stand for it; at least one."""
    said = [one for one in candidates if one.definition.counts is Counts.TRUE]
    if said:
        return _outermost(said, parents)
    left = _outermost(candidates, parents)
    best = min(map(_rank, left))
    return [one for one in left if _rank(one) == best]


def _outermost(sensors: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors that are below none of the others; of those below each other, the first."""
    names = {one.sensor_id for one in sensors}

    def is_within(sensor_id: SensorId) -> bool:
        return any(
            above in names and (sensor_id not in parents.above(above) or above < sensor_id)
            for above in parents.above(sensor_id)
        )

    return [one for one in sensors if not is_within(one.sensor_id)]


def _rank(sensor: Sensor) -> int:
    return _BEST_FIRST.index(sensor.definition.accumulation)
