"""A server with real sockets on the in-memory adapters, and a client that speaks the protocol."""

import asyncio
import json
import socket as sockets_of_the_system
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import uvicorn
from dishka import Provider, Scope, make_async_container
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from adapters.events.dispatcher import EventDispatcher
from adapters.events.fan_out import Broadcaster
from adapters.events.follower import Follower
from adapters.events.relay import Relay
from adapters.memory.database import MemoryDatabase
from adapters.memory.operations import MemoryOperationsUnitOfWork
from adapters.memory.outbox import MemoryLeadership, MemorySignals
from adapters.memory.sensors_unit_of_work import MemorySensorsUnitOfWork
from adapters.web.authentication import Authenticator
from adapters.web.limits import SignInLimit
from adapters.websocket.going_away import GoingAwayProtocol
from adapters.websocket.limits import SocketLimits
from adapters.websocket.routes import live
from adapters.websocket.sockets import LiveSockets
from domain.operations.events import ApiKeyCreated, ApiKeyRevoked
from domain.operations.model import ApiKey, Role, Topic
from domain.operations.services.api_keys import ApiKeys
from domain.operations.services.feed import FeedReader
from domain.sensors.events import ReadingsStored, RoomCreated, SensorCreated
from domain.sensors.model import (
    QualityCode,
    ReadingBatch,
    RoomName,
    Sensor,
    SensorDefinition,
    SensorId,
    SensorRun,
    Source,
)
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.live import LiveReadings
from domain.shared.events import SYSTEM, DomainEvent, EventId
from domain.shared.ports import Clock, EncodedEvent, EventCodec, IdFactory
from domain.shared.quantities import CANONICAL_UNITS, Quantity, UnitConversion
from domain.shared.time import to_microseconds

EVENTS: dict[type[DomainEvent], Topic | None] = {
    ApiKeyCreated: None,
    ApiKeyRevoked: None,
    ReadingsStored: Topic.ENERGY_DATA,
    SensorCreated: Topic.SENSOR_EVENTS,
    RoomCreated: Topic.SENSOR_EVENTS,
}


