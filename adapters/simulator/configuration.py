"""The IoT configuration that makes the poller read the simulated devices."""

from collections.abc import Iterable

from adapters.simulator.device import COMMANDS, Device, Value

MONITORING_PERIOD = 5
_TIMEOUT = 2
# History comes every five minutes: one value may be missing before a gap is left open.
_MAX_GAP = 900
_BODY = {"event_id": "{event_id}", "reduction_kw": "{reduction_kw}", "target_kw": "{target_kw}"}


def configuration(base_url: str, devices: Iterable[Device]) -> dict[str, object]:
    """Give the document as it would stand in the configuration file."""
    iots = [_device(base_url, device) for device in devices]
    return {"resources": {"monitoring_period": MONITORING_PERIOD, "iots": iots}}


def _device(base_url: str, device: Device) -> dict[str, object]:
    optional: dict[str, object | None] = {
        "room": device.room,
        "headers": device.headers or None,
        "control": None if device.sheds is None else _control(base_url, device),
    }
    return {
        "name": device.name,
        "type": device.kind,
        "uri": base_url + device.uri,
        "timeout": _TIMEOUT,
        "max_gap": _MAX_GAP,
        "store": {"period": MONITORING_PERIOD, "type": "raw"},
        "values": [_value(value) for value in device.values],
        **_present(optional),
    }


def _control(base_url: str, device: Device) -> dict[str, object]:
    http = {
        command: {
            "method": "POST",
            "url": base_url + device.command_path(command),
            "body": _BODY,
            "timeout": _TIMEOUT,
        }
        for command in COMMANDS
    }
    return {"demandresponse": True, "http": http}


def _value(value: Value) -> dict[str, object]:
    optional: dict[str, object | None] = {
        "sensor_id": value.sensor_id,
        "unit": value.unit,
        "scale": value.scale,
        "accumulation": value.accumulation,
        "direction": value.direction,
        "submeter_of": value.submeter_of,
    }
    return {"type": value.quantity, "tag": value.tag, "data": value.data, **_present(optional)}


def _present(fields: dict[str, object | None]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
