"""The devices on real sockets, read as a poller reads them: by URI and tag alone."""

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.simulator.server import SimulatedBuilding

NOON = datetime(2026, 11, 18, 12, 2, 37, 250000, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
TIMES = (
    NOON,
    datetime(2026, 11, 18, 12, 5, tzinfo=UTC),
    datetime(2026, 11, 22, 3, 33, 3, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, 5, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, 55, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 7, 1, 23, 0, tzinfo=UTC),
)


class SetClock:
    def __init__(self, time: datetime = NOON) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time


def walk(answer: object, tag: str) -> object:
    place: Any = answer
    for segment in tag.split("."):
        place = place[int(segment)] if isinstance(place, list) else place[segment]
    found: object = place
    return found


def iots(building: SimulatedBuilding) -> list[dict[str, Any]]:
    document: Any = building.configuration()
    devices: list[dict[str, Any]] = document["resources"]["iots"]
    return devices


async def poll(building: SimulatedBuilding) -> dict[str, float]:
    """Give the readings of all devices by sensor, a value that is null left out."""
    readings: dict[str, float] = {}
    async with httpx.AsyncClient() as client:
        for device in iots(building):
            response = await client.get(device["uri"], headers=device.get("headers"))
            answer = response.raise_for_status().json()
            for value in device["values"]:
                raw: Any = walk(answer, value["tag"])
                if raw is not None and value["data"] != "STRING":
                    name = value.get("sensor_id", f"{device['name']}.{value['type']}".replace(" ", "_"))
                    readings[name] = float(raw) * value.get("scale", 1)
    return readings


async def test_polling_and_history_agree() -> None:
    clock = SetClock()
    async with SimulatedBuilding(clock, fault_rate=0) as building:
        for time in TIMES:
            clock.time = time
            series = list(building.history(time, time + MICROSECOND, MICROSECOND))
            assert len(series) == 73
            expected = {one.sensor_id: one.values[0] for one in series if one.values}
            assert await poll(building) == expected, time


async def answer(name: str, time: datetime = NOON) -> Any:  # noqa: ANN401
    async with SimulatedBuilding(SetClock(time), fault_rate=0) as building, httpx.AsyncClient() as client:
        uri = next(device["uri"] for device in iots(building) if device["name"] == name)
        response = await client.get(uri)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return response.json()


async def test_fronius() -> None:
    site = (await answer("roof-pv"))["Body"]["Data"]["Site"]
    assert site["P_PV"] > 500
    assert site["P_Load"] == pytest.approx(-(site["P_PV"] + site["P_Grid"]), abs=0.02)
    assert 0 < site["E_Day"] < site["E_Year"] < site["E_Total"]


async def test_fronius_at_night_has_no_power_rather_than_zero() -> None:
    data = (await answer("roof-pv", TIMES[2]))["Body"]["Data"]
    assert data["Site"]["P_PV"] is None
    assert data["Site"]["rel_SelfConsumption"] is None
    assert data["Inverters"]["1"]["P"] == 0
    assert data["Site"]["E_Total"] > 1_000_000


async def test_shelly_of_the_first_generation() -> None:
    emeters = (await answer("server-room-em"))["emeters"]
    assert [emeter["is_valid"] for emeter in emeters] == [True, True]
    assert emeters[0]["power"] > 3000


async def test_shelly_of_the_later_generations() -> None:
    strip = await answer("rack-strip")
    assert strip["switch:0"]["apower"] == pytest.approx(620, rel=0.2)
    # 620 W are some 10 Wh a minute, told in mWh.
    assert strip["switch:0"]["aenergy"]["by_minute"] == [pytest.approx(10300, rel=0.2)] * 3
    assert strip["sys"]["utc_offset"] == 0


async def test_tasmota_energy() -> None:
    energy = (await answer("Water heater"))["StatusSNS"]["ENERGY"]
    assert isinstance(energy["Power"], int)
    assert 0 < energy["Today"] < energy["Total"]
    assert energy["Yesterday"] > 0


async def test_tasmota_climate_sends_numbers_as_text() -> None:
    status = (await answer("server-room-climate"))["StatusSNS"]
    assert float(status["DHT"]["Temperature"]) == pytest.approx(23.5, abs=1)
    assert isinstance(status["DHT"]["Humidity"], str)
    assert status["Time"] == "2026-11-18T12:02:37"


async def test_homewizard_is_negative_while_it_feeds_back() -> None:
    charging, feeding = await answer("battery"), await answer("battery", NOON.replace(hour=19, minute=30))
    assert charging["active_power_w"] > 1000
    assert feeding["active_power_w"] < -1000
    assert feeding["total_power_export_t1_kwh"] > charging["total_power_export_t1_kwh"]


async def test_the_plain_shape() -> None:
    assert (await answer("AC1"))["mode"] == "heat"
    assert set(await answer("EV1")) == {"power", "energy"}
    meeting = await answer("meeting-room-climate")
    assert set(meeting) == {"temperature", "humidity", "co2", "people"}
    assert isinstance(meeting["people"], int)
    assert (await answer("cafeteria-climate"))["occupied"] is True


async def test_other_paths_and_methods_are_refused() -> None:
    async with SimulatedBuilding(SetClock(), fault_rate=0) as building, httpx.AsyncClient() as client:
        base = building.base_url
        paths = ("/", "/nobody/status", "/ac1", "/ac1/api/realtime/AC2", "/lab-bench/cm?cmnd=Status%2010")
        statuses = [(await client.get(base + path)).status_code for path in paths]
        posted = await client.post(base + "/ac1/api/realtime/AC1")
    assert statuses == [404] * 5
    assert posted.status_code == 405


async def test_the_address_lasts_as_long_as_the_context_and_signals_are_left_alone() -> None:
    building = SimulatedBuilding(SetClock())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RuntimeError, match="no address"):
        building.configuration()
    async with building:
        first = building.base_url
        assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(RuntimeError, match="no address"):
        _ = building.base_url
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(first)


async def test_a_building_can_be_opened_again() -> None:
    building = SimulatedBuilding(SetClock(), fault_rate=0)
    async with building:
        first = await poll(building)
    async with building:
        assert await poll(building) == first
