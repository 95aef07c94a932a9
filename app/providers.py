"""What is bound to which port: one provider a module, one line a binding."""

from collections.abc import AsyncIterator
from datetime import timedelta
from importlib.metadata import version
from typing import Final

from dishka import AnyOf, Provider, Scope, from_context, provide
from litestar import Request
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from adapters.events.codec import JsonEventCodec
from adapters.events.dispatcher import EventDispatcher
from adapters.events.fan_out import Broadcaster
from adapters.events.follower import Follower
from adapters.events.relay import Relay
from adapters.export.formats import FileFormats
from adapters.http_api.ingestion_figures import IngestionFigures
from adapters.http_api.service import HealthChecks, Release
from adapters.timescale.database import Database
from adapters.timescale.demand_response import TimescaleDemandResponseUnitOfWork
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from adapters.timescale.signals import TimescaleLeadership, TimescaleSignals
from adapters.units.pint_catalog import PintUnitCatalog
from adapters.web.authentication import Authenticator
from adapters.web.limits import CallLimit, SignInLimit
from adapters.web.metrics import HttpMetrics
from adapters.websocket.sockets import LiveSockets
from app.bridges import IngestionFiles, SensorsSiteEnergy
from app.clock import ProcessName, RandomIds, SystemClock
from app.dr_bridges import DrEventCounts, FollowConfiguration
from app.dr_providers import DemandResponseProvider
from app.health import DatabaseCheck, DemandResponseCheck, FtpCheck, JobsCheck, PollersCheck
from app.ingestion_providers import IngestionProvider
from app.jobs import JOBS, JobPlans
from app.overview import ComposedOverview
from app.settings import ProcessRole, Settings
from app.subscriptions import HANDLERS, TOPICS
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.ingestion.ports import (
    IngestionUnitOfWork,
)
from domain.ingestion.ports import UnitCatalog as IngestionUnitCatalog
from domain.ingestion.services.devices import ReportDevices
from domain.operations.jobs import WorkerName
from domain.operations.model import Principal
from domain.operations.overview import OverviewSource
from domain.operations.ports import Leadership, LiveFeed, OperationsUnitOfWork, RelayStatus, Signals
from domain.operations.services.api_keys import ApiKeys
from domain.operations.services.audit import Audit
from domain.operations.services.feed import FeedReader
from domain.operations.services.health import EventsMonitor
from domain.operations.services.idempotency import Idempotency
from domain.operations.services.jobs import JobReports, JobSlots
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.ports import UnitCatalog as SensorsUnitCatalog
from domain.sensors.services.alarms import Alarms
from domain.sensors.services.bucket_readings import BucketReadings
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.energy import Energy
from domain.sensors.services.export import ExportBuckets, ExportReadings
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.live import LiveReadings
from domain.sensors.services.mark_room_metrics import MarkRoomMetrics
from domain.sensors.services.previews import PreviewReadings
from domain.sensors.services.query import QueryReadings
from domain.sensors.services.read_room_metrics import ReadRoomMetrics
from domain.sensors.services.readings import ReadReadings, WriteReadings
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from domain.sensors.services.room_metrics_slots import RoomMetricsRules
from domain.sensors.services.rooms import Rooms
from domain.sensors.services.sensors import Sensors
from domain.sensors.services.summary import Summarise
from domain.sensors.services.take_inventory import TakeInventory
from domain.sensors.services.tariffs import Tariffs
from domain.sensors.services.upkeep import Upkeep
from domain.sensors.table_ports import TableFormats
from domain.shared.ports import Clock, EventCodec, IdFactory

PACKAGE: Final = "energy-dashboard"


class SurroundingsProvider(Provider):
    """What every module stands on."""

    scope = Scope.APP

    settings = from_context(Settings)
    clock = provide(SystemClock, provides=Clock)
    ids = provide(RandomIds, provides=IdFactory)

    @provide
    def codec(self) -> EventCodec:
        """Bind the codec to all events of the product."""
        return JsonEventCodec(TOPICS, {event: topic for event, topic in TOPICS.items() if topic is not None})


