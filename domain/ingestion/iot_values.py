"""Reading the values of a device from the IoT configuration: each becomes a sensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.ingestion.iot_configuration import DataType, DeviceValue, StoreType, StoreWindow
from domain.ingestion.iot_fields import Fields
from domain.ingestion.model import DeviceId, RoomName, SensorId, SensorRegistration
from domain.ingestion.ports import UnitCatalog
from domain.ingestion.tag_paths import MAX_LENGTH, TagPath
from domain.shared.errors import InvalidError
from domain.shared.quantities import CANONICAL_UNITS, Accumulation, Counts, Direction, Quantity
from domain.shared.text_ids import text_id

DEFAULT_UNITS: Final[dict[Quantity, str]] = {
    **CANONICAL_UNITS,
    Quantity.POWER: "W",
    Quantity.APPARENT_POWER: "VA",
    Quantity.REACTIVE_POWER: "var",
}
"""What a value is in where the configuration names no unit: devices speak of watts, meters of kWh."""

_REGISTERS: Final = frozenset({Quantity.ENERGY, Quantity.REACTIVE_ENERGY})
"""What devices count up; such a value is a register unless its ``accumulation`` says otherwise."""

_KEPT_BY: Final[dict[Accumulation, frozenset[StoreType]]] = {
    Accumulation.INSTANTANEOUS: frozenset(StoreType) - {StoreType.SUM},
    Accumulation.MEAN: frozenset({StoreType.AVG, StoreType.RAW}),
    Accumulation.CUMULATIVE: frozenset({StoreType.AVG, StoreType.LAST, StoreType.RAW}),
    Accumulation.DELTA: frozenset({StoreType.SUM, StoreType.RAW}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSetting:
    """What a device says for all of its values."""

    device_id: DeviceId
    name: str
    room_name: RoomName | None
    period: timedelta
    unit: str | None
    scale: float
    offset: float
    max_gap: timedelta | None
    store: tuple[StoreType, timedelta | None] | None
    labels: Mapping[str, str]


def read_store(fields: Fields) -> tuple[StoreType, timedelta | None] | None:
    """Return what ``store`` says."""
    store = fields.nested("store")
    if store is None:
        return None
    kind = store.word("type", StoreType, required=True)
    period = store.seconds("period")
    if kind not in {None, StoreType.RAW} and not store.has("period"):
        store.fault("period", "required", "period is missing: the seconds over which a value is formed")
    store.close()
    return None if kind is None else (kind, period)


def checked_id(fields: Fields, name: str, value: str) -> str | None:
    """Return a text id, or report why it is none."""
    try:
        return text_id(value, name)
    except InvalidError as fault:
        fields.fault(name, fault.code, f"{value[:200]!r}: {fault.detail}")
        return None


def read_value(fields: Fields, device: DeviceSetting, units: UnitCatalog | None) -> DeviceValue | None:
    """Return one of the device's values."""
    tag = _read_tag(fields)
    data = fields.word("data", DataType) or DataType.DOUBLE
    scale, offset = fields.number("scale"), fields.number("offset")
    store = read_store(fields) or device.store
    shown_only = data is DataType.STRING
    type_name = fields.text("type", required=True, longest=64)
    registration, window = _read_sensor(fields, device, type_name, store, units, shown_only=shown_only)
    fields.close()
    if tag is None or type_name is None or (registration is None and not shown_only):
        return None
    return DeviceValue(
        tag=tag,
        type=type_name,
        data=data,
        sensor=registration,
        scale=device.scale if scale is None else scale,
        offset=device.offset if offset is None else offset,
        window=window,
    )


def _read_tag(fields: Fields) -> TagPath | None:
    text = fields.text("tag", required=True, longest=MAX_LENGTH)
    if text is None:
        return None
    try:
        return TagPath.parse(text)
    except ValueError as fault:
        fields.fault("tag", "invalid_tag", str(fault))
        return None


