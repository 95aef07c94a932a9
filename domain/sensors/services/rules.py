"""What is done with every value of a sensor."""

import math
from typing import NamedTuple, Self

from domain.sensors.model import Sensor, SensorKey


class Rule(NamedTuple):
    """How values of a sensor become canonical, and between which bounds (canonical too) they are good.

    A tuple, since one is taken apart for each reading.
    """

    key: SensorKey
    version: int
    factor: float
    offset: float
    lowest: float
    highest: float
    sensor: Sensor

    @classmethod
    def of(cls, sensor: Sensor) -> Self:
        """Return the rule of a sensor."""
        lowest, highest = sensor.definition.min_value, sensor.definition.max_value
        conversion = sensor.conversion
        return cls(
            key=sensor.key,
            version=sensor.version,
            factor=conversion.factor,
            offset=conversion.offset,
            lowest=-math.inf if lowest is None else conversion.to_canonical(lowest),
            highest=math.inf if highest is None else conversion.to_canonical(highest),
            sensor=sensor,
        )
