"""The whole application over PostgreSQL, called by an admin."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.asgi import create_app
from app.container import make_container
from app.settings import Settings
from domain.operations.services.api_keys import ApiKeys

KEY = "an-admin-key-for-tests-0123456789"


class Caller:
    """Calls the API and looks at the status."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def __call__(self, method: str, path: str, status: int = 200, **options: Any) -> Any:  # noqa: ANN401
        answer = await self.client.request(method, f"/api/v1{path}", **options)
        assert answer.status_code == status, answer.text
        if status >= 400:
            assert answer.headers["content-type"].startswith("application/problem+json")
        return answer.json() if answer.content else None

    async def sensor(self, sensor_id: str, **fields: object) -> Any:  # noqa: ANN401
        body = {"sensor_id": sensor_id, "name": sensor_id, "quantity": "power", "unit": "kW", **fields}
        return await self("POST", "/sensors", 201, json=body)


@pytest.fixture
async def call(database_url: str) -> AsyncIterator[Caller]:
    async with calling(Settings(database_url=database_url)) as caller:
        yield caller


@asynccontextmanager
async def calling(settings: Settings) -> AsyncIterator[Caller]:
    container = make_container(settings)
    await (await container.get(ApiKeys)).bootstrap(KEY)
    await container.close()
    app = create_app(settings)
    async with app.lifespan():
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's types are narrower
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            yield Caller(client)
