"""What is bound to which port: one provider a module, one line a binding."""

from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Final

from dishka import AnyOf, Provider, Scope, from_context, provide
from litestar import Request
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from adapters.events.codec import JsonEventCodec
from adapters.http_api.service import HealthChecks, Release
from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from adapters.units.pint_catalog import PintUnitCatalog
from adapters.web.authentication import Authenticator
from adapters.web.limits import CallLimit, SignInLimit
from adapters.web.metrics import HttpMetrics
from app.clock import RandomIds, SystemClock
from app.health import DatabaseCheck
from app.settings import Settings
from app.subscriptions import TOPICS
from domain.ingestion.ports import UnitCatalog as IngestionUnitCatalog
from domain.operations.model import Principal
from domain.operations.ports import OperationsUnitOfWork
from domain.operations.services.api_keys import ApiKeys
from domain.operations.services.audit import Audit
from domain.operations.services.feed import FeedReader
from domain.operations.services.idempotency import Idempotency
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.ports import UnitCatalog as SensorsUnitCatalog
from domain.sensors.services.buckets import BucketReadings
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.live import LiveReadings
from domain.sensors.services.readings import ReadReadings, WriteReadings
from domain.sensors.services.rooms import Rooms
from domain.sensors.services.sensors import Sensors
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


class SensorsProvider(Provider):
    """The use cases of sensors, rooms and readings."""

    scope = Scope.APP

    units = provide(PintUnitCatalog, provides=AnyOf[SensorsUnitCatalog, IngestionUnitCatalog])
    catalog = provide(SensorCatalog)
    group_commit = provide(GroupCommit)
    sensors = provide(Sensors)
    rooms = provide(Rooms)
    write_readings = provide(WriteReadings)
    read_readings = provide(ReadReadings)
    live_readings = provide(LiveReadings)

    @provide
    def buckets(
        self, uow: SensorsUnitOfWork, units: SensorsUnitCatalog, settings: Settings
    ) -> BucketReadings:
        """Count days in the zone of the settings where a call names none."""
        return BucketReadings(uow, units, settings.timezone)


class WebProvider(Provider):
    """What both web faces share."""

    scope = Scope.APP

    authenticator = provide(Authenticator)
    http_metrics = provide(HttpMetrics)
    database_check = provide(DatabaseCheck)

    @provide
    def sign_ins(self) -> SignInLimit:
        """Bound the wrong keys of each address."""
        return SignInLimit()

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
    def health_checks(self, database: DatabaseCheck) -> HealthChecks:
        """List the parts that say how they are."""
        return HealthChecks([database])

    @provide(scope=Scope.REQUEST)
    def principal(self, request: Request) -> Principal:  # type: ignore[type-arg]  # dishka knows it as this
        """Return who makes this call."""
        principal: Principal = request.user
        return principal


PROVIDERS: Final = (SurroundingsProvider, DatabaseProvider, OperationsProvider, SensorsProvider, WebProvider)
"""All of them."""
