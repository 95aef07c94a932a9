"""The sensors of an IoT configuration together: each there once, and none a part of itself."""

from collections.abc import Iterator, Sequence
from typing import Final

from domain.ingestion.iot_fields import Faults, Fields, pointer_to
from domain.ingestion.model import SensorId, SensorRegistration

_NAMED: Final = 5


class ConfiguredSensors:
    """The sensors that were read so far, each with the place of its value."""

    def __init__(self) -> None:
        self._places: dict[SensorId, str] = {}
        self._parents: dict[SensorId, SensorId] = {}

    def add(self, fields: Fields, sensor: SensorRegistration) -> None:
        """Take the sensor of the value with these fields, or report that it is another value's already."""
        sensor_id = sensor.sensor_id
        first = self._places.setdefault(sensor_id, fields.pointer)
        if first != fields.pointer:
            fields.fault(
                "sensor_id" if fields.has("sensor_id") else "type",
                "duplicate_sensor",
                f"{sensor_id!r} is the sensor of {first} already: give one of them another sensor_id",
            )
        elif sensor.submeter_of is not None:
            self._parents[sensor_id] = sensor.submeter_of

    def refuse_rings(self, faults: Faults) -> None:
        """Report each sensor that would be a submeter of itself, at once or by way of others."""
        for ring in self._rings():
            for number, sensor_id in enumerate(ring):
                way = f", as {sensor_id!r} is by way of {_others(ring, number)}" if len(ring) > 1 else ""
                faults.add(
                    pointer_to(self._places[sensor_id], "submeter_of"),
                    "invalid_submeter",
                    f"a sensor cannot be a submeter of itself{way}",
                )

    def _rings(self) -> Iterator[Sequence[SensorId]]:
        followed: set[SensorId] = set()
        for start in self._parents:
            path: list[SensorId] = []
            sensor_id = start
            while sensor_id in self._parents and sensor_id not in followed:
                followed.add(sensor_id)
                path.append(sensor_id)
                sensor_id = self._parents[sensor_id]
            if sensor_id in path:
                yield path[path.index(sensor_id) :]


def _others(ring: Sequence[SensorId], number: int) -> str:
    others = len(ring) - 1
    shown = min(others, _NAMED)
    named = ", ".join(repr(ring[(number + step) % len(ring)]) for step in range(1, shown + 1))
    return named if shown == others else f"{named} and {others - shown} more"
