"""HomeWizard kWh meter and energy socket: `/api/v1/data` of the local API."""

from collections.abc import Callable

from adapters.simulator.curves import Curve, Metered
from adapters.simulator.device import Answer, Device, Parent, Reading, Value, rounded
from adapters.simulator.shedding import SheddableLoad

_FREQUENCY = 50
_PATH = "/api/v1/data"


def meter(
    name: str,
    kind: str,
    room: str | None,
    load: Metered,
    voltage: Curve,
    parent: Parent | None = None,
) -> Device:
    """Make a meter whose load never feeds back."""
    power, imported = rounded(load.at, 3), rounded(load.energy, 3, 0.001)
    answer = _answer(power, imported, lambda _time: 0.0, voltage)
    values = (
        Value("power", "active_power_w", power, "W", submeter_of=parent.power if parent else None),
        _register("import", imported, parent),
    )
    return Device(name, kind, room, _PATH, answer, values)


def battery_meter(
    name: str,
    room: str,
    both: Metered,
    charge: SheddableLoad,
    discharge: Metered,
    voltage: Curve,
    parent: Parent,
) -> Device:
    """Make a meter of a battery: power is negative, and the export register grows, while it feeds back."""
    power = rounded(both.at, 3)
    imported, exported = rounded(charge.energy, 3, 0.001), rounded(discharge.energy, 3, 0.001)
    answer = _answer(power, imported, exported, voltage)
    values = (
        Value("power", "active_power_w", power, "W", submeter_of=parent.power),
        _register("import", imported, parent, f"{name}.import"),
        _register("export", exported, parent, f"{name}.export"),
    )
    return Device(
        name,
        "battery",
        room,
        _PATH,
        answer,
        values,
        sheds=charge,
        headers={"Accept": "application/json"},
    )


def _register(direction: str, read: Reading, parent: Parent | None, sensor_id: str | None = None) -> Value:
    return Value(
        "energy",
        f"total_power_{direction}_t1_kwh",
        read,
        "kWh",
        accumulation="cumulative",
        direction=direction,
        sensor_id=sensor_id,
        submeter_of=parent.energy if parent else None,
    )


def _answer(
    power: Callable[[int], float],
    imported: Callable[[int], float],
    exported: Callable[[int], float],
    voltage: Curve,
) -> Callable[[int], Answer]:
    def answer(time: int) -> Answer:
        watts, volts = power(time), round(voltage.at(time), 3)
        return {
            "wifi_ssid": "Demo",
            "wifi_strength": 92,
            "total_power_import_kwh": imported(time),
            "total_power_import_t1_kwh": imported(time),
            "total_power_export_kwh": exported(time),
            "total_power_export_t1_kwh": exported(time),
            "active_power_w": watts,
            "active_power_l1_w": watts,
            "active_voltage_v": volts,
            "active_current_a": round(abs(watts) / volts, 3),
            "active_frequency_hz": _FREQUENCY,
        }

    return answer
