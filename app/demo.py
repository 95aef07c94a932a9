"""The demo: a simulated building that is polled like a real one, with history written like real readings."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from dishka import AsyncContainer, Provider, Scope, provide

from adapters.pollers.ftp.account import FtpAccount
from adapters.pollers.ftp.server import AioftpFileServer
from adapters.pollers.spool import SpoolFolder
from adapters.simulator.ftp import SimulatedFtpServer
from adapters.simulator.history import SimulatedSeries
from adapters.simulator.server import SimulatedBuilding
from app.background import BACKGROUND, Background, running
from app.bridges import definition_of
from app.clock import SystemClock
from app.demo_demand_response import MEASURED, DemoDemandResponse, shed_before
from domain.ingestion.file_ports import FileServer, MeterFileFormats
from domain.ingestion.ports import IotConfigurationSource, Jitter
from domain.sensors.model import (
    Comfort,
    DeviceId,
    Room,
    RoomName,
    SensorDefinition,
    SensorId,
    Source,
)
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.checking import Submission
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from domain.sensors.services.rooms import Rooms
from domain.sensors.services.sensors import Sensors
from domain.sensors.services.tariffs import Tariffs
from domain.sensors.tariffs import Rate, Tariff, TariffName, TariffPeriod
from domain.shared.errors import ConflictError, DomainError, NotFoundError
from domain.shared.events import SYSTEM
from domain.shared.ports import Clock
from domain.shared.quantities import Accumulation, Counts, Direction, Quantity
from domain.shared.weeks import Weekday

_LOG: Final = logging.getLogger(__name__)
_SOURCE: Final = Source("demo")
_ROWS: Final = 10_000
_METER_INTERVAL: Final = timedelta(minutes=15)
_METERS_SILENT_AFTER: Final = timedelta(days=1)
_AREA_M2: Final = 8.0
"""For each person."""
_COMFORT: Final = Comfort(temperature_min=20.0, temperature_max=25.0, co2_max=1000.0)
_DAY_HOURS: Final = (8 * 60, 22 * 60)
_TARIFF: Final = Tariff(
    name=TariffName("day-night"),
    currency="EUR",
    timezone="Europe/Lisbon",
    valid_from=datetime(2020, 1, 1, tzinfo=UTC),
    periods=(
        TariffPeriod(
            days=frozenset(Weekday),
            from_minute=_DAY_HOURS[0],
            to_minute=_DAY_HOURS[1],
            rate=Rate(price_per_kwh=0.21, co2_g_per_kwh=130.0),
        ),
        TariffPeriod(
            days=frozenset(Weekday),
            from_minute=_DAY_HOURS[1],
            to_minute=_DAY_HOURS[0],
            rate=Rate(price_per_kwh=0.11, co2_g_per_kwh=90.0),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of history: ``[now - since, now - until)`` with a reading every ``step``."""

    since: timedelta
    until: timedelta
    step: timedelta


HISTORY: Final = (
    Stretch(timedelta(days=1), timedelta(0), timedelta(minutes=1)),
    Stretch(timedelta(days=28), timedelta(days=1), timedelta(minutes=5)),
)
"""The newest first, so that there is something to see at once."""


