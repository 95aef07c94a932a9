"""Taking values out of a device's answer."""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.ingestion.errors import ValueRefusedError
from domain.ingestion.iot_configuration import DataType, Device, DeviceValue
from domain.ingestion.iot_fields import LARGEST_NUMBER, kind_of
from domain.ingestion.model import Fault, PolledValue
from domain.ingestion.timestamps import read_time

_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
)
_TRUE: Final = frozenset({"1", "true", "on"})
_FALSE: Final = frozenset({"0", "false", "off"})
_SHOWN: Final = 256


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What came of an answer: one entry per configured value, in their order."""

    values: tuple[PolledValue, ...]

    @property
    def fault(self) -> Fault | None:
        """The first fault of a value, None where all are sound (null is sound)."""
        return next((value.fault for value in self.values if value.fault is not None), None)


def read_answer(device: Device, document: object, received_at: datetime) -> ReadAnswer:
    """Return the device's values; a fault of one, or of the answer's time, is no fault of the others."""
    time, time_fault = received_at, None
    if device.timestamp_tag is not None:
        try:
            time = read_time(device.timestamp_tag.find(document), received_at)
        except ValueRefusedError as refused:
            time_fault = refused.fault
    return ReadAnswer(tuple(_read(value, document, time, time_fault) for value in device.values))


def _read(value: DeviceValue, document: object, time: datetime, time_fault: Fault | None) -> PolledValue:
    found: float | str | None = None
    fault: Fault | None = None
    try:
        found = read_value(value, value.tag.find(document))
    except ValueRefusedError as refused:
        fault = refused.fault
    if value.sensor is not None and found is not None and time_fault is not None:
        found, fault = None, time_fault
    return PolledValue(
        tag=value.tag.text,
        type=value.type,
        sensor_id=value.sensor.sensor_id if value.sensor else None,
        unit=value.sensor.unit if value.sensor else None,
        value=found,
        time=None if found is None else time,
        fault=fault,
    )


def read_value(definition: DeviceValue, raw: object) -> float | str | None:
    """Return a value in its sensor's unit, or text where it is only shown; None for null.

    Raises:
        ValueRefusedError: ``not_a_number, not_an_integer, not_a_boolean, not_text`` or
            ``number_out_of_range``.

    """
    if raw is None:
        return None
    if definition.data is DataType.STRING:
        return _as_text(raw)
    if definition.data is DataType.BOOLEAN:
        number = _as_boolean(raw, definition.tag.text)
    else:
        number = _as_number(raw, definition.tag.text)
        if definition.data is DataType.INTEGER and not number.is_integer():
            raise ValueRefusedError("not_an_integer", f"{definition.tag.text}: {number:g} is not an integer")
    result = definition.scale * number + definition.offset
    # Written so that NaN fails as well.
    if not -LARGEST_NUMBER <= result <= LARGEST_NUMBER:
        raise ValueRefusedError(
            "number_out_of_range", f"{definition.tag.text}: the number is beyond all measure"
        )
    return result


def _as_text(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, str):
        # Half a surrogate pair, or NUL, could neither be shown nor kept.
        return raw[:_SHOWN].replace("\0", "").encode(errors="replace").decode()
    if isinstance(raw, float):
        return str(raw)
    if isinstance(raw, int):
        return str(raw)[:_SHOWN] if abs(raw) < LARGEST_NUMBER else "a number beyond all measure"
    raise ValueRefusedError("not_text", f"{kind_of(raw)} stands there, not text")


def _as_boolean(raw: object, tag: str) -> float:
    if isinstance(raw, (bool, int, float)) and raw in {0, 1}:
        return float(raw)
    if isinstance(raw, str) and raw.strip().lower() in _TRUE | _FALSE:
        return 1.0 if raw.strip().lower() in _TRUE else 0.0
    raise ValueRefusedError("not_a_boolean", f"{tag}: {_excerpt(raw)} is neither true nor false")


def _as_number(raw: object, tag: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise ValueRefusedError("not_a_number", f"{tag}: {kind_of(raw)} stands there, not a number")
    if isinstance(raw, str):
        text = raw.strip()
        if not _NUMBER.fullmatch(text):
            raise ValueRefusedError("not_a_number", f"{tag}: {_excerpt(raw)} is not a number")
        raw = float(text)
    elif isinstance(raw, float) and math.isnan(raw):
        raise ValueRefusedError("not_a_number", f"{tag}: NaN is not a number")
    # Compared before the conversion, which an int of 400 digits would not survive.
    if not -LARGEST_NUMBER <= raw <= LARGEST_NUMBER:
        raise ValueRefusedError("number_out_of_range", f"{tag}: the number is beyond all measure")
    return float(raw)


def _excerpt(raw: object) -> str:
    return repr(raw[:80]) if isinstance(raw, str) else kind_of(raw)
