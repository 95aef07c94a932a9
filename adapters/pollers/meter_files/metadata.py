"""What a file says of its readings in lines such as ``# unit: kWh``."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.pollers.meter_files.fields import shown
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.ports import UnitCatalog
from domain.shared.errors import InvalidError
from domain.shared.periods import Period, parse_period
from domain.shared.quantities import CANONICAL_UNITS, Accumulation, Direction, Quantity

_LINE: Final = re.compile(
    r"#+\s*(?P<key>meter|unit|timezone|resolution|quantity|accumulation|direction|timestamps)"
    r"\s*[:=]\s*(?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_LENGTH: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)", re.ASCII)
_SECONDS: Final = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
}
_MEANING: Final = frozenset({"accumulation", "direction", "resolution"})
LONGEST_RESOLUTION: Final = timedelta(days=3660)
_Word = TypeVar("_Word", bound=StrEnum)

_DEFAULT_ACCUMULATIONS: Final = {
    Quantity.ENERGY: Accumulation.DELTA,
    Quantity.REACTIVE_ENERGY: Accumulation.DELTA,
    Quantity.POWER: Accumulation.MEAN,
    Quantity.APPARENT_POWER: Accumulation.MEAN,
    Quantity.REACTIVE_POWER: Accumulation.MEAN,
}
"""Meters add up or average over an interval; of other things they tell the state."""


class Timestamps(StrEnum):
    """Which end of an interval its time names."""

    START = "start"
    END = "end"


class Said(NamedTuple):
    """A value of metadata and its line."""

    line: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What all readings of a file have in common; None where the file does not say."""

    meter: str | None
    zone: ZoneInfo
    quantity: Quantity
    unit: str
    accumulation: Accumulation
    direction: Direction
    resolution: Period | None
    timestamps: Timestamps
    stated: frozenset[str]
    """Which of ``accumulation, direction, resolution`` the file says itself."""

    @property
    def times_name_ends(self) -> bool:
        """Whether times have to be led back to the start of their interval."""
        covers_interval = self.accumulation in {Accumulation.DELTA, Accumulation.MEAN}
        return covers_interval and self.timestamps is Timestamps.END


def metadata_of(line: str) -> tuple[str, str] | None:
    """Return the key and value of a line of metadata; None for any other line."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return None
    # Spreadsheets fill each line up with separators.
    value = match["value"].rstrip(";,\t ").strip().strip('"').strip()
    return (match["key"].lower(), value) if value else None


def describe(said: dict[str, Said], zone: ZoneInfo, units: UnitCatalog) -> Description:
    """Return what the metadata say, with what holds where they do not.

    Raises:
        UnreadableFileError: ``invalid_metadata``.

    """
    unit = said.get("unit")
    quantity = _read(said, "quantity", _word(Quantity))
    if quantity is None:
        quantity = _quantity_of(unit, units) if unit else Quantity.ENERGY
    fault = units.fault(quantity, unit.value) if unit else None
    if unit and fault:
        raise _invalid("unit", unit, fault)
    accumulation = _read(said, "accumulation", _word(Accumulation))
    return Description(
        meter=said["meter"].value if "meter" in said else None,
        zone=_read(said, "timezone", _zone) or zone,
        quantity=quantity,
        unit=unit.value if unit else CANONICAL_UNITS[quantity],
        accumulation=accumulation or _DEFAULT_ACCUMULATIONS.get(quantity, Accumulation.INSTANTANEOUS),
        direction=_read(said, "direction", _word(Direction)) or Direction.IMPORT,
        resolution=_read(said, "resolution", _resolution),
        timestamps=_read(said, "timestamps", _word(Timestamps)) or Timestamps.START,
        stated=_MEANING.intersection(said),
    )


_Value = TypeVar("_Value")


def _read(said: dict[str, Said], key: str, read: Callable[[str], _Value]) -> _Value | None:
    found = said.get(key)
    if found is None:
        return None
    try:
        return read(found.value)
    except ValueError as error:
        raise _invalid(key, found, str(error)) from None


def _invalid(key: str, said: Said, why: str) -> UnreadableFileError:
    return UnreadableFileError("invalid_metadata", f"line {said.line}: {key} {shown(said.value)}: {why}")


def _word(kind: type[_Word]) -> Callable[[str], _Word]:
    def read(text: str) -> _Word:
        try:
            return kind(text.lower())
        except ValueError:
            raise ValueError(f"it has to be one of {_listed(kind)}") from None

    return read


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("it has to be an IANA name, such as Europe/Lisbon") from None


def _resolution(text: str) -> Period:
    period = _period(text)
    exact = period.exact
    if exact is None or not timedelta(0) < exact <= LONGEST_RESOLUTION:
        raise ValueError("it has to be a fixed length above 0 and up to 10 years")
    return period


def _period(text: str) -> Period:
    match = _LENGTH.fullmatch(text.lower())
    try:
        if match is None:
            return parse_period(text.upper())
        if match[2] in {"d", "day", "days"}:
            return Period(days=int(match[1]))
        return Period(elapsed=timedelta(seconds=float(match[1]) * _SECONDS[match[2]]))
    except (InvalidError, KeyError, ValueError):
        raise ValueError("it has to be written as PT15M, PT1H, P1D, 15 min or 1 h") from None


def _quantity_of(unit: Said, units: UnitCatalog) -> Quantity:
    """Return energy where the unit fits, else the quantity whose own unit it is, else the first it fits."""
    by_unit: list[Quantity] = [quantity for quantity in Quantity if CANONICAL_UNITS[quantity] == unit.value]
    candidates: tuple[Quantity, ...] = (Quantity.ENERGY, *by_unit, *Quantity)
    for quantity in candidates:
        if quantity is not Quantity.OTHER and units.fault(quantity, unit.value) is None:
            return quantity
    raise _invalid(
        "unit",
        unit,
        f"no unit that is known; name it as in {_listed(u for u in CANONICAL_UNITS.values() if u)}",
    )
