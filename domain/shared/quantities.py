"""Physical quantities, each with one canonical unit in which its readings are stored."""

from dataclasses import dataclass
from enum import StrEnum


class Quantity(StrEnum):
    """What a sensor measures."""

    POWER = "power"
    ENERGY = "energy"
    APPARENT_POWER = "apparent_power"
    REACTIVE_POWER = "reactive_power"
    REACTIVE_ENERGY = "reactive_energy"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    CO2 = "co2"
    ILLUMINANCE = "illuminance"
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    POWER_FACTOR = "power_factor"
    OCCUPANCY = "occupancy"
    OTHER = "other"


CANONICAL_UNITS: dict[Quantity, str] = {
    Quantity.POWER: "kW",
    Quantity.ENERGY: "kWh",
    Quantity.APPARENT_POWER: "kVA",
    Quantity.REACTIVE_POWER: "kvar",
    Quantity.REACTIVE_ENERGY: "kvarh",
    Quantity.TEMPERATURE: "degC",
    Quantity.HUMIDITY: "percent",
    Quantity.CO2: "ppm",
    Quantity.ILLUMINANCE: "lx",
    Quantity.VOLTAGE: "V",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.POWER_FACTOR: "1",
    Quantity.OCCUPANCY: "people",
    Quantity.OTHER: "",
}
"""``OTHER`` keeps the unit of its sensor as it is written."""


@dataclass(frozen=True, slots=True)
class UnitConversion:
    """From a unit to the canonical one: ``canonical = factor * value + offset``."""

    factor: float = 1.0
    offset: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether nothing changes."""
        return self.factor == 1.0 and self.offset == 0.0

    def to_canonical(self, value: float) -> float:
        """Return the value in the canonical unit."""
        return self.factor * value + self.offset

    def from_canonical(self, value: float) -> float:
        """Return the canonical value in this unit."""
        return (value - self.offset) / self.factor


class Accumulation(StrEnum):
    """What a value stands for in time (ESPI's accumulationBehaviour)."""

    INSTANTANEOUS = "instantaneous"
    MEAN = "mean"
    DELTA = "delta"
    CUMULATIVE = "cumulative"


class Quality(StrEnum):
    """How far a value can be trusted, in OpenADR's words."""

    OK = "OK"
    ESTIMATED = "ESTIMATED"
    BAD = "BAD"
    MISSING = "MISSING"


class Direction(StrEnum):
    """Which way the energy of a register flows (ESPI's flowDirection)."""

    IMPORT = "import"
    EXPORT = "export"


class Counts(StrEnum):
    """Whether a sensor is the one that yields the energy of its device."""

    AUTO = "auto"
    TRUE = "true"
    FALSE = "false"
