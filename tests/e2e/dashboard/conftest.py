"""The whole product over memory behind a real server, and a browser that looks at its page."""

import os
import shutil
import socket
from array import array
from asyncio import create_task, gather, sleep
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import uvicorn
from dishka import AsyncContainer
from litestar import Litestar
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from adapters.events.follower import Follower
from adapters.events.relay import Relay
from adapters.web.dashboard import dashboard_file, dashboard_page
from adapters.websocket.going_away import GoingAwayProtocol
from adapters.websocket.sockets import LiveSockets
from app.asgi import create_app
from app.clock import SystemClock
from app.settings import read_settings
from domain.operations.model import Role
from domain.operations.services.api_keys import ApiKeys
from domain.sensors.model import RoomName, SensorDefinition, SensorId, Source
from domain.sensors.services.checking import Submission
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.events import SYSTEM
from domain.shared.quantities import Accumulation, Quantity
from domain.shared.time import to_microseconds
from tests.memory_provider import MemoryProvider

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _chromium() -> str | None:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = _chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: install one, or name it in CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Seen:
    """What a page did that a person does not see."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@dataclass
class Product:
    """The running product."""

    url: str
    app: Litestar
    container: AsyncContainer

    async def key(self, role: Role = Role.ADMIN) -> str:
        keys: ApiKeys = await self.container.get(ApiKeys)
        return (await keys.create("browser", role, actor=SYSTEM))[1]

    async def sensor(
        self,
        sensor_id: str,
        quantity: Quantity = Quantity.POWER,
        unit: str = "kW",
        *,
        name: str | None = None,
        room: str | None = None,
        submeter_of: str | None = None,
        accumulation: Accumulation = Accumulation.INSTANTANEOUS,
    ) -> None:
        sensors: Sensors = await self.container.get(Sensors)
        definition = SensorDefinition(
            sensor_id=SensorId(sensor_id),
            name=name or sensor_id,
            quantity=quantity,
            unit=unit,
            accumulation=accumulation,
            room_name=None if room is None else RoomName(room),
            submeter_of=None if submeter_of is None else SensorId(submeter_of),
            resolution=timedelta(minutes=1),
        )
        await sensors.create(definition, SYSTEM)

    async def write(self, sensor_id: str, *values: float) -> None:
        """Store values of the last minutes; the last one is of now."""
        readings: WriteReadings = await self.container.get(WriteReadings)
        now = to_microseconds(SystemClock().now())
        times = array("q", [now - 60_000_000 * back for back in range(len(values) - 1, -1, -1)])
        submission = Submission(
            sensor_ids=[SensorId(sensor_id)] * len(values),
            times_us=times,
            values=array("d", values),
            units=None,
        )
        receipt = await readings.write(submission, Source("test"))
        assert receipt.rejected == 0

    async def drop_sockets(self) -> None:
        """Break every WebSocket, as a network does."""
        sockets: LiveSockets = await self.container.get(LiveSockets)
        for session in tuple(sockets._sessions):
            session.close(1011)


@asynccontextmanager
async def running_product(port: int = 0) -> AsyncIterator[Product]:
    provider = MemoryProvider()
    provider.clock = SystemClock()  # type: ignore[assignment]  # pages look at ages, so the time has to pass
    app = create_app(read_settings({}, None), provider, background=())
    if not any(route.path == "/dashboard" for route in app.routes):
        app.register(dashboard_page)
        app.register(dashboard_file)
    container: AsyncContainer = app.state.dishka_container
    listener = socket.create_server(("127.0.0.1", port))
    configuration = uvicorn.Config(
        app, ws=GoingAwayProtocol, ws_per_message_deflate=False, log_level="warning", log_config=None
    )
    server = uvicorn.Server(configuration)
    serving = create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await sleep(0.01)
    relay: Relay = await container.get(Relay)
    follower: Follower = await container.get(Follower)
    sockets: LiveSockets = await container.get(LiveSockets)
    provider.database.on_commit(lambda events: relay.wake(events) if events else None)
    background = [create_task(work) for work in (relay.run(), follower.run(), sockets.run())]
    try:
        yield Product(f"http://127.0.0.1:{listener.getsockname()[1]}", app, container)
    finally:
        for task in background:
            task.cancel()
        await gather(*background, return_exceptions=True)
        server.should_exit = True
        await serving
        listener.close()


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running_product() as product:
        yield product


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, timezone_id="Europe/Lisbon", locale="en-GB"
    )
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def page(context: BrowserContext, seen: Seen) -> Page:
    page = await context.new_page()

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error":
            seen.complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: seen.requests.append(request.url))
    return page