def _read_sensor(
    fields: Fields,
    device: DeviceSetting,
    type_name: str | None,
    store: tuple[StoreType, timedelta | None] | None,
    units: UnitCatalog | None,
    *,
    shown_only: bool,
) -> tuple[SensorRegistration | None, StoreWindow | None]:
    sensor_id = fields.text("sensor_id", longest=1000)
    name = fields.text("name", longest=200)
    unit = fields.text("unit", longest=64)
    direction = fields.word("direction", Direction) or Direction.IMPORT
    submeter_of = fields.text("submeter_of", longest=1000)
    counts = _read_counts(fields)
    explicit = fields.word("accumulation", Accumulation)
    resolution = fields.seconds("resolution")
    max_gap = fields.seconds("max_gap") or device.max_gap
    max_power_kw, rollover_at = fields.number("max_power_kw", least=0), fields.number("rollover_at", least=0)
    low, high = fields.number("min_value"), fields.number("max_value")
    if low is not None and high is not None and low > high:
        fields.fault("min_value", "invalid_number", f"min_value {low:g} lies above max_value {high:g}")
    if shown_only or type_name is None:
        return None, None
    quantity = fields.word("type", Quantity)
    own_id = checked_id(
        fields, "sensor_id" if sensor_id else "type", sensor_id or f"{device.device_id}.{type_name}"
    )
    if submeter_of is not None:
        checked_id(fields, "submeter_of", submeter_of)
    if quantity is None or own_id is None:
        return None, None
    unit = unit or device.unit or DEFAULT_UNITS[quantity]
    fault = units.fault(quantity, unit) if units is not None else None
    if fault is not None:
        fields.fault("unit", "unit_mismatch", fault)
    accumulation, window = _kept(fields, quantity, explicit, store)
    registration = SensorRegistration(
        sensor_id=SensorId(own_id),
        name=name or f"{device.name} {type_name.replace('_', ' ')}",
        quantity=quantity,
        unit=unit,
        accumulation=accumulation,
        resolution=resolution or (window.period if window else device.period),
        device_id=device.device_id,
        room_name=device.room_name,
        max_gap=max_gap,
        direction=direction,
        submeter_of=None if submeter_of is None else SensorId(submeter_of),
        counts=counts,
        max_power_kw=max_power_kw,
        rollover_at=rollover_at,
        min_value=low,
        max_value=high,
        labels=device.labels,
    )
    return registration, window


def _read_counts(fields: Fields) -> Counts:
    if isinstance(fields.value("counts"), bool):
        return Counts.TRUE if fields.flag("counts") else Counts.FALSE
    return fields.word("counts", Counts) or Counts.AUTO


def _kept(
    fields: Fields,
    quantity: Quantity,
    explicit: Accumulation | None,
    store: tuple[StoreType, timedelta | None] | None,
) -> tuple[Accumulation, StoreWindow | None]:
    """Return what the stored values stand for, and the windows over which they are formed."""
    kind, period = store or (StoreType.RAW, None)
    accumulation = explicit or (
        Accumulation.CUMULATIVE
        if quantity in _REGISTERS and kind in {StoreType.AVG, StoreType.LAST, StoreType.RAW}
        else Accumulation.INSTANTANEOUS
    )
    if kind not in _KEPT_BY[accumulation]:
        allowed = ", ".join(sorted(_KEPT_BY[accumulation]))
        pointer = "store" if fields.has("store") else "accumulation" if explicit else "type"
        hint = (
            "is for values whose accumulation is delta" if kind is StoreType.SUM else "does not go with them"
        )
        fields.fault(
            pointer,
            "store_mismatch",
            f"store {kind.value!r} {hint}; {accumulation.value} values can be kept as {allowed} "
            '(a value may have a "store" of its own)',
        )
    if kind is StoreType.AVG and accumulation is Accumulation.CUMULATIVE:
        kind = (
            StoreType.LAST
        )  # a register has no mean: the last value of the window says as much as all of them
    if kind is StoreType.AVG:
        accumulation = Accumulation.MEAN
    if kind is StoreType.RAW or period is None:
        return accumulation, None
    return accumulation, StoreWindow(kind, period)
