"""Units by pint, asked once per unit and never per reading, since pint is slow."""

import math
import re
from functools import lru_cache
from threading import Lock
from typing import Final

import pint

from domain.ingestion.ports import UnitCatalog as IngestionUnitCatalog
from domain.sensors.errors import unit_mismatch
from domain.sensors.ports import UnitCatalog as SensorsUnitCatalog
from domain.shared.errors import InvalidError
from domain.shared.quantities import CANONICAL_UNITS, Quantity, UnitConversion

# Names with powers, joined by * or /: pint would also compute 9**9**9.
_NAME: Final = r"[A-Za-zµμ°Ω%_]+(?:\^-?\d)?"
_UNIT: Final = re.compile(rf"{_NAME}(?:\s*[*/·]\s*{_NAME}){{0,3}}")
_SPELLINGS: Final = {
    "": "dimensionless",
    "1": "dimensionless",
    "%": "percent",
    "%RH": "percent",
    "°C": "degC",
    "℃": "degC",
    "C": "degC",
    "°F": "degF",
    "F": "degF",
    "lux": "lx",
}
# pint takes VA and var for watts; apparent and reactive power are not power.
_ALTERNATING: Final = re.compile(r"(?P<prefix>[mkKMG]?)(?P<family>[Vv][Aa][Rr]?)(?P<hours>h?)")
_HERTZ: Final = re.compile(r"[mkMG]?Hz|(?:milli|kilo|mega|giga)?hertz")
_PREFIXES: Final = {"m": 1e-6, "": 1e-3, "k": 1.0, "K": 1.0, "M": 1e3, "G": 1e6}
"""Into kilo."""
_FAMILIES: Final = {
    ("va", False): Quantity.APPARENT_POWER,
    ("var", False): Quantity.REACTIVE_POWER,
    ("var", True): Quantity.REACTIVE_ENERGY,
}
_MAX_LENGTH: Final = 64
_FAR: Final = 1e6
"""Far from zero, so that an offset takes no digits from the factor."""
# pint takes a turn for 2 pi and hertz for one radian a second, which is nobody's frequency.
_CYCLES: Final = {"rpm": 1 / 60, "1/min": 1 / 60, "1/s": 1.0, "rps": 1.0}
_PEOPLE: Final = frozenset({"people", "person", "persons", "count", "1", "", "bool"})


class PintUnitCatalog(SensorsUnitCatalog, IngestionUnitCatalog):
    """Every unit that pint knows, turned into a factor and an offset."""

    def __init__(self) -> None:
        self._registry: pint.UnitRegistry[float] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
        self._lock = Lock()
        self._cached = lru_cache(maxsize=4096)(self._conversion)

    def conversion(self, unit: str, quantity: Quantity) -> UnitConversion:
        found = self._cached(unit, quantity) if len(unit) <= _MAX_LENGTH else None
        if found is None:
            raise unit_mismatch(unit[:_MAX_LENGTH], quantity)
        return found

    def fault(self, quantity: Quantity, unit: str) -> str | None:
        try:
            self.conversion(unit, quantity)
        except InvalidError as error:
            return error.detail
        return None

    def _conversion(self, unit: str, quantity: Quantity) -> UnitConversion | None:
        canonical = CANONICAL_UNITS[quantity]
        if quantity is Quantity.OTHER or unit == canonical:
            return UnitConversion()
        if quantity is Quantity.OCCUPANCY:
            return UnitConversion() if unit in _PEOPLE else None
        alternating = _ALTERNATING.fullmatch(unit)
        if alternating is not None:
            meant = _FAMILIES.get((alternating["family"].lower(), bool(alternating["hours"])))
            return UnitConversion(_PREFIXES[alternating["prefix"]]) if meant is quantity else None
        if quantity in _FAMILIES.values():
            return None
        if quantity is Quantity.FREQUENCY and unit in _CYCLES:
            return UnitConversion(_CYCLES[unit])
        if quantity is Quantity.FREQUENCY and not _HERTZ.fullmatch(unit):
            return None
        return self._by_pint(_SPELLINGS.get(unit, unit), _SPELLINGS.get(canonical, canonical))

    def _by_pint(self, unit: str, canonical: str) -> UnitConversion | None:
        if not _UNIT.fullmatch(unit):
            return None
        try:
            with self._lock:
                parsed = self._registry.parse_units(unit)
                at_zero, far = (
                    float(self._registry.Quantity(value, parsed).to(canonical).magnitude)
                    for value in (0.0, _FAR)
                )
        except Exception:  # noqa: BLE001 - pint reads what strangers write, and raises all kinds
            return None
        factor = (far - at_zero) / _FAR
        if not (math.isfinite(factor) and math.isfinite(at_zero)) or factor == 0:
            return None
        return UnitConversion(_rounded(factor), _rounded(at_zero))


def _rounded(number: float) -> float:
    """Return the plain number where only rounding stands between: 0.001, not 0.0009999999999999."""
    plain = float(f"{number:.12g}")
    return plain if math.isclose(plain, number, rel_tol=1e-15) else number
