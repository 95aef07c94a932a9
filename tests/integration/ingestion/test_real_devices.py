"""What real devices answer, read by the real poller from a real socket."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.memory.surroundings import MemoryClock
from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from adapters.pollers.http_device import HttpDeviceReader
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.model import PolledValue
from domain.ingestion.value_reading import read_answer
from tests.integration.ingestion.servers import DATA, device_server

VALUES: dict[str, list[tuple[dict[str, Any], object]]] = {
    "fronius_symo_powerflow_day": [
        ({"type": "power", "tag": "Body.Data.Site.P_PV"}, 1111.0),
        ({"type": "power", "tag": "Body.Data.Inverters.1.P", "sensor_id": "inverter.power"}, 1111.0),
        ({"type": "power", "tag": "Body.Data.Site.P_Load", "scale": -1, "sensor_id": "load"}, 2814.74),
        ({"type": "power", "tag": "Body.Data.Site.P_Akku", "sensor_id": "battery"}, None),
        ({"type": "energy", "tag": "Body.Data.Site.E_Total", "unit": "Wh"}, 44188000.0),
        ({"type": "mode", "tag": "Body.Data.Site.Mode", "data": "STRING"}, "meter"),
        ({"type": "other", "tag": "Body.Data.Version", "data": "INTEGER", "sensor_id": "v"}, 12.0),
    ],
    "fronius_symo_powerflow_night": [
        ({"type": "power", "tag": "Body.Data.Site.P_PV"}, None),
        ({"type": "power", "tag": "Body.Data.Site.P_Grid", "sensor_id": "grid"}, 975.31),
    ],
    "homewizard_kwh_meter": [
        ({"type": "power", "tag": "active_power_w"}, -1058.296),
        ({"type": "energy", "tag": "total_power_import_t1_kwh"}, 2.705),
        (
            {"type": "energy", "tag": "total_power_export_t1_kwh", "direction": "export", "sensor_id": "e"},
            255.551,
        ),
        ({"type": "frequency", "tag": "active_frequency_hz"}, 50.0),
    ],
    "homewizard_socket": [
        ({"type": "power", "tag": "active_power_w"}, 543.312),
        ({"type": "power_factor", "tag": "active_power_factor"}, 0.81688),
    ],
    "shelly_power_strip_gen4_status": [
        ({"type": "power", "tag": "switch:3.apower"}, 15.4),
        ({"type": "other", "tag": "switch:2.output", "data": "BOOLEAN"}, 0.0),
        ({"type": "energy", "tag": "switch:3.aenergy.by_minute.2", "unit": "Wh"}, 271.243),
        ({"type": "address", "tag": "wifi.sta_ip6.0", "data": "STRING"}, "fe80::7e2c:aabb:ccdd:eeff"),
    ],
    "shelly_em_gen1_status": [
        ({"type": "power", "tag": "emeters.0.power"}, 8.52),
        ({"type": "power", "tag": "emeters.1.power", "sensor_id": "second"}, 31.39),
        ({"type": "other", "tag": "emeters.1.is_valid", "data": "BOOLEAN"}, 1.0),
    ],
    "tasmota_status8_energy": [
        ({"type": "power", "tag": "StatusSNS.ENERGY.Power"}, 26.0),
        ({"type": "energy", "tag": "StatusSNS.ENERGY.Total"}, 0.003),
    ],
    "tasmota_status10_dht22": [
        ({"type": "temperature", "tag": "StatusSNS.DHT.Temperature"}, 21.8),
        ({"type": "humidity", "tag": "StatusSNS.DHT.Humidity", "data": "DOUBLE"}, 48.0),
    ],
}


def test_every_file_is_tried() -> None:
    assert {path.stem for path in DATA.glob("*.json")} == set(VALUES)


async def read(name: str, values: Sequence[dict[str, Any]], **fields: object) -> tuple[PolledValue, ...]:
    async with device_server() as server:
        uri = server.answer("/api", (DATA / f"{name}.json").read_bytes())
        entry = {"name": name, "uri": uri, "values": values, **fields}
        (device,) = parse_iot_configuration({"resources": {"iots": [entry]}}).devices.values()
        client = GuardedHttpClient(HostGuard(), {})
        answer = await HttpDeviceReader(client).read(device)
        await client.close()
        return read_answer(device, answer.document, MemoryClock().now()).values


@pytest.mark.parametrize("name", VALUES)
async def test_real_answers_are_read(name: str) -> None:
    found = await read(name, [value for value, _ in VALUES[name]])
    assert [one.value for one in found] == [expected for _, expected in VALUES[name]]
    assert all(one.fault is None for one in found)


async def test_the_inverters_own_time_counts() -> None:
    (value,) = await read(
        "fronius_symo_powerflow_day",
        [{"type": "power", "tag": "Body.Data.Site.P_PV"}],
        timestamp_tag="Head.Timestamp",
    )
    assert value.time is not None
    assert value.time.isoformat() == "2021-10-07T08:00:43+00:00"


async def test_a_strips_epoch_seconds_count() -> None:
    (value,) = await read(
        "shelly_power_strip_gen4_status",
        [{"type": "power", "tag": "switch:0.apower"}],
        timestamp_tag="sys.unixtime",
    )
    assert value.time is not None
    assert value.time.timestamp() == 1762082665


async def test_a_plugs_local_time_is_refused_with_the_reason() -> None:
    (value,) = await read(
        "tasmota_status8_energy",
        [{"type": "power", "tag": "StatusSNS.ENERGY.Power"}],
        timestamp_tag="StatusSNS.Time",
    )
    assert value.fault is not None
    assert value.fault.code == "naive_timestamp"
    assert "timestamp_tag" in value.fault.detail


async def test_shared_copies_are_the_same() -> None:
    shared = DATA.parents[3] / "shared" / "data" / "devices"
    if not shared.is_dir():
        pytest.skip("the shared folder is absent")
    for path in DATA.glob("*.json"):
        assert json.loads(path.read_text()) == json.loads((shared / path.name).read_text())