class Demo:
    """The building, from the start of the application to its end."""

    def __init__(self, configuration_file: Path, meter_files: Path, orders: Path) -> None:
        self._configuration_file = configuration_file
        self._orders = orders
        self._building = SimulatedBuilding(SystemClock().now, journal=orders)
        self._neighbours = SimulatedFtpServer(meter_files, SystemClock().now)
        self._since: datetime | None = None

    @property
    def background(self) -> tuple[Background, ...]:
        """What runs beside the calls: the building, then all that a real one has, then the history."""
        return (self._surroundings, *BACKGROUND, self._history)

    @property
    def provider(self) -> Provider:
        """What binds the simulated FTP server in place of the one of the settings."""
        return DemoProvider(self._neighbours)

    @asynccontextmanager
    async def _surroundings(self, container: AsyncContainer) -> AsyncIterator[None]:
        # Before the first poll: what is there then was left by an earlier demo.
        self._since = await self._newest(container)
        if self._since is None:
            self._orders.unlink(missing_ok=True)
        async with self._building, self._neighbours:
            if self._since is None:
                shed_before(self._building, SystemClock().now())
            document = json.dumps(self._building.configuration(), indent=2)
            await asyncio.to_thread(self._configuration_file.write_text, document)
            await self._define_neighbours(container)
            yield

    @asynccontextmanager
    async def _history(self, container: AsyncContainer) -> AsyncIterator[None]:
        async with running(self._write_history(container), "history"):
            yield

    async def _write_history(self, container: AsyncContainer) -> None:
        readings: WriteReadings = await container.get(WriteReadings)
        now = SystemClock().now()
        demand_response = DemoDemandResponse(container, self._building)
        try:
            await self._define_sensors(container)
            await demand_response.begin()
            await self._describe_rooms(container)
            await self._set_tariff(container)
            for stretch in HISTORY:
                start, end = now - stretch.since, now - stretch.until
                if self._since is not None:
                    start = max(start, self._since)
                if start < end:
                    series = await asyncio.to_thread(list, self._building.history(start, end, stretch.step))
                    # What events are measured by comes first.
                    series.sort(key=lambda one: one.sensor_id not in MEASURED)
                    for submission in submissions(series):
                        await readings.write(submission, _SOURCE)
                        if submission.sensor_ids[0] not in MEASURED and stretch is HISTORY[-1]:
                            await demand_response.record_the_past()
                # Not before its next slot otherwise: there is something to see within half a minute.
                metrics: RefreshRoomMetrics = await container.get(RefreshRoomMetrics)
                await metrics.run()
            await demand_response.record_the_past()
        except DomainError:
            _LOG.exception("the history of the demo could not be written")

    async def _newest(self, container: AsyncContainer) -> datetime | None:
        """Return the time of the newest reading that is stored: an earlier demo got as far."""
        uow: SensorsUnitOfWork = await container.get(SensorsUnitOfWork)
        async with uow.begin() as tx:
            latest = await tx.readings.latest(None)
        return max((reading.time for reading in latest.values()), default=None)

    async def _define_sensors(self, container: AsyncContainer) -> None:
        source: IotConfigurationSource = await container.get(IotConfigurationSource)
        sensors: Sensors = await container.get(Sensors)
        configuration = await source.load()
        for value in chain.from_iterable(device.values for device in configuration.devices.values()):
            if value.sensor is not None:
                try:
                    await sensors.create(definition_of(value.sensor), SYSTEM)
                except ConflictError:
                    continue  # the poller was here first

    async def _define_neighbours(self, container: AsyncContainer) -> None:
        """Say that the neighbours' energy is not the building's, before their files are read."""
        sensors: Sensors = await container.get(Sensors)
        for meter in self._neighbours.meters:
            for sensor_id in meter.sensor_ids():
                definition = SensorDefinition(
                    sensor_id=SensorId(sensor_id),
                    name=sensor_id,
                    quantity=Quantity.ENERGY,
                    unit="kWh",
                    accumulation=Accumulation.DELTA,
                    device_id=DeviceId(meter.meter),
                    resolution=_METER_INTERVAL,
                    no_data_after=_METERS_SILENT_AFTER,
                    direction=Direction(meter.direction),
                    counts=Counts.FALSE,
                )
                with suppress(ConflictError):  # an earlier demo did
                    await sensors.create(definition, SYSTEM)

    async def _describe_rooms(self, container: AsyncContainer) -> None:
        rooms: Rooms = await container.get(Rooms)
        for name, people in self._building.seats().items():
            if not people:
                continue
            room = Room(
                room_name=RoomName(name), area_m2=people * _AREA_M2, capacity=people, comfort=_COMFORT
            )
            try:
                await rooms.create(room, SYSTEM)
            except ConflictError:
                continue  # an earlier demo did, or somebody since

    async def _set_tariff(self, container: AsyncContainer) -> None:
        tariffs: Tariffs = await container.get(Tariffs)
        try:
            await tariffs.get(_TARIFF.name)
        except NotFoundError:
            await tariffs.put(_TARIFF, SYSTEM)


class DemoProvider(Provider):
    """Reads the simulated server like any other."""

    scope = Scope.APP

    def __init__(self, server: SimulatedFtpServer) -> None:
        super().__init__()
        self._server = server

    @provide(override=True)
    def file_server(
        self, spool: SpoolFolder, formats: MeterFileFormats, clock: Clock, jitter: Jitter
    ) -> FileServer | None:
        """Reach it at the port that it has got."""
        account = FtpAccount(
            host=self._server.host,
            port=self._server.port,
            username=self._server.username,
            password=self._server.password,
        )
        return AioftpFileServer(account, spool, formats, clock, jitter)


def submissions(series: Iterable[SimulatedSeries]) -> Iterable[Submission]:
    """Yield the series as writes of about 10,000 rows."""
    for one in series:
        for start in range(0, len(one.times), _ROWS):
            times = one.times[start : start + _ROWS]
            yield Submission(
                sensor_ids=[SensorId(one.sensor_id)] * len(times),
                times_us=times,
                values=one.values[start : start + _ROWS],
                units=None if one.unit is None else [one.unit] * len(times),
            )
