import math
from datetime import timedelta

import pytest

from domain.sensors.model import DeviceId, RoomName, SensorId
from domain.sensors.services.definition import definition_problems
from domain.shared.quantities import Accumulation
from tests.unit.sensors.samples import definition


def faults(**fields: object) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for one in definition_problems(definition(**fields))]  # type: ignore[arg-type]  # fields by name


def test_a_full_definition_without_a_fault() -> None:
    assert not faults(
        sensor_id="meter-1.energy:a",
        accumulation=Accumulation.CUMULATIVE,
        room_name=RoomName("Lab 1"),
        device_id=DeviceId("meter-1"),
        resolution=timedelta(minutes=15),
        max_gap=timedelta(hours=1),
        no_data_after=timedelta(days=3),
        rollover_at=1e6,
        max_power_kw=50.0,
        submeter_of=SensorId("main"),
        min_value=0.0,
        max_value=1e6,
        timezone="Asia/Kathmandu",
        labels={"floor": "1"},
    )


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"sensor_id": ""}, ("/sensor_id", "invalid_id")),
        ({"sensor_id": "a b"}, ("/sensor_id", "invalid_id")),
        ({"sensor_id": "get"}, ("/sensor_id", "invalid_id")),
        ({"sensor_id": "x" * 129}, ("/sensor_id", "invalid_id")),
        ({"room_name": "a/b"}, ("/room_name", "invalid_id")),
        ({"device_id": "ä"}, ("/device_id", "invalid_id")),
        ({"submeter_of": "a"}, ("/submeter_of", "invalid_value")),
        ({"unit": "k" * 501}, ("/unit", "too_long")),
        ({"timezone": "Mars/Olympus"}, ("/timezone", "unknown_timezone")),
        ({"timezone": "../../etc/passwd"}, ("/timezone", "unknown_timezone")),
        ({"timezone": ""}, ("/timezone", "unknown_timezone")),
        ({"resolution": timedelta(0)}, ("/resolution", "invalid_value")),
        ({"resolution": timedelta(days=4000)}, ("/resolution", "invalid_value")),
        ({"max_gap": timedelta(seconds=-1)}, ("/max_gap", "invalid_value")),
        ({"no_data_after": timedelta(0)}, ("/no_data_after", "invalid_value")),
        ({"min_value": math.nan}, ("/min_value", "invalid_value")),
        ({"max_value": math.inf}, ("/max_value", "invalid_value")),
        ({"min_value": 2.0, "max_value": 1.0}, ("/max_value", "invalid_value")),
        ({"max_power_kw": 0.0}, ("/max_power_kw", "invalid_value")),
        ({"rollover_at": -1.0, "accumulation": Accumulation.CUMULATIVE}, ("/rollover_at", "invalid_value")),
        ({"rollover_at": 1000.0}, ("/rollover_at", "invalid_value")),
        ({"labels": {str(n): "" for n in range(65)}}, ("/labels", "too_many")),
        ({"labels": {"a:b": "c"}}, ("/labels", "invalid_value")),
        ({"labels": {"": "c"}}, ("/labels", "invalid_value")),
        ({"labels": {"a": "c" * 501}}, ("/labels", "invalid_value")),
    ],
)
def test_each_fault_has_its_place(fields: dict[str, object], fault: tuple[str, str]) -> None:
    assert faults(**fields) == [fault]


def test_all_faults_are_told_at_once() -> None:
    assert len(faults(sensor_id="a b", room_name=" ", timezone="x", min_value=2.0, max_value=1.0)) == 4
