"""The whole application over memory, with a key of each role."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from dishka import AsyncContainer
from litestar import Litestar

from app.asgi import create_app
from app.settings import Settings, read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.memory_provider import MemoryProvider


@dataclass(frozen=True, slots=True)
class Served:
    """An application that runs, and a client of it."""

    app: Litestar
    provider: MemoryProvider
    client: httpx.AsyncClient

    @property
    def container(self) -> AsyncContainer:
        container: AsyncContainer = self.app.state.dishka_container
        return container

    async def secret(self, role: Role) -> str:
        api_keys = await self.container.get(ApiKeys)
        return (await api_keys.create(f"a {role.value}", role, actor=SYSTEM))[1]

    async def headers(self, role: Role) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.secret(role)}"}


@pytest.fixture
def settings() -> Settings:
    """Override it with a parametrization that is indirect, or in a module."""
    return read_settings({}, None)


@pytest.fixture
def routes() -> list[Any]:
    """Give handlers to be added, for what no route of the product shows."""
    return []


@pytest.fixture
async def served(settings: Settings, routes: list[Any]) -> AsyncIterator[Served]:
    provider = MemoryProvider()
    app = create_app(settings, provider, background=())
    for route in routes:
        app.register(route)
    transport = httpx.ASGITransport(app, raise_app_exceptions=True, client=("203.0.113.9", 1234))
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Served(app, provider, client)


@pytest.fixture
async def admin(served: Served) -> dict[str, str]:
    return await served.headers(Role.ADMIN)


@pytest.fixture
async def viewer(served: Served) -> dict[str, str]:
    return await served.headers(Role.VIEWER)
