"""In which unit a sensor's values are given."""

from domain.sensors.errors import unit_mismatch
from domain.sensors.model import Sensor
from domain.sensors.ports import UnitCatalog
from domain.shared.quantities import Quantity, UnitConversion


def conversion_to(units: UnitCatalog, unit: str | None, sensor: Sensor) -> UnitConversion:
    """Return the way to the unit asked for, which is the canonical one where none is.

    Raises:
        InvalidError: ``unit_mismatch``; of a sensor of another kind of quantity only its own unit is known.

    """
    if unit is None or unit == sensor.canonical_unit:
        return UnitConversion()
    if sensor.definition.quantity is Quantity.OTHER:
        raise unit_mismatch(unit[:64], sensor.definition.quantity)
    return units.conversion(unit, sensor.definition.quantity)
