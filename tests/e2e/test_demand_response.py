"""A whole run over real HTTP and PostgreSQL, in which a device cannot be told and a worker is killed."""

import asyncio
import csv
import io
import json
import queue
import re
import signal
import subprocess
import threading
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from adapters.simulator.server import SimulatedBuilding
from app.container import make_container
from app.demo import submissions
from app.settings import read_settings
from domain.sensors.model import SensorDefinition, SensorId, Source
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.events import SYSTEM
from domain.shared.quantities import Quantity
from tests.e2e.programs import PROGRAM, environment

KEY = "operator-of-the-whole-run"
STARTED_SECONDS = 90.0
URL = re.compile(r"Energy Dashboard serves (http://\S+)")
DEVICES = ("Ventilation", "Cold-room", "rack-strip")
API = "/api/v1/demand-response"
EVENT = timedelta(seconds=150)


class Service:
    """One process of the service."""

    def __init__(self, role: str, folder: Path, database_url: str, iots: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            [*PROGRAM, "serve", "--port", "0", "--role", role, "--iots-config", str(iots)],
            cwd=folder,
            env=environment(DATABASE_URL=database_url, DATA_DIR=str(folder / role), BOOTSTRAP_ADMIN_KEY=KEY),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        urls: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, args=[urls], daemon=True)
        self._reader.start()
        try:
            self.url = urls.get(timeout=STARTED_SECONDS)
        except queue.Empty:
            raise AssertionError("".join(self.said)) from None

    def _read(self, urls: "queue.SimpleQueue[str]") -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if found := URL.search(line):
                urls.put(found[1])

    def end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(30)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def service(role: str, folder: Path, database_url: str, iots: Path) -> Iterator[Service]:
    one = Service(role, folder, database_url, iots)
    try:
        yield one
    finally:
        one.end(signal.SIGTERM)
        assert KEY not in "".join(one.said)


@asynccontextmanager
async def refusing() -> AsyncIterator[tuple[str, list[str]]]:
    """A device whose control is broken; the keys under which it was told are kept."""
    keys: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        keys.extend(re.findall(r"(?i)idempotency-key: (\S+)", head))
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/control", keys


async def until(what: Callable[[], Awaitable[object]], seconds: float) -> Any:  # noqa: ANN401
    async with asyncio.timeout(seconds):
        while not (found := await what()):  # noqa: ASYNC110 - the service knows nothing of the test
            await asyncio.sleep(0.2)
    return found


async def write_history(building: SimulatedBuilding, database_url: str) -> None:
    """Write what was measured in the 28 days before, for the sensors of the devices."""
    container = make_container(read_settings({"DATABASE_URL": database_url}, None))
    sensors: Sensors = await container.get(Sensors)
    readings: WriteReadings = await container.get(WriteReadings)
    now = datetime.now(UTC)
    for one in building.history(now - timedelta(days=28), now, timedelta(minutes=5)):
        if one.sensor_id in {"Ventilation.power", "Cold-room.power", "rack-strip.storage.power"}:
            definition = SensorDefinition(
                sensor_id=SensorId(one.sensor_id),
                name=one.sensor_id,
                quantity=Quantity.POWER,
                unit="W",
                resolution=timedelta(seconds=1),
                max_gap=timedelta(minutes=15),
            )
            await sensors.create(definition, SYSTEM)
            assert isinstance(one.times, array)
            for submission in submissions([one]):
                await readings.write(submission, Source("history"))
    await container.close()


def configuration(building: SimulatedBuilding) -> str:
    document: Any = building.configuration()
    devices = [one for one in document["resources"]["iots"] if one["name"] in DEVICES]
    for one in devices:
        one["store"] = {"period": 1, "type": "raw"}
    return json.dumps({"resources": {"monitoring_period": 1, "iots": devices}})


