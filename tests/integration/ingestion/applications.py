"""Whole applications on one database, each a process with or without a file of devices."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.asgi import create_app
from app.background import BACKGROUND
from app.settings import Settings
from domain.ingestion.ports import IotConfigurationSource
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.unit.ingestion.documents import document

CONFIG = "/api/v1/ingestion/config"


class Application:
    """Calls the API as somebody of a role."""

    def __init__(self, client: httpx.AsyncClient, container: Any) -> None:  # noqa: ANN401 - dishka's
        self._client = client
        self._container = container
        self._keys: dict[Role, str] = {}

    async def __call__(
        self,
        method: str,
        path: str = "",
        status: int = 200,
        role: Role = Role.ADMIN,
        **options: Any,  # noqa: ANN401 - httpx's
    ) -> httpx.Response:
        if role not in self._keys:
            api_keys: ApiKeys = await self._container.get(ApiKeys)
            _, self._keys[role] = await api_keys.create(f"the {role.value}", role, actor=SYSTEM)
        headers = {"Authorization": f"Bearer {self._keys[role]}", **options.pop("headers", {})}
        url = path if path.startswith("/api") else CONFIG + path
        answer = await self._client.request(method, url, headers=headers, **options)
        assert answer.status_code == status, f"{answer.status_code} {answer.text[:2000]}"
        if status >= 400:
            assert answer.headers["content-type"].startswith("application/problem+json")
        return answer

    async def put(self, *devices: object, status: int = 200) -> Any:  # noqa: ANN401 - decoded JSON
        return (await self("PUT", "", status, json=document(*devices))).json()

    async def devices(self) -> list[str]:
        source: IotConfigurationSource = await self._container.get(IotConfigurationSource)
        return list((await source.load()).devices)


@asynccontextmanager
async def application(
    database_url: str,
    file: Path | None = None,
    *,
    polls: bool = False,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[Application]:
    app = create_app(
        Settings(database_url=database_url, iots_config=file, **settings),
        background=BACKGROUND if polls else (),
    )
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # Litestar's are narrower
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Application(client, app.state.dishka_container)


def write(file: Path, *devices: object) -> None:
    file.write_text(json.dumps(document(*devices), indent=1))
