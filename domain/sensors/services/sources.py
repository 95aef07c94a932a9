"""Which sensors of a group count, so that nothing is counted twice."""

from collections.abc import Callable, Mapping, Sequence
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

Parents = Mapping[SensorId, SensorId]
"""From each submeter to what it is a submeter of."""


async def parents_of(tx: SensorsTransaction, sensors: Sequence[Sensor]) -> Parents:
    """Return the parents of the sensors, the parents of those, and so on."""
    parents: dict[SensorId, SensorId] = {}
    level = sensors
    while level:
        found = {one.sensor_id: parent for one in level if (parent := one.definition.submeter_of) is not None}
        parents.update(found)
        level = list((await tx.sensors.find(set(found.values()) - parents.keys())).values())
    return parents


def energy_sources(group: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors whose energy is the group's.

    Of each device one source counts: its registers, else its deltas, else its mean power, else its power;
    what a sensor's ``counts`` says overrides that. A submeter does not count beside its parent.
    """
    return _counted(group, parents, yields_energy)


def power_sources(group: Sequence[Sensor], parents: Parents) -> list[Sensor]:
    """Return the sensors whose power is the group's, by the same rules: the mean power before the power."""
    return _counted(group, parents, lambda one: one.definition.quantity is Quantity.POWER)


def _counted(group: Sequence[Sensor], parents: Parents, yields: Callable[[Sensor], bool]) -> list[Sensor]:
    devices: dict[str, list[Sensor]] = {}
    for sensor in group:
        devices.setdefault(_device(sensor), []).append(sensor)
    present = {sensor.sensor_id: _device(sensor) for sensor in group}
    counted: list[Sensor] = []
    for device, sensors in devices.items():
        below = {one.sensor_id: _ancestors(one.sensor_id, parents) & present.keys() for one in sensors}
        # A meter's power and its register hang below the same main meter, even where only one says so.
        elsewhere = any(present[above] != device for all_above in below.values() for above in all_above)
        for sensor in _sources([one for one in sensors if yields(one)]):
            is_within = elsewhere or bool(below[sensor.sensor_id])
            if not is_within or sensor.definition.counts is Counts.TRUE:
                counted.append(sensor)
    return counted


def _device(sensor: Sensor) -> str:
    device = sensor.definition.device_id
    return f"sensor {sensor.sensor_id}" if device is None else f"device {device}"


def _sources(candidates: Sequence[Sensor]) -> list[Sensor]:
    said = [one for one in candidates if one.definition.counts is Counts.TRUE]
    if said:
        return said
    left = [one for one in candidates if one.definition.counts is Counts.AUTO]
    best = min((_rank(one) for one in left), default=0)
    return [one for one in left if _rank(one) == best]


def _rank(sensor: Sensor) -> int:
    return _BEST_FIRST.index(sensor.definition.accumulation)


def _ancestors(sensor_id: SensorId, parents: Parents) -> set[SensorId]:
    found: set[SensorId] = set()
    above = parents.get(sensor_id)
    while above is not None and above not in found and above != sensor_id:
        found.add(above)
        above = parents.get(above)
    return found
