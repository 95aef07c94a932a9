"""Two processes on one database: what one stores or revokes, the sockets of both hear."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import httpx
import uvicorn
from dishka import AsyncContainer
from websockets.asyncio.client import connect

from adapters.websocket.going_away import GoingAwayProtocol
from app.asgi import create_app
from app.background import catalog, events, sockets
from app.settings import read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.integration.websocket.world import Client


@asynccontextmanager
async def _process(database_url: str) -> AsyncIterator[tuple[str, AsyncContainer]]:
    settings = read_settings({"DATABASE_URL": database_url}, None)
    app = create_app(settings, background=(events, catalog, sockets))
    listener = socket.create_server(("127.0.0.1", 0))
    configuration = uvicorn.Config(app, ws=GoingAwayProtocol, log_level="warning", log_config=None)
    server = uvicorn.Server(configuration)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", app.state.dishka_container
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def test_readings_reach_the_sockets_of_every_process_and_a_revoked_key_closes_them(
    database_url: str,
) -> None:
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(_process(database_url)) for _ in range(2)]
        address, container = processes[0]
        keys: ApiKeys = await container.get(ApiKeys)
        key, secret = await keys.create("both", Role.ADMIN, actor=SYSTEM)
        headers = {"Authorization": f"Bearer {secret}"}
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{address}/api/v1", headers=headers)
        )
        sensor = {"sensor_id": "meter", "name": "Meter", "quantity": "power", "unit": "W"}
        assert (await http.post("/sensors", json=sensor)).status_code == 201
        clients = []
        for one, path in zip((address, processes[1][0]), ("/ws", "/api/v1/ws"), strict=True):
            connection = connect(f"ws://{one}{path}", additional_headers=headers)
            client = Client(await stack.enter_async_context(connection))
            assert (await client.next())["type"] == "welcome"
            assert (await client.subscribe(sensor_ids=["meter"]))["snapshot"] == []
            clients.append(client)

        begun = time.monotonic()
        reading = {"sensor_id": "meter", "time": datetime.now(UTC).isoformat(), "value": 1500}
        answer = await http.post("/data/readings", content=json.dumps({"readings": [reading]}))
        assert answer.json()["created"] == 1
        for client in clients:
            data = (await client.next("event"))["data"]
            assert [(one["sensor_id"], one["value"], one["unit"]) for one in data["readings"]] == [
                ("meter", 1.5, "kW")
            ]
        assert time.monotonic() - begun < 3
        late = await clients[1].subscribe("late")
        assert [one["value"] for one in late["snapshot"]] == [1.5]

        await keys.revoke(key.key_id, actor=SYSTEM)
        begun = time.monotonic()
        for client in clients:
            assert (await client.next("error"))["code"] == "key_revoked"
            assert await client.closed() == 4401
        assert time.monotonic() - begun < 1.0