class DatabaseProvider(Provider):
    """PostgreSQL, with or without TimescaleDB."""

    scope = Scope.APP

    operations = provide(TimescaleOperationsUnitOfWork, provides=OperationsUnitOfWork)
    sensors = provide(TimescaleSensorsUnitOfWork, provides=SensorsUnitOfWork)
    ingestion = provide(TimescaleIngestionUnitOfWork, provides=IngestionUnitOfWork)
    demand_response = provide(TimescaleDemandResponseUnitOfWork, provides=DemandResponseUnitOfWork)

    @provide
    async def database(self, settings: Settings, codec: EventCodec) -> AsyncIterator[Database]:
        """Connect on first use, and close every connection at the end."""
        if settings.database_url is None:
            raise ValueError("the settings name no database")
        database = Database(settings.database_url, codec, pool_size=settings.database_pool_size)
        yield database
        await database.close()


class OperationsProvider(Provider):
    """The use cases of running the product."""

    scope = Scope.APP

    api_keys = provide(ApiKeys)
    audit = provide(Audit)
    feed = provide(FeedReader)
    idempotency = provide(Idempotency)

    @provide
    def job_plans(self, settings: Settings) -> JobPlans:
        """List the jobs with the intervals of the settings."""
        return JobPlans([job.plan(settings) for job in JOBS])

    @provide
    def job_slots(self, uow: OperationsUnitOfWork, process: ProcessName) -> JobSlots:
        """Share the slots of jobs among the processes."""
        return JobSlots(uow, WorkerName(process))

    @provide
    def job_reports(self, uow: OperationsUnitOfWork, plans: JobPlans) -> JobReports:
        """Tell how the jobs of all processes fare."""
        return JobReports(uow, plans)

    @provide
    async def leadership(self, database: Database) -> AsyncIterator[Leadership]:
        """Let one process relay events."""
        leadership = TimescaleLeadership(database.url)
        yield leadership
        await leadership.close()

    @provide
    def signals(self, database: Database) -> Signals:
        """Let processes tell each other that there is something new."""
        return TimescaleSignals(database.url)


class EventsProvider(Provider):
    """From a committed event to its handlers and to every open socket."""

    scope = Scope.APP

    broadcaster = provide(Broadcaster, provides=AnyOf[Broadcaster, LiveFeed])
    monitor = provide(EventsMonitor)

    @provide
    def process(self, ids: IdFactory) -> ProcessName:
        """Name this process, among those that share the database."""
        return ProcessName(str(ids.new()))

    @provide
    def dispatcher(
        self, mark_room_metrics: MarkRoomMetrics, follow_configuration: FollowConfiguration
    ) -> EventDispatcher:
        """Bind events to their handlers; asking the container for them in here would wait for ever."""
        made = {type(handler): handler for handler in (mark_room_metrics, follow_configuration)}
        return EventDispatcher([made[handler] for handler in HANDLERS])

    @provide
    def follower(
        self, uow: OperationsUnitOfWork, signals: Signals, broadcaster: Broadcaster, process: ProcessName
    ) -> Follower:
        """Keep the live feed of this process in step."""
        return Follower(uow, signals, broadcaster, process)

    @provide
    def relay(
        self,
        uow: OperationsUnitOfWork,
        leadership: Leadership,
        signals: Signals,
        dispatcher: EventDispatcher,
        follower: Follower,
        clock: Clock,
        process: ProcessName,
        settings: Settings,
    ) -> AnyOf[Relay, RelayStatus]:
        """Publish and deliver what was committed; a process that only answers calls leaves it to others."""
        return Relay(
            uow=uow,
            leadership=leadership,
            signals=signals,
            dispatcher=dispatcher,
            follower=follower,
            clock=clock,
            process=process,
            candidate=settings.role is not ProcessRole.API,
        )


