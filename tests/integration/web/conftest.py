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


def asgi_transport(app: Litestar, address: str = "203.0.113.9") -> httpx.ASGITransport:
    return httpx.ASGITransport(app, client=(address, 1234))  # type: ignore[arg-type]  # Litestar's are narrower


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Give the settings; a module may have its own."""
    return read_settings({}, None)


@pytest.fixture(scope="module")
def routes() -> list[Any]:
    """Give handlers to be added; a module may have some, for what no route of the product shows."""
    return []


@pytest.fixture(scope="module")
async def served(settings: Settings, routes: list[Any]) -> AsyncIterator[Served]:
    provider = MemoryProvider()
    app = create_app(settings, provider, background=())
    for route in routes:
        app.register(route)
    transport = asgi_transport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Served(app, provider, client)


@pytest.fixture(scope="module")
async def admin(served: Served) -> dict[str, str]:
    return await served.headers(Role.ADMIN)


@pytest.fixture(scope="module")
async def viewer(served: Served) -> dict[str, str]:
    return await served.headers(Role.VIEWER)
