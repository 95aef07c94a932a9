"""``/api/v1/ingestion/devices`` of the whole application, over memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from dishka import AsyncContainer, Provider, Scope, provide

from adapters.memory.database import MemoryDatabase
from adapters.memory.ingestion import (
    MemoryDeviceReader,
    MemoryIngestionUnitOfWork,
    MemoryIotConfigurationSource,
    MemoryReadingSink,
)
from app.asgi import create_app
from app.settings import read_settings
from domain.ingestion.errors import DeviceReadError
from domain.ingestion.iot_parsing import parse_iot_configuration
from domain.ingestion.model import DeviceId
from domain.ingestion.ports import DeviceReader, IngestionUnitOfWork, IotConfigurationSource, ReadingSink
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.saving import SavePolls
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from domain.shared.ports import Clock
from tests.memory_provider import MemoryProvider

DEVICES = "/api/v1/ingestion/devices"
DOCUMENT = {
    "resources": {
        "monitoring_period": 5,
        "iots": [
            {
                "name": "AC1",
                "type": "hvac",
                "uri": "http://192.0.2.7/api",
                "room": "Office",
                "control": {"demandresponse": True},
                "values": [
                    {"type": "power", "tag": "power"},
                    {"type": "mode", "tag": "mode", "data": "STRING"},
                    {"type": "co2", "tag": "co2", "store": {"type": "avg", "period": 60}},
                ],
            },
            *(
                {
                    "name": f"Dead {number}",
                    "uri": "http://192.0.2.8/",
                    "values": [{"type": "power", "tag": "p"}],
                }
                for number in range(3)
            ),
        ],
    }
}


class DevicesProvider(Provider):
    """Ingestion over memory."""

    scope = Scope.APP

    def __init__(self) -> None:
        super().__init__()
        self.reader = MemoryDeviceReader()
        self.sink = MemoryReadingSink()
        self.source = MemoryIotConfigurationSource(parse_iot_configuration(DOCUMENT))

    @provide(override=True)
    def uow(self, database: MemoryDatabase, clock: Clock) -> IngestionUnitOfWork:
        return MemoryIngestionUnitOfWork(database, clock)

    @provide(override=True)
    def devices(self) -> DeviceReader:
        return self.reader

    @provide(override=True)
    def readings(self) -> ReadingSink:
        return self.sink

    @provide(override=True)
    def configuration(self) -> IotConfigurationSource:
        return self.source


@dataclass(frozen=True, slots=True)
class Api:
    client: httpx.AsyncClient
    container: AsyncContainer
    devices: DevicesProvider

    async def headers(self, role: Role) -> dict[str, str]:
        api_keys: ApiKeys = await self.container.get(ApiKeys)
        _, secret = await api_keys.create(role.value, role, actor=SYSTEM)
        return {"Authorization": f"Bearer {secret}"}

    async def poll_everything(self) -> None:
        fleet: Fleet = await self.container.get(Fleet)
        poll: PollDevice = await self.container.get(PollDevice)
        save: SavePolls = await self.container.get(SavePolls)
        await fleet.renew()
        for held in fleet:
            await poll(held)
        await save()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    devices = DevicesProvider()
    app = create_app(read_settings({}, None), MemoryProvider(), devices, background=())
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's are narrower
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client, app.state.dishka_container, devices)


async def test_devices_are_listed(api: Api) -> None:
    viewer = await api.headers(Role.VIEWER)
    answer = await api.client.get(DEVICES, headers=viewer, params={"limit": 2, "offset": 1})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["total"], body["limit"], body["offset"]) == (4, 2, 1)
    assert [item["device_id"] for item in body["items"]] == ["Dead_0", "Dead_1"]
    unknown = body["items"][0]
    assert unknown["status"] == "unknown"
    assert unknown["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert unknown["last_seen"] is unknown["last_error"] is unknown["success_rate"] is None
    assert (await api.client.get(DEVICES, headers=viewer, params={"limit": 0})).status_code == 422


async def test_a_device_shows_how_it_fares(api: Api) -> None:
    viewer = await api.headers(Role.VIEWER)
    api.devices.reader.answers("AC1", {"power": 4, "mode": "auto", "co2": None})
    await api.poll_everything()
    device = (await api.client.get(f"{DEVICES}/AC1", headers=viewer)).json()
    assert (device["status"], device["name"], device["room_name"]) == ("online", "AC1", "Office")
    assert device["last_seen"] == "2026-03-02T12:00:00+00:00"
    assert (device["polls"], device["successes"], device["failures"], device["success_rate"]) == (
        1,
        1,
        0,
        1.0,
    )
    assert device["latency_ms"] == {"p50": 1.0, "p95": 1.0, "p99": 1.0}
    assert device["readings_stored"] == 1
    assert device["demand_response"] is True
    assert [(one["tag"], one["value"], one["unit"]) for one in device["values"]] == [
        ("power", 4.0, "W"),
        ("mode", "auto", None),
        ("co2", None, "ppm"),
    ]
    dead = (await api.client.get(f"{DEVICES}/Dead_0", headers=viewer)).json()
    assert (dead["status"], dead["consecutive_failures"]) == ("degraded", 1)
    assert dead["last_error"]["code"] == "connection_refused"
    some = await api.client.get(DEVICES, headers=viewer, params={"status": "degraded"})
    assert some.json()["total"] == 3
    assert (await api.client.get(DEVICES, headers=viewer, params={"status": "ill"})).status_code == 422


async def test_a_poll_now_gives_the_values_or_the_error(api: Api) -> None:
    operator = await api.headers(Role.OPERATOR)
    api.devices.reader.answers(
        "AC1", {"power": "x", "mode": "auto", "co2": 600}, DeviceReadError("timeout", "slow")
    )
    first = await api.client.post(f"{DEVICES}/AC1/poll", headers=operator)
    assert first.status_code == 200, first.text
    body = first.json()
    assert (body["device_id"], body["error"]) == ("AC1", None)
    power, mode, co2 = body["values"]
    assert (power["value"], power["error"]["code"], power["stored"]) == (None, "not_a_number", False)
    assert (mode["value"], mode["sensor_id"]) == ("auto", None)
    assert (co2["sensor_id"], co2["value"], co2["unit"], co2["stored"]) == ("AC1.co2", 600.0, "ppm", False)
    second = (await api.client.post(f"{DEVICES}/AC1/poll", headers=operator)).json()
    assert (second["error"], second["values"]) == ({"code": "timeout", "detail": "slow"}, [])


async def test_who_may_and_what_is_not_there(api: Api) -> None:
    viewer = await api.headers(Role.VIEWER)
    assert (await api.client.get(DEVICES)).status_code == 401
    assert (await api.client.post(f"{DEVICES}/AC1/poll", headers=viewer)).status_code == 403
    for hostile in ("nobody", "%00", "a%2Fb", "x" * 5000, "%F0%9F%92%A9"):
        missing = await api.client.get(f"{DEVICES}/{hostile}", headers=viewer)
        assert missing.status_code == 404, hostile
    assert (await api.client.get(f"{DEVICES}/nobody", headers=viewer)).json()["code"] == "unknown_device"
    assert DeviceId("nobody") not in api.devices.source.configuration.devices