class SensorsProvider(Provider):
    """The use cases of sensors, rooms and readings."""

    scope = Scope.APP

    units = provide(PintUnitCatalog, provides=AnyOf[SensorsUnitCatalog, IngestionUnitCatalog])
    catalog = provide(SensorCatalog)
    group_commit = provide(GroupCommit)
    sensors = provide(Sensors)
    rooms = provide(Rooms)
    refresh_room_metrics = provide(RefreshRoomMetrics)
    mark_room_metrics = provide(MarkRoomMetrics)
    read_room_metrics = provide(ReadRoomMetrics)
    tariffs = provide(Tariffs)
    write_readings = provide(WriteReadings)
    preview_readings = provide(PreviewReadings)
    read_readings = provide(ReadReadings)
    table_formats = provide(FileFormats, provides=TableFormats)
    export_readings = provide(ExportReadings)
    export_buckets = provide(ExportBuckets)
    live_readings = provide(LiveReadings)
    upkeep = provide(Upkeep)
    take_inventory = provide(TakeInventory)
    alarms = provide(Alarms)

    rollups = provide(Rollups)
    site_energy = provide(SensorsSiteEnergy)

    @provide
    def energy(self, uow: SensorsUnitOfWork, clock: Clock, settings: Settings) -> Energy:
        """Count days in the zone of the settings where a call names none."""
        return Energy(uow, clock, settings.timezone)

    @provide
    def summarise(self, uow: SensorsUnitOfWork, clock: Clock, settings: Settings) -> Summarise:
        """Write times in the zone of the settings where a call names none."""
        return Summarise(uow, clock, settings.timezone)

    @provide
    def room_metrics_rules(self, settings: Settings) -> RoomMetricsRules:
        """Work out the metrics of rooms as the settings say, and keep them as long as readings."""
        kept_for = timedelta(days=settings.retention_days) if settings.retention_days else None
        every = timedelta(seconds=settings.room_metrics_interval)
        return RoomMetricsRules(every, settings.timezone, kept_for)

    @provide
    def buckets(
        self, uow: SensorsUnitOfWork, units: SensorsUnitCatalog, clock: Clock, settings: Settings
    ) -> BucketReadings:
        """Count days in the zone of the settings where a call names none."""
        return BucketReadings(uow, units, clock, settings.timezone)

    @provide
    def query(
        self, uow: SensorsUnitOfWork, units: SensorsUnitCatalog, clock: Clock, settings: Settings
    ) -> QueryReadings:
        """Count days in the zone of the settings where a call names none."""
        return QueryReadings(uow, units, clock, settings.timezone)


class WebProvider(Provider):
    """What both web faces share."""

    scope = Scope.APP

    authenticator = provide(Authenticator)
    http_metrics = provide(HttpMetrics)
    database_check = provide(DatabaseCheck)
    pollers_check = provide(PollersCheck)
    jobs_check = provide(JobsCheck)
    ftp_check = provide(FtpCheck)
    ingestion_figures = provide(IngestionFigures)

    @provide
    def overview(
        self,
        clock: Clock,
        inventory: TakeInventory,
        devices: ReportDevices,
        jobs: JobReports,
        energy: SensorsSiteEnergy,
        events: DrEventCounts,
        files: IngestionFiles,
    ) -> OverviewSource:
        """Put together what each module knows."""
        return ComposedOverview(
            clock=clock,
            inventory=inventory,
            devices=devices,
            jobs=jobs,
            energy=energy,
            events=events,
            files=files,
        )

    @provide
    def sign_ins(self) -> SignInLimit:
        """Bound the wrong keys of each address."""
        return SignInLimit()

    @provide
    def sockets(
        self,
        live_feed: LiveFeed,
        stored_feed: FeedReader,
        readings: LiveReadings,
        authenticator: Authenticator,
        api_keys: ApiKeys,
        clock: Clock,
        settings: Settings,
    ) -> LiveSockets:
        """Serve WebSockets of this origin and of those that the settings allow."""
        return LiveSockets(
            live_feed=live_feed,
            stored_feed=stored_feed,
            readings=readings,
            authenticator=authenticator,
            api_keys=api_keys,
            clock=clock,
            origins=settings.cors_origins,
        )

    @provide
    def calls(self, settings: Settings) -> CallLimit:
        """Bound the calls of each key as the settings say."""
        return CallLimit(settings.rate_limit)

    @provide
    def release(self) -> Release:
        """Say which version this is."""
        return Release(PACKAGE, version(PACKAGE))

    @provide
    def registry(self) -> CollectorRegistry:
        """Gather the metrics of this process."""
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        return registry

    @provide
    def health_checks(
        self,
        database: DatabaseCheck,
        pollers: PollersCheck,
        ftp: FtpCheck,
        events: EventsMonitor,
        jobs: JobsCheck,
        demand_response: DemandResponseCheck,
    ) -> HealthChecks:
        """List the parts that say how they are."""
        return HealthChecks([database, pollers, ftp, events, jobs, demand_response])

    @provide(scope=Scope.REQUEST)
    def principal(self, request: Request) -> Principal:  # type: ignore[type-arg]  # dishka knows it as this
        """Return who makes this call."""
        principal: Principal = request.user
        return principal


PROVIDERS: Final = (
    SurroundingsProvider,
    DatabaseProvider,
    EventsProvider,
    OperationsProvider,
    SensorsProvider,
    IngestionProvider,
    DemandResponseProvider,
    WebProvider,
)
"""All of them."""
