import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.simulator.building import Building
from adapters.simulator.configuration import configuration
from adapters.simulator.devices import devices_of
from adapters.simulator.history import SimulatedSeries, history

DEVICES = devices_of(Building())
START = datetime(2026, 11, 18, tzinfo=UTC)


def iots() -> list[dict[str, Any]]:
    document: Any = configuration("http://127.0.0.1:4711", DEVICES)
    assert json.loads(json.dumps(document)) == document
    assert document["resources"]["monitoring_period"] == 5
    devices: list[dict[str, Any]] = document["resources"]["iots"]
    return devices


def sensor_ids() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for device in iots():
        for value in device["values"]:
            if value["data"] != "STRING":
                sensor = value.get("sensor_id", f"{device['name']}.{value['type']}".replace(" ", "_"))
                assert sensor not in found
                found[sensor] = value
    return found


@pytest.fixture(scope="module", name="series")
def a_day_of_series() -> dict[str, SimulatedSeries]:
    day = history(DEVICES, START, START + timedelta(days=1), timedelta(minutes=5))
    return {series.sensor_id: series for series in day}


def test_the_plain_shape_is_the_one_in_use() -> None:
    assert next(device for device in iots() if device["name"] == "AC1") == {
        "name": "AC1",
        "type": "hvac",
        "uri": "http://127.0.0.1:4711/ac1/api/realtime/AC1",
        "room": "Office North",
        "timeout": 2,
        "max_gap": 900,
        "store": {"period": 5, "type": "raw"},
        "values": [
            {
                "type": "power",
                "tag": "power",
                "data": "DOUBLE",
                "unit": "W",
                "submeter_of": "grid-meter.power",
            },
            {"type": "mode", "tag": "mode", "data": "STRING"},
        ],
        "control": {
            "demandresponse": True,
            "http": {
                command: {
                    "method": "POST",
                    "url": f"http://127.0.0.1:4711/ac1/control/{command}",
                    "body": {
                        "event_id": "{event_id}",
                        "reduction_kw": "{reduction_kw}",
                        "target_kw": "{target_kw}",
                    },
                    "timeout": 2,
                }
                for command in ("reduce", "restore")
            },
        },
    }


def test_names_and_paths_are_unique() -> None:
    devices = iots()
    assert len(devices) == 26
    assert len({device["name"] for device in devices}) == len(devices)
    assert len({device["uri"] for device in devices}) == len(devices)
    assert len({device.get("room") for device in devices} - {None}) == 9


def test_two_values_of_a_type_on_a_device_have_their_own_sensor_ids() -> None:
    for device in iots():
        types = [value["type"] for value in device["values"] if "sensor_id" not in value]
        assert len(types) == len(set(types)), device["name"]


def test_submeters_name_a_sensor_of_the_same_quantity() -> None:
    sensors = sensor_ids()
    for value in sensors.values():
        parent = value.get("submeter_of")
        assert parent is None or sensors[parent]["type"] == value["type"]


def test_every_register_says_so() -> None:
    for value in sensor_ids().values():
        assert (value.get("accumulation") == "cumulative") == (value["type"] == "energy")


def test_history_has_exactly_the_numeric_sensors_in_the_units_of_the_configuration(
    series: dict[str, SimulatedSeries],
) -> None:
    assert {name: one.unit for name, one in series.items()} == {
        name: value.get("unit") for name, value in sensor_ids().items()
    }


def test_history_is_half_open_and_leaves_out_what_is_missing(series: dict[str, SimulatedSeries]) -> None:
    grid, pv = series["grid-meter.power"], series["roof-pv.power"]
    assert len(grid.times) == len(grid.values) == 288
    assert grid.times[0] == START.timestamp() * 1_000_000
    assert 100 < len(pv.times) == len(pv.values) < 130


def test_history_stands_at_whole_steps() -> None:
    odd = START + timedelta(minutes=2, seconds=1)
    grid = next(history(DEVICES, odd, odd + timedelta(minutes=10), timedelta(minutes=5)))
    assert [time - START.timestamp() * 1_000_000 for time in grid.times] == [300e6, 600e6]


def test_generation_is_negative_and_its_register_grows(series: dict[str, SimulatedSeries]) -> None:
    assert max(series["roof-pv.power"].values) < 0
    assert series["roof-pv.energy"].values[-1] > series["roof-pv.energy"].values[0]
    assert min(series["battery.power"].values) < -1000 < 1000 < max(series["battery.power"].values)


def test_the_trapezoids_of_history_and_its_registers_tell_the_same_energy(
    series: dict[str, SimulatedSeries],
) -> None:
    for device, factor in (("EV1", 1.0), ("lab-freezer", 1.0), ("server-room.racks", 0.001)):
        powers, register = series[f"{device}.power"].values, series[f"{device}.energy"].values
        trapezoids = (sum(powers) - (powers[0] + powers[-1]) / 2) / 12 / 1000
        assert (register[-1] - register[0]) * factor == pytest.approx(trapezoids, abs=0.002)
