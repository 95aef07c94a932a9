"""IoT configurations for tests."""

from domain.ingestion.iot_configuration import Device, IotConfiguration
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.shared.errors import InvalidError, Problem


def device(name: str = "AC1", /, **fields: object) -> dict[str, object]:
    return {
        "name": name,
        "type": "hvac",
        "uri": "http://192.0.2.7/api/realtime",
        "values": [{"type": "power", "tag": "power", "data": "DOUBLE"}],
        **fields,
    }


def document(*devices: object, period: object = 1) -> dict[str, object]:
    return {"resources": {"monitoring_period": period, "iots": list(devices)}}


def parsed(*devices: object, period: object = 1) -> IotConfiguration:
    return parse_iot_configuration(document(*devices, period=period))


def one(**fields: object) -> Device:
    (found,) = parsed(device(**fields)).devices.values()
    return found


def problems(given: object) -> list[Problem]:
    try:
        parse_iot_configuration(given)
    except InvalidError as error:
        return list(error.problems)
    return []


def codes(given: object) -> set[tuple[str, str]]:
    return {(problem.pointer, problem.code) for problem in problems(given)}
