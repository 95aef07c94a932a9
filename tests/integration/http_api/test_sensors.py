from typing import Any

import pytest

from tests.integration.http_api.conftest import Caller


async def test_a_sensor_from_its_definition_to_its_end(call: Caller) -> None:
    made = await call.sensor(
        "a:1", unit="W", room_name="Sala São José", resolution="PT15M", labels={"site": "x"}, min_value=-5
    )
    assert made["canonical_unit"] == "kW"
    assert made["max_gap"] == "PT45M"
    assert made["latest"] is None
    assert made["staleness"] == {"status": "never", "age_seconds": None}
    assert await call("GET", "/sensors/a:1") == made
    listed = await call("GET", "/sensors/get", params={"label": ["site:x"], "q": "A:"})
    assert (listed["items"], listed["total"], listed["limit"], listed["offset"]) == ([made], 1, 100, 0)
    changed = await call("PUT", "/sensors/a:1", json={"name": "new", "room_name": None})
    assert (changed["name"], changed["room_name"], changed["unit"]) == ("new", None, "W")
    await call("DELETE", "/sensors/a:1", 204)
    assert (await call("GET", "/sensors/a:1", 404))["code"] == "unknown_sensor"
    audit = await call("GET", "/audit")
    assert {entry["action"] for entry in audit["items"]} >= {
        "SensorDeleted",
        "SensorChanged",
        "SensorCreated",
        "RoomCreated",
    }


async def test_what_readings_mean_is_fixed_once_there_are_some(call: Caller) -> None:
    await call.sensor("a")
    await call("PUT", "/sensors/a", json={"unit": "W"})
    row = {"sensor_id": "a", "time": "2026-03-01T00:00:00Z", "value": 1}
    await call("POST", "/data/readings", json={"readings": [row]})
    for change in ({"unit": "kW"}, {"accumulation": "mean"}, {"quantity": "energy", "unit": "kWh"}):
        assert (await call("PUT", "/sensors/a", 409, json=change))["code"] == "sensor_has_readings"
    assert (await call("DELETE", "/sensors/a", 409))["code"] == "sensor_has_readings"
    await call("DELETE", "/sensors/a?purge=true", 204)
    await call.sensor("a")
    assert (await call("GET", "/sensors/a/data"))["items"] == []


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"sensor_id": "a b"}, "/sensor_id", "invalid_id"),
        ({"sensor_id": "get"}, "/sensor_id", "invalid_id"),
        ({"sensor_id": "x" * 129}, "/sensor_id", "invalid_id"),
        ({"unit": "degC"}, "/unit", "unit_mismatch"),
        ({"quantity": "reactive_power", "unit": "W"}, "/unit", "unit_mismatch"),
        ({"unit": "9**9**9"}, "/unit", "unit_mismatch"),
        ({"resolution": "PT0S"}, "/resolution", "invalid_duration"),
        ({"resolution": "P1M"}, "/resolution", "invalid_duration"),
        ({"timezone": "Mars/Base"}, "/timezone", "unknown_timezone"),
        ({"min_value": 2, "max_value": 1}, "/max_value", "invalid_value"),
        ({"rollover_at": 100}, "/rollover_at", "invalid_value"),
        ({"submeter_of": "a"}, "/submeter_of", "invalid_value"),
        ({"labels": {"a:b": "c"}}, "/labels", "invalid_value"),
        ({"colour": "red"}, "/colour", "unknown_field"),
        ({"name": None}, "/name", "wrong_type"),
        ({"quantity": "heat"}, "/quantity", "not_allowed"),
    ],
)
async def test_each_fault_is_named_by_its_place(
    call: Caller, fields: dict[str, object], pointer: str, code: str
) -> None:
    body = {"sensor_id": "a", "name": "a", "quantity": "power", "unit": "kW", **fields}
    problem = await call("POST", "/sensors", 422, json=body)
    assert {"pointer": pointer, "code": code} in [
        {"pointer": one["pointer"], "code": one["code"]} for one in problem["errors"]
    ]


async def test_ids_are_given_once(call: Caller) -> None:
    await call.sensor("a")
    body = {"sensor_id": "a", "name": "a", "quantity": "power", "unit": "kW"}
    assert (await call("POST", "/sensors", 409, json=body))["code"] == "sensor_exists"
    assert (await call("PUT", "/sensors/a", 422, json={"sensor_id": "b"}))["code"] == "immutable"
    assert (await call("PUT", "/sensors/nobody", 404, json={"name": "b"}))["code"] == "unknown_sensor"


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x"])
async def test_limits_of_lists_are_checked(call: Caller, limit: str) -> None:
    for path in ("/sensors/get", "/rooms", "/data/rejected"):
        await call("GET", path, 422, params={"limit": limit})


def described(room: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a job fills in at any time."""
    return {name: value for name, value in room.items() if name != "metrics"}


async def test_a_room_from_its_description_to_its_end(call: Caller) -> None:
    await call.sensor("a", room_name="Lab 1")
    room = {"room_name": "Lab 1", "floor": "1", "comfort": {"temperature_min": 19, "co2_max": 1000}}
    made = await call("POST", "/rooms", 201, json=room)
    assert (await call("POST", "/rooms", 409, json=room))["code"] == "room_exists"
    found = await call("GET", "/rooms/Lab%201")
    assert [sensor["sensor_id"] for sensor in found.pop("sensors")] == ["a"]
    assert described(found) == described(made)
    changed = await call("PUT", "/rooms/Lab%201", json={"capacity": 4})
    assert described(changed) == {**described(made), "capacity": 4}
    assert await call("GET", "/rooms/names") == ["Lab 1"]
    assert [described(one) for one in (await call("GET", "/rooms"))["items"]] == [described(changed)]
    await call("DELETE", "/rooms/Lab%201", 204)
    assert (await call("GET", "/sensors/a"))["room_name"] is None
    assert (await call("GET", "/rooms/Lab%201", 404))["code"] == "unknown_room"
    problem = await call("POST", "/rooms", 422, json={"room_name": "a/b", "area_m2": -1, "capacity": -1})
    assert [one["pointer"] for one in problem["errors"]] == ["/room_name", "/area_m2", "/capacity"]
