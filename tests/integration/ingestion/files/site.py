"""The whole application in this process: its API and WebSocket on a socket, its worker, a real database."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from dishka import AsyncContainer, Provider
from websockets.asyncio.client import connect

from adapters.pollers.ftp.account import FtpAccount
from adapters.websocket.going_away import GoingAwayProtocol
from app.asgi import create_app
from app.settings import read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.shared.events import SYSTEM
from tests.integration.websocket.world import Client

FILES = "/ingestion/files"
SCANS = "/ingestion/ftp/scans"


def environment_of(
    account: FtpAccount | None, database_url: str, folder: Path, **given: str
) -> dict[str, str]:
    """Return the variables of a process that scans on request only, with a data folder of its own."""
    ftp: dict[str, str] = {}
    if account is not None:
        ftp = {
            "FTP_SA4CPS_HOST": account.host,
            "FTP_SA4CPS_PORT": str(account.port),
            "FTP_SA4CPS_USERNAME": account.username,
            "FTP_SA4CPS_PASSWORD": account.password,
            "FTP_SA4CPS_REMOTE_PATH": account.remote_path,
        }
    return {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "FTP_SKIP_INITIAL_SCAN": "true",
        **ftp,
        **given,
    }


class Caller:
    """Calls the API of a process, wherever it runs, and looks at the status."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def __call__(self, method: str, path: str, status: int = 200, **options: Any) -> Any:  # noqa: ANN401
        answer = await self.client.request(method, f"/api/v1{path}", **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def ask(self) -> str:
        """Ask for a scan; return its id."""
        scan_id: str = (await self("POST", "/ingestion/ftp/scan", 202))["scan_id"]
        return scan_id

    async def scan(self, scan_id: str | None = None, *, seconds: float = 60.0) -> dict[str, Any]:
        """Scan, or wait for a scan; return it as it ended."""
        scan_id = scan_id or await self.ask()
        ended: dict[str, Any] = {}

        async def has_ended() -> bool:
            ended.update(await self("GET", f"{SCANS}/{scan_id}"))
            return bool(ended["status"] != "running")

        await until(has_ended, seconds)
        return ended

    async def files(self, **wanted: object) -> dict[str, dict[str, Any]]:
        """Return the files by their paths."""
        answer = await self("GET", FILES, params={"limit": 1000, **wanted})
        assert answer["total"] == len(answer["items"])
        return {item["path"]: item for item in answer["items"]}

    async def file(self, path: str) -> dict[str, Any]:
        return (await self.files())[path]

    async def rejects(self, file: Mapping[str, Any]) -> list[tuple[int, str, str]]:
        """Return line, code and text of what was refused of a file."""
        answer = await self("GET", f"{FILES}/{file['file_id']}/rejects", params={"limit": 1000})
        assert answer["total"] == len(answer["items"])
        return [(item["line"], item["code"], item["text"]) for item in answer["items"]]


class Site(Caller):
    """The application of this process."""

    def __init__(self, client: httpx.AsyncClient, address: str, container: AsyncContainer) -> None:
        super().__init__(client)
        self.container = container
        self._address = address

    @asynccontextmanager
    async def socket(self, *topics: str) -> AsyncIterator[Client]:
        """Open a WebSocket that has subscribed."""
        headers = {"Authorization": self.client.headers["Authorization"]}
        async with connect(f"ws://{self._address}/ws", additional_headers=headers) as connection:
            client = Client(connection)
            assert (await client.next())["type"] == "welcome"
            assert (await client.subscribe(topics=list(topics)))["type"] == "subscribed"
            yield client


@asynccontextmanager
async def site(environment: Mapping[str, str], *overrides: Provider) -> AsyncIterator[Site]:
    app = create_app(read_settings(environment, None), *overrides)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, ws=GoingAwayProtocol, lifespan="on", log_config=None))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            assert not serving.done(), "the application did not start"
            await asyncio.sleep(0.01)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        container: AsyncContainer = app.state.dishka_container
        keys: ApiKeys = await container.get(ApiKeys)
        _, secret = await keys.create("admin", Role.ADMIN, actor=SYSTEM)
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=30) as client:
            yield Site(client, address, container)
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def until(met: Callable[[], Awaitable[object]], seconds: float = 40.0) -> None:
    """Wait until something holds that has to be asked for."""
    deadline = time.monotonic() + seconds
    while not await met():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        await asyncio.sleep(0.1)
