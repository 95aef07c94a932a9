"""What makes a sensor's definition a good one."""

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.sensors.model import SensorDefinition, room_name, sensor_id
from domain.sensors.ports import UnitCatalog
from domain.shared.errors import DomainError, InvalidError, Problem
from domain.shared.quantities import CANONICAL_UNITS, Accumulation, Quantity, UnitConversion
from domain.shared.text_ids import text_id

_MAX_LABELS: Final = 64
_MAX_TEXT: Final = 500
_MAX_DURATION: Final = timedelta(days=3660)


def canonical_unit_of(definition: SensorDefinition, units: UnitCatalog) -> tuple[UnitConversion, str]:
    """Return the way from the sensor's unit to the canonical one, and that unit.

    Raises:
        InvalidError: each fault of the definition, by JSON pointer.

    """
    problems = definition_problems(definition)
    conversion = UnitConversion()
    canonical_unit = CANONICAL_UNITS[definition.quantity] or definition.unit
    if definition.quantity is not Quantity.OTHER:
        try:
            conversion = units.conversion(definition.unit, definition.quantity)
        except InvalidError as error:
            problems.append(Problem("/unit", error.code, error.detail))
    if problems:
        raise InvalidError(problems[0].code, "the sensor cannot be defined so", problems)
    return conversion, canonical_unit


def definition_problems(definition: SensorDefinition) -> list[Problem]:
    """Return each fault of a definition but those of its unit."""
    return [
        *_id_problems(definition),
        *_text_problems(definition),
        *_duration_problems(definition),
        *_number_problems(definition),
        *_label_problems(definition),
    ]


def _id_problems(definition: SensorDefinition) -> Iterator[Problem]:
    ids: list[tuple[str, str | None, Callable[[str], str]]] = [
        ("sensor_id", definition.sensor_id, sensor_id),
        ("room_name", definition.room_name, room_name),
        ("device_id", definition.device_id, lambda value: text_id(value, "device_id")),
        ("submeter_of", definition.submeter_of, sensor_id),
    ]
    for name, value, check in ids:
        try:
            if value is not None:
                check(value)
        except DomainError as error:
            yield Problem(f"/{name}", error.code, error.detail)
    if definition.submeter_of == definition.sensor_id:
        yield Problem("/submeter_of", "invalid_value", "a sensor cannot be a submeter of itself")


def _text_problems(definition: SensorDefinition) -> Iterator[Problem]:
    for name, text in (("name", definition.name), ("unit", definition.unit)):
        if len(text) > _MAX_TEXT:
            yield Problem(f"/{name}", "too_long", f"at most {_MAX_TEXT} characters")
    if definition.timezone is not None and not _is_timezone(definition.timezone):
        yield Problem("/timezone", "unknown_timezone", "it needs to be an IANA name, such as Europe/Lisbon")


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _duration_problems(definition: SensorDefinition) -> Iterator[Problem]:
    for name in ("resolution", "max_gap", "no_data_after"):
        duration: timedelta | None = getattr(definition, name)
        if duration is not None and not timedelta(0) < duration <= _MAX_DURATION:
            yield Problem(f"/{name}", "invalid_value", "it needs to be above 0 and at most 10 years")


def _number_problems(definition: SensorDefinition) -> Iterator[Problem]:
    for name in ("min_value", "max_value", "rollover_at", "max_power_kw"):
        value: float | None = getattr(definition, name)
        if value is not None and not math.isfinite(value):
            yield Problem(f"/{name}", "invalid_value", "it needs to be a finite number")
        elif value is not None and value <= 0 and name in {"rollover_at", "max_power_kw"}:
            yield Problem(f"/{name}", "invalid_value", "it needs to be above 0")
    lowest, highest = definition.min_value, definition.max_value
    if lowest is not None and highest is not None and lowest > highest:
        yield Problem("/max_value", "invalid_value", "it lies below min_value")
    if definition.rollover_at is not None and definition.accumulation is not Accumulation.CUMULATIVE:
        yield Problem("/rollover_at", "invalid_value", "only a cumulative register rolls over")


def _label_problems(definition: SensorDefinition) -> Iterator[Problem]:
    if len(definition.labels) > _MAX_LABELS:
        yield Problem("/labels", "too_many", f"at most {_MAX_LABELS} labels")
    for key, text in definition.labels.items():
        if not 1 <= len(key) <= _MAX_TEXT or len(text) > _MAX_TEXT or ":" in key:
            yield Problem("/labels", "invalid_value", "a label is key: value, short, no colon in the key")
            return