class ShiftedClock(Clock):
    """The time of the system, moved by ``shift``."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift


class Uuids(IdFactory):
    def new(self) -> UUID:
        return uuid4()

    def secret(self) -> str:
        return uuid4().hex


class Topics(EventCodec):
    """In memory nothing is encoded; only the topic of an event matters."""

    def encode(self, event: DomainEvent) -> EncodedEvent:
        return EncodedEvent(type(event).__name__, EVENTS[type(event)], "{}")

    def decode(self, type_name: str, payload: str) -> DomainEvent:
        raise KeyError(type_name, payload)


class World:
    """Everything below the sockets, in memory."""

    def __init__(self, limits: SocketLimits | None = None, origins: Sequence[str] = ()) -> None:
        self.clock = ShiftedClock()
        self.ids = Uuids()
        self.database = MemoryDatabase()
        codec = Topics()
        self.operations = MemoryOperationsUnitOfWork(self.database, codec)
        self.sensors = MemorySensorsUnitOfWork(self.database, self.clock)
        self.catalog = SensorCatalog(self.sensors)
        self.signals = MemorySignals()
        self.broadcaster = Broadcaster()
        follower = Follower(self.operations, self.signals, self.broadcaster, "test")
        self.follower = follower
        self.relay = Relay(
            uow=self.operations,
            leadership=MemoryLeadership(),
            signals=self.signals,
            dispatcher=EventDispatcher(()),
            follower=follower,
            clock=self.clock,
            process="test",
        )
        self.database.on_commit(lambda events: self.relay.wake(events) if events else None)
        self.api_keys = ApiKeys(self.operations, self.clock, self.ids)
        self.sockets = LiveSockets(
            live_feed=self.broadcaster,
            stored_feed=FeedReader(self.operations, self.clock),
            readings=LiveReadings(self.sensors, self.catalog),
            authenticator=Authenticator(self.api_keys, SignInLimit()),
            api_keys=self.api_keys,
            clock=self.clock,
            origins=origins,
            limits=limits,
        )

    async def key(self, role: Role = Role.VIEWER) -> tuple[ApiKey, str]:
        return await self.api_keys.create("test", role, actor=SYSTEM)

    async def sensor(
        self, sensor_id: str, quantity: Quantity = Quantity.POWER, room: str | None = None
    ) -> Sensor:
        async with self.sensors.begin() as tx:
            unit = CANONICAL_UNITS[quantity]
            sensor = await tx.sensors.add(
                SensorDefinition(
                    sensor_id=SensorId(sensor_id),
                    name=sensor_id,
                    quantity=quantity,
                    unit=unit,
                    room_name=None if room is None else RoomName(room),
                ),
                UnitConversion(),
                unit,
                self.clock.now(),
            )
            tx.events.add(
                SensorCreated(
                    event_id=EventId(self.ids.new()),
                    occurred_at=self.clock.now(),
                    actor=SYSTEM,
                    sensor_id=sensor.sensor_id,
                    key=sensor.key,
                )
            )
        return sensor

    async def write(self, readings: Iterable[tuple[Sensor, float]]) -> None:
        """Store one value of each of the sensors, now, in one batch."""
        rows = sorted(readings, key=lambda row: row[0].key)
        now = to_microseconds(self.clock.now())
        batch = ReadingBatch(
            runs=[
                SensorRun(
                    key=sensor.key,
                    version=sensor.version,
                    source=Source("test"),
                    start=index,
                    stop=index + 1,
                )
                for index, (sensor, _) in enumerate(rows)
            ],
            times_us=array("q", [now] * len(rows)),
            values=array("d", [value for _, value in rows]),
            qualities=array("b", [QualityCode.OK] * len(rows)),
        )
        async with self.sensors.begin() as tx:
            await tx.readings.write(batch, overlapping=True)
            tx.events.add(
                ReadingsStored(
                    event_id=EventId(self.ids.new()),
                    occurred_at=self.clock.now(),
                    sensor_keys=array("q", [sensor.key for sensor, _ in rows]),
                    counts=array("q", [1] * len(rows)),
                    times_us=batch.times_us,
                    values=batch.values,
                    qualities=batch.qualities,
                )
            )

    async def announce(self, sensor: Sensor, rows: int) -> None:
        """Publish that so many readings were stored, without storing them: what makes large events."""
        now = to_microseconds(self.clock.now())
        async with self.sensors.begin() as tx:
            tx.events.add(
                ReadingsStored(
                    event_id=EventId(self.ids.new()),
                    occurred_at=self.clock.now(),
                    sensor_keys=array("q", [sensor.key]),
                    counts=array("q", [rows]),
                    times_us=array("q", range(now, now + rows)),
                    values=array("d", [1.0] * rows),
                    qualities=array("b", bytes(rows)),
                )
            )

    async def published(self, topic: Topic, seq: int) -> None:
        """Wait until the relay has come so far."""
        async with asyncio.timeout(5):
            while True:
                async with self.operations.begin() as tx:
                    if await tx.feed.position(topic) >= seq:
                        return
                await asyncio.sleep(0.01)


class Client:
    """A WebSocket client that reads JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def send(self, message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next message (of a kind, passing over others)."""
        async with asyncio.timeout(5):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                if kind is None or message["type"] == kind:
                    return message

    async def subscribe(self, subscription: object = "s", **wanted: object) -> dict[str, Any]:
        await self.send({"type": "subscribe", "id": subscription, "topics": ["energy_data"], **wanted})
        return await self.next()

    async def closed(self) -> int:
        """Read until the server closes, and return its code."""
        async with asyncio.timeout(5):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed:
                code = self.connection.close_code
                assert code is not None
                return code


class Server:
    """The world behind a real server."""

    def __init__(self, world: World, url: str, server: uvicorn.Server, app: Litestar) -> None:
        self.world = world
        self.url = url
        self.uvicorn = server
        self.app = app

    @asynccontextmanager
    async def raw(self, **options: Any) -> AsyncIterator[Client]:  # noqa: ANN401 - of the client's library
        """Open a socket that has said nothing yet."""
        options = {"max_size": None, "compression": None, **options}
        async with connect(f"{self.url}/ws", **options) as connection:
            yield Client(connection)

    @asynccontextmanager
    async def client(self, key: str | None = None, **options: Any) -> AsyncIterator[Client]:  # noqa: ANN401
        """Open a socket, authenticated by the header."""
        if key is None:
            _, key = await self.world.key()
        headers = {"Authorization": f"Bearer {key}"}
        async with self.raw(additional_headers=headers, **options) as client:
            assert (await client.next())["type"] == "welcome"
            yield client


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[Server]:
    """Serve the world on a port of its own."""
    provider = Provider(scope=Scope.APP)
    provider.provide(lambda: world.sockets, provides=LiveSockets)
    container = make_async_container(provider)
    app = Litestar([live], openapi_config=None)
    setup_dishka(container, app)
    listening = sockets_of_the_system.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            ws=GoingAwayProtocol,
            ws_per_message_deflate=False,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
    )
    background = [
        asyncio.create_task(work) for work in (world.relay.run(), world.follower.run(), world.sockets.run())
    ]
    serving_task = asyncio.create_task(server.serve([listening]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    try:
        yield Server(world, f"ws://127.0.0.1:{port}", server, app)
    finally:
        server.should_exit = True
        await serving_task
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await container.close()
        listening.close()
