"""The application over PostgreSQL, and over one that is not there."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from litestar import Litestar

from app.asgi import create_app
from app.settings import read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.integration.web.conftest import asgi_transport

KEYS = "/api/v1/api-keys"


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[list[Litestar]]:
    """Two applications on one database, as two processes are."""
    apps = [create_app(read_settings({"DATABASE_URL": database_url}, None), background=()) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for app in apps:
            await stack.enter_async_context(app.lifespan())
        yield apps


async def admin_of(app: Litestar) -> dict[str, str]:
    api_keys: ApiKeys = await app.state.dishka_container.get(ApiKeys)
    _, secret = await api_keys.create("admin", Role.ADMIN, actor=SYSTEM)
    return {"Authorization": f"Bearer {secret}"}


async def test_a_revoked_key_stops_at_once_in_every_process(processes: list[Litestar]) -> None:
    admin = await admin_of(processes[0])
    async with (
        httpx.AsyncClient(transport=asgi_transport(processes[0]), base_url="http://test") as one,
        httpx.AsyncClient(transport=asgi_transport(processes[1]), base_url="http://test") as other,
    ):
        made = (await one.post(KEYS, headers=admin, json={"name": "b", "role": "admin"})).json()
        key = {"Authorization": f"Bearer {made['key']}"}
        assert (await other.get(KEYS, headers=key)).status_code == 200
        assert (await one.delete(f"{KEYS}/{made['id']}", headers=admin)).status_code == 204
        assert (await other.get(KEYS, headers=key)).status_code == 401
        listed = (await other.get(KEYS, headers=admin)).json()
        assert {item["name"]: item["revoked_at"] is None for item in listed["items"]} == {
            "admin": True,
            "b": False,
        }
        trail = (await other.get("/api/v1/audit", headers=admin)).json()
        assert [entry["action"] for entry in trail["items"]] == [
            "ApiKeyRevoked",
            "ApiKeyCreated",
            "ApiKeyCreated",
        ]
        health = (await one.get("/health")).json()
        assert health["checks"]["database"]["status"] == "ok"


async def test_a_database_that_is_away_is_a_503_that_says_nothing_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://service:hunter2@127.0.0.1:{port}/energy"
    app = create_app(read_settings({"DATABASE_URL": url}, None), background=())
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=asgi_transport(app), base_url="http://test") as client,
    ):
        answer = await client.get(KEYS, headers={"Authorization": "Bearer some"})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert str(port) not in answer.text
        for path in ("/health", "/health/ready"):
            health = await client.get(path)
            assert health.status_code == 503
            assert health.json()["status"] == "degraded"
            assert health.json()["checks"]["database"]["status"] == "down"
            assert "hunter2" not in health.text
        assert (await client.get("/")).status_code == 200