class Site:
    """What a person does with the API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str) -> Any:  # noqa: ANN401
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def power_kw(self, sensor: str) -> float:
        found = await self.get(f"/api/v1/sensors/{sensor}")
        return float(found["latest"]["value"])

    async def describe(self, device: str, sensor: str, **more: object) -> None:
        body = {"power_sensor_id": sensor, **more}
        answer = await self.client.put(f"{API}/devices/{device}", json=body)
        assert answer.status_code in {200, 201}, answer.text

    async def commands(self, event: str, device: str, kind: str) -> list[dict[str, Any]]:
        found = await self.get(f"{API}/events/{event}")
        return [one for one in found["commands"] if (one["device_id"], one["kind"]) == (device, kind)]

    async def is_told(self, event: str, device: str, kind: str, status: str = "delivered") -> bool:
        return [one["status"] for one in await self.commands(event, device, kind)] == [status]


async def frames(url: str, event_seen: list[dict[str, Any]]) -> None:
    address = url.replace("http", "ws") + "/ws"
    async with connect(address, additional_headers={"Authorization": f"Bearer {KEY}"}) as socket:
        await socket.send(json.dumps({"type": "subscribe", "id": 1, "topics": ["dr_events"]}))
        async for message in socket:
            frame = json.loads(message)
            if frame["type"] == "event":
                event_seen.append(frame["data"])


@pytest.mark.long
@pytest.mark.usefixtures("database_url")
async def test_a_whole_run(database_url: str, tmp_path: Path) -> None:
    iots = tmp_path / "iots.json"
    building = SimulatedBuilding(lambda: datetime.now(UTC), fault_rate=0)
    async with building, refusing() as (broken_url, keys):
        iots.write_text(configuration(building), encoding="utf-8")
        await write_history(building, database_url)
        with (
            service("worker", tmp_path, database_url, iots) as first,
            service("api", tmp_path, database_url, iots) as api,
            service("worker", tmp_path, database_url, iots) as second,
        ):
            client = httpx.AsyncClient(
                base_url=api.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30
            )
            seen: list[dict[str, Any]] = []
            listening = asyncio.create_task(frames(api.url, seen))
            async with client:
                await run(Site(client), building, broken_url, keys, first)
                await until(lambda: steps_of(seen, "restore"), 60)
            listening.cancel()
            told = [(one["type"], one["status"]) for one in seen]
            assert ("event_status", "active") in told
            assert ("event_status", "completed") in told
            assert ("command", "failed") in told
            assert ("command", "delivered") in told
            assert ("command", "followed") in told
            assert {one["type"] for one in seen} <= {
                "event_status",
                "invitation",
                "command",
                "flexibility",
            }
            assert "Traceback" not in "".join([*second.said, *api.said])


async def steps_of(seen: list[dict[str, Any]], kind: str) -> bool:
    return any(one.get("kind") == kind and one["status"] == "delivered" for one in seen)


async def run(
    site: Site, building: SimulatedBuilding, broken_url: str, keys: list[str], worker: Service
) -> None:
    # Polled devices take part by themselves; what they can do is said here.
    await until(lambda: has_devices(site, {"Ventilation", "Cold-room"}), 90)
    request = {"method": "POST", "url": broken_url, "body": {"kw": "{reduction_kw}"}}
    control = {"kind": "http", "reduce": request, "restore": request}
    await site.describe("broken", "rack-strip.storage.power", priority=0, control=control)
    await site.describe("Ventilation", "Ventilation.power", priority=1, ramp_seconds=15, min_power_kw=0.2)
    await site.describe("Cold-room", "Cold-room.power", priority=2, ramp_seconds=10, min_power_kw=0.2)
    await until(lambda: can_shed(site), 90)
    asked = {"target_kw": 0.4, "duration": f"PT{EVENT.seconds}S"}

    planned = (await site.client.post(f"{API}/load-reduction", json={**asked, "dry_run": True})).json()
    assert [one["device_id"] for one in planned["devices"]] == ["broken"]
    assert planned["event_id"] is None
    before = await site.power_kw("Ventilation.power")
    answer = await site.client.post(f"{API}/load-reduction", json=asked)
    assert answer.status_code == 201, answer.text
    event = answer.json()["event_id"]
    began = time.monotonic()

    # It is told again and again under one key, then given up, and the next one steps in.
    await until(lambda: site.is_told(event, "broken", "reduce", "failed"), 90)
    (failed,) = await site.commands(event, "broken", "reduce")
    assert (failed["attempts"], failed["code"]) == (5, "http_503")
    assert keys.count(failed["command_id"]) == 5
    await until(lambda: site.is_told(event, "Ventilation", "reduce"), 45)
    (replacing,) = await site.commands(event, "Ventilation", "reduce")
    assert replacing["reason"] == "replacement"
    assert replacing["reduction_kw"] == pytest.approx(0.4)

    # The first worker has moved the event on up to here; the second one goes on.
    worker.end(signal.SIGKILL)
    await until(lambda: has_fallen(site, before - 0.3), 90)
    await until(lambda: follows(site, event), 90)
    assert await site.commands(event, "Cold-room", "reduce") == []
    left = EVENT.total_seconds() - (time.monotonic() - began)
    await until(lambda: site.is_told(event, "Ventilation", "restore"), left + 90)
    (restored,) = await site.commands(event, "Ventilation", "restore")
    ended = await site.get(f"{API}/events/{event}")
    assert ended["status"] == "completed"
    late = datetime.fromisoformat(restored["time"]) - datetime.fromisoformat(ended["end"])
    assert timedelta() <= late < timedelta(seconds=5)
    ventilation = [one for one in building.orders() if one.device == "ventilation"]
    assert [one.watts is None for one in ventilation] == [False, True]

    report = await until(lambda: measured(site, event), 90)
    (device,) = report["devices"]
    assert device["device_id"] == "Ventilation"
    assert device["performance"] == pytest.approx(1, abs=0.6)
    assert report["reduction_kw"] > 0.1
    table = await site.client.get(
        f"{API}/events/{event}/performance", params={"format": "csv"}, headers={"Accept": "text/csv"}
    )
    assert len(list(csv.reader(io.StringIO(table.text)))) > 1


async def has_devices(site: Site, wanted: set[str]) -> bool:
    found = await site.get(f"{API}/devices")
    return wanted <= {one["device_id"] for one in found["items"]}


async def can_shed(site: Site) -> bool:
    found = await site.get(f"{API}/flexibility")
    return all(one["now_kw"] > 0.4 for one in found["items"])


async def has_fallen(site: Site, below: float) -> bool:
    return await site.power_kw("Ventilation.power") < below


async def follows(site: Site, event: str) -> bool:
    found = await site.get(f"{API}/events/{event}")
    return any((one["device_id"], one["following"]) == ("Ventilation", "yes") for one in found["assignments"])


async def measured(site: Site, event: str) -> Any:  # noqa: ANN401
    report = await site.get(f"{API}/events/{event}/performance")
    return report if report["status"] == "OK" else None
