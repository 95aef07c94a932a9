"""Every route of the product: one table."""

from typing import Final

from litestar.types import ControllerRouterHandler

from adapters.http_api.alarms import alarms
from adapters.http_api.analytics import AnalyticsController
from adapters.http_api.api_keys import ApiKeysController
from adapters.http_api.audit import AuditController
from adapters.http_api.collections import CollectionsController
from adapters.http_api.configuration import IngestionConfigController
from adapters.http_api.dr_auto_response import DrAutoResponseController
from adapters.http_api.dr_baselines import DrBaselinesController
from adapters.http_api.dr_devices import DrDevicesController
from adapters.http_api.dr_events import DrEventsController
from adapters.http_api.dr_flexibility import DrFlexibilityController
from adapters.http_api.dr_invitations import DrInvitationsController
from adapters.http_api.dr_load_reduction import reduce_load
from adapters.http_api.dr_performance import DrPerformanceController
from adapters.http_api.dr_programs import DrProgramsController
from adapters.http_api.file_upload import upload_file
from adapters.http_api.files import FilesController
from adapters.http_api.ingestion import IngestionDevicesController
from adapters.http_api.ingestion_sources import IngestionSourcesController
from adapters.http_api.overview import overview
from adapters.http_api.query import query_readings
from adapters.http_api.readings import DataController
from adapters.http_api.room_metrics import room_metrics
from adapters.http_api.rooms import RoomsController
from adapters.http_api.scans import ScansController
from adapters.http_api.sensor_data import sensor_data
from adapters.http_api.sensors import SensorsController
from adapters.http_api.service import health, service
from adapters.http_api.tariffs import TariffsController
from adapters.web.dashboard import dashboard_file, dashboard_page
from adapters.web.docs import docs_file, docs_page
from adapters.websocket.routes import live

OPEN: Final[tuple[ControllerRouterHandler, ...]] = (
    service,
    health,
    live,
    docs_page,
    docs_file,
    dashboard_page,
    dashboard_file,
)
"""Need no key; those that do look at keys look for themselves (the WebSocket)."""

API: Final[tuple[ControllerRouterHandler, ...]] = (
    overview,
    SensorsController,
    sensor_data,
    RoomsController,
    room_metrics,
    alarms,
    AnalyticsController,
    TariffsController,
    DataController,
    query_readings,
    DrProgramsController,
    DrEventsController,
    DrPerformanceController,
    DrInvitationsController,
    DrDevicesController,
    DrFlexibilityController,
    DrAutoResponseController,
    reduce_load,
    DrBaselinesController,
    IngestionDevicesController,
    IngestionSourcesController,
    IngestionConfigController,
    FilesController,
    CollectionsController,
    ScansController,
    ApiKeysController,
    AuditController,
)
"""Under ``/api/v1``, with a key; each handler says which role it needs (`requires`)."""

UPLOADS: Final[tuple[ControllerRouterHandler, ...]] = (upload_file,)
"""The same, with bodies up to UPLOAD_LIMIT: they are never held in memory."""
