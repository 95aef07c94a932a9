"""What runs beside the calls: one table."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

from dishka import AsyncContainer

from adapters.events.fan_out import Broadcaster
from adapters.events.follower import Follower
from adapters.events.relay import Relay
from adapters.pollers.file_monitor import FileMonitor
from adapters.pollers.schedule import Poller
from adapters.timescale.database import Database
from adapters.websocket.sockets import LiveSockets
from app.dr_bridges import FollowConfiguration
from app.job_runner import JobRunner
from app.jobs import JOBS
from app.settings import ProcessRole, Settings
from domain.demand_response.events import EventStatusChanged, InvitationAnswered
from domain.demand_response.services.scheduler_loop import SchedulerLoop
from domain.demand_response.services.waking import Waking
from domain.ingestion.events import FileReadAgain, IotConfigurationChanged, ScanRequested
from domain.operations.model import FeedEntry, Resync
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.jobs import JobSlots
from domain.sensors.events import RoomDeleted, SensorChanged, SensorDeleted
from domain.sensors.services.catalog import SensorCatalog
from domain.shared.errors import InvalidError, UnavailableError
from domain.shared.events import DomainEvent

_LOG: Final = logging.getLogger(__name__)
_AGAIN_SECONDS: Final = 5.0

Background = Callable[[AsyncContainer], AbstractAsyncContextManager[None]]
"""Starts something on entry and has ended it on exit (an ``@asynccontextmanager`` over the container)."""


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run a coroutine until the end of the context, then cancel it and wait for it."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def events(container: AsyncContainer) -> AsyncIterator[None]:
    """Relay committed events, and follow what other processes publish."""
    relay: Relay = await container.get(Relay)
    follower: Follower = await container.get(Follower)
    database: Database = await container.get(Database)
    database.on_commit(relay.wake)
    async with running(follower.run(), "follower"), running(relay.run(), "relay"):
        yield


@asynccontextmanager
async def catalog(container: AsyncContainer) -> AsyncIterator[None]:
    """Forget sensors that any process changed."""
    broadcaster: Broadcaster = await container.get(Broadcaster)
    sensors: SensorCatalog = await container.get(SensorCatalog)

    def forget(message: tuple[FeedEntry, ...] | Resync) -> None:
        if isinstance(message, Resync):
            sensors.forget_all()
            return
        for entry in message:
            match entry.event:
                case SensorChanged() | SensorDeleted() as changed:
                    sensors.forget([changed.sensor_id])
                case RoomDeleted() as deleted:
                    sensors.forget(deleted.sensor_ids)

    with broadcaster.listen(forget):
        yield


@asynccontextmanager
async def sockets(container: AsyncContainer) -> AsyncIterator[None]:
    """Hand events to open WebSockets, and close those whose key was revoked."""
    live: LiveSockets = await container.get(LiveSockets)
    async with running(live.run(), "sockets"):
        yield


def _in_workers(background: Background) -> Background:
    """Leave it to others where this process only answers calls."""

    @asynccontextmanager
    async def where_it_works(container: AsyncContainer) -> AsyncIterator[None]:
        settings: Settings = await container.get(Settings)
        if settings.role is ProcessRole.API:
            yield
            return
        async with background(container):
            yield

    return where_it_works


@asynccontextmanager
async def _woken(
    container: AsyncContainer, wake: Callable[[], None], *kinds: type[DomainEvent]
) -> AsyncIterator[None]:
    """Call ``wake`` where any process publishes such an event, or where some may have been missed."""
    broadcaster: Broadcaster = await container.get(Broadcaster)

    def hear(message: tuple[FeedEntry, ...] | Resync) -> None:
        if isinstance(message, Resync) or any(isinstance(entry.event, kinds) for entry in message):
            wake()

    with broadcaster.listen(hear):
        yield


@_in_workers
@asynccontextmanager
async def poller(container: AsyncContainer) -> AsyncIterator[None]:
    """Poll devices; another configuration is taken up at once."""
    devices: Poller = await container.get(Poller)
    async with (
        running(devices.run(), "poller"),
        _woken(container, devices.renew_soon, IotConfigurationChanged),
    ):
        yield


@_in_workers
@asynccontextmanager
async def files(container: AsyncContainer) -> AsyncIterator[None]:
    """Look for meter files; at once where somebody asks for it."""
    monitor: FileMonitor = await container.get(FileMonitor)
    asked = _woken(container, monitor.look_soon, ScanRequested, FileReadAgain)
    async with running(monitor.run(), "file monitor"), asked:
        yield


@_in_workers
@asynccontextmanager
async def demand_response(container: AsyncContainer) -> AsyncIterator[None]:
    """Move events on and tell devices; at once where somebody asks for it."""
    scheduler: SchedulerLoop = await container.get(SchedulerLoop)
    waking: Waking = await container.get(Waking)
    follow: FollowConfiguration = await container.get(FollowConfiguration)
    asked = _woken(container, waking.wake, EventStatusChanged, InvitationAnswered)
    async with (
        running(_polled_devices(follow), "polled devices"),
        running(scheduler(), "demand response"),
        asked,
    ):
        yield


async def _polled_devices(follow: FollowConfiguration) -> None:
    """Catch up with a configuration that is older than demand response; later changes come as events."""
    while True:
        try:
            await follow.catch_up()
        except InvalidError as error:
            _LOG.warning("demand response has no polled devices: %s", error.detail)
        except UnavailableError:
            await asyncio.sleep(_AGAIN_SECONDS)
            continue
        return


@_in_workers
@asynccontextmanager
async def jobs(container: AsyncContainer) -> AsyncIterator[None]:
    """Run the table of jobs: of all workers one runs each slot."""
    settings: Settings = await container.get(Settings)
    runner = JobRunner(container, JOBS, settings, await container.get(JobSlots))
    async with running(runner.run(), "jobs"):
        yield


@asynccontextmanager
async def storage(container: AsyncContainer) -> AsyncIterator[None]:
    """Warn of a database whose version answers wrongly."""
    uow: OperationsUnitOfWork = await container.get(OperationsUnitOfWork)
    with suppress(UnavailableError):
        async with uow.begin() as tx:
            engine = await tx.storage.engine()
        if engine.warning is not None:
            _LOG.warning("%s", engine.warning)
    yield


BACKGROUND: Final[tuple[Background, ...]] = (
    storage,
    events,
    catalog,
    sockets,
    poller,
    files,
    demand_response,
    jobs,
)
"""Started in this order with the application, and ended in the reverse one before the container is closed."""
