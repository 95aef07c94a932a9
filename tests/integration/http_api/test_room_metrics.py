"""The job that works out the metrics of rooms, seen over HTTP and the WebSocket."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import connect

from adapters.websocket.going_away import GoingAwayProtocol
from app.asgi import create_app
from app.container import make_container
from app.settings import Settings
from domain.operations.services.api_keys import ApiKeys
from tests.integration.http_api.conftest import KEY, Caller

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Served:
    """A server whose slots are a second long."""

    address: str
    call: Caller

    async def until(self, path: str, done: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
        async with asyncio.timeout(20):
            while True:
                answer = await self.call("GET", path)
                if done(answer):
                    return answer
                await asyncio.sleep(0.1)

    async def write(self, sensor_id: str, times: list[datetime], value: float) -> None:
        body = {
            "sensor_id": sensor_id,
            "times": [time.isoformat() for time in times],
            "values": [value] * len(times),
        }
        receipt = await self.call("POST", "/data/readings", json=body)
        assert receipt["rejected"] == 0, receipt


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    settings = Settings(database_url=database_url, room_metrics_interval=1.0, rollup_interval=0.5)
    container = make_container(settings)
    await (await container.get(ApiKeys)).bootstrap(KEY)
    await container.close()
    async with _serving(settings) as address:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
            yield Served(address, Caller(client))


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app, ws=GoingAwayProtocol, log_level="warning", log_config=None, timeout_graceful_shutdown=5
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def _lab(served: Served) -> None:
    room = {"room_name": "Lab 1", "area_m2": 50, "capacity": 10, "comfort": {"temperature_max": 22}}
    made = await served.call("POST", "/rooms", 201, json=room)
    assert made["metrics"] is None
    more = {"room_name": "Lab 1", "resolution": "PT1S", "max_gap": "PT10M"}
    await served.call.sensor("lamp", **more)
    await served.call.sensor("air", **more, quantity="temperature", unit="degC")
    await served.call.sensor("co2", **more, quantity="co2", unit="ppm")
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - n * SECOND for n in range(60)]
    for sensor_id, value in (("lamp", 3.6), ("air", 21.0), ("co2", 600.0)):
        await served.write(sensor_id, times, value)


async def test_a_room_answers_with_its_newest_metrics_and_their_history(served: Served) -> None:
    await _lab(served)
    # The job may run before the last sensor has its readings.
    room = await served.until(
        "/rooms/Lab%201", lambda room: room["metrics"] is not None and room["metrics"]["co2"] is not None
    )
    newest = room["metrics"]
    assert datetime.fromisoformat(newest["end"]) - datetime.fromisoformat(newest["time"]) == SECOND
    assert (newest["power_kw"], newest["temperature"], newest["co2"]) == (3.6, 21.0, 600.0)
    assert (newest["comfort"], newest["comfort_share"], newest["humidity"]) == (True, 1.0, None)
    assert newest["occupancy_estimated"] is True
    assert newest["occupancy"] == pytest.approx(144 * 180 / 1e6 / 0.01512)
    assert (newest["stale"], newest["missing_sensors"]) == (False, [])
    assert [one["sensor_id"] for one in room["sensors"]] == ["air", "co2", "lamp"]
    listed = await served.call("GET", "/rooms")
    assert listed["items"][0]["metrics"]["power_kw"] == 3.6
    changed = await served.call("PUT", "/rooms/Lab%201", json={"floor": "2"})
    assert changed["metrics"]["temperature"] == 21.0

    recent = {"start": (datetime.now(UTC) - 90 * SECOND).isoformat(), "limit": 1000}
    whole = await served.call("GET", "/rooms/Lab%201/metrics", params=recent)
    items = whole["items"]
    assert whole["next_cursor"] is None
    assert len(items) > 50
    known = [one for one in items if one["quality"] == "OK"]
    assert len(known) > 50
    assert known[0]["slot_energy_kwh"] == pytest.approx(0.001)
    assert [one["time"] for one in items] == sorted(one["time"] for one in items)
    span = {"start": items[2]["time"], "end": items[7]["time"], "limit": 3}
    page = await served.call("GET", "/rooms/Lab%201/metrics", params=span)
    rest = await served.call("GET", "/rooms/Lab%201/metrics", params={**span, "cursor": page["next_cursor"]})
    assert [one["time"] for one in (*page["items"], *rest["items"])] == [one["time"] for one in items[2:7]]
    assert rest["next_cursor"] is None

    await served.call("DELETE", "/rooms/Lab%201", 204)
    assert (await served.call("GET", "/rooms/Lab%201/metrics", 404))["code"] == "unknown_room"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}, "end_before_start"),
        ({"start": "2026-03-02T00:00:00"}, "naive_timestamp"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "9" * 40}, "invalid_cursor"),
        ({"limit": "0"}, "out_of_range"),
    ],
)
async def test_faults_have_their_place(call: Caller, query: dict[str, str], code: str) -> None:
    await call("POST", "/rooms", 201, json={"room_name": "Lab"})
    problem = await call("GET", "/rooms/Lab/metrics", 422, params=query)
    assert problem["code"] == code or problem["errors"][0]["code"] == code
    assert problem["errors"][0]["pointer"].startswith("/query/")


async def test_an_empty_history_is_empty(call: Caller) -> None:
    await call("POST", "/rooms", 201, json={"room_name": "Lab"})
    for query in (
        {},
        {"end": "0001-01-01T10:00:00Z"},
        {"start": "9999-12-31T23:00:00Z", "end": "9999-12-31T23:59:59Z"},
    ):
        assert await call("GET", "/rooms/Lab/metrics", params=query) == {"items": [], "next_cursor": None}
    assert (await call("GET", "/rooms/Lab"))["metrics"] is None


async def test_late_readings_are_announced_as_corrections(served: Served) -> None:
    await _lab(served)
    await served.until("/rooms/Lab%201", lambda room: room["metrics"] is not None)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with connect(f"ws://{served.address}/ws", additional_headers=headers) as connection:
        subscribe = {"type": "subscribe", "id": 1, "topics": ["energy_data"], "room_names": ["Lab 1"]}
        await connection.send(json.dumps(subscribe))
        late = datetime.now(UTC).replace(microsecond=500_000) - 20 * SECOND
        await served.write("lamp", [late], 100.0)
        rooms = (await _correction(connection, "rooms"))["rooms"]
        assert {one["room_name"] for one in rooms} == {"Lab 1"}
        assert any(one["start"] <= late.isoformat() < one["end"] for one in rooms)
        old = datetime.now(UTC) - timedelta(hours=3)
        await served.write("lamp", [old], 5.0)
        (sensor,) = (await _correction(connection, "sensors"))["sensors"]
    assert set(sensor) == {"sensor_id", "start", "end"}
    assert sensor["sensor_id"] == "lamp"
    assert sensor["start"] <= old.isoformat() < sensor["end"]
    start = late.replace(microsecond=0)
    asked = urlencode({"start": start.isoformat(), "end": (start + SECOND).isoformat()})
    # The peak fills the slot: from 3.6 to 100 kW and back. (What was heard may be of an earlier reading.)
    peak = pytest.approx((3.6 + 100) / 2)
    await served.until(
        f"/rooms/Lab%201/metrics?{asked}", lambda found: [one["power_kw"] for one in found["items"]] == [peak]
    )


async def _correction(connection: Any, kind: str) -> Any:  # noqa: ANN401 - JSON
    async with asyncio.timeout(20):
        while True:
            message = json.loads(await connection.recv())
            data = message.get("data", {})
            if data.get("type") == "correction" and kind in data:
                return data
