"""All domain events in one table: what each is, on which public topic it goes, and who handles it."""

from typing import Final

from domain.ingestion import events as ingestion
from domain.operations import events as operations
from domain.operations.model import Topic
from domain.sensors import events as sensors
from domain.sensors.services.mark_room_metrics import MarkRoomMetrics
from domain.shared.events import DomainEvent

TOPICS: Final[dict[type[DomainEvent], Topic | None]] = {
    sensors.ReadingsStored: Topic.ENERGY_DATA,
    sensors.RollupsCorrected: Topic.ENERGY_DATA,
    sensors.RoomMetricsCorrected: Topic.ENERGY_DATA,
    sensors.NoDataAlarmsRaised: Topic.SYSTEM_EVENTS,
    sensors.NoDataAlarmsEnded: Topic.SYSTEM_EVENTS,
    sensors.SensorCreated: Topic.SENSOR_EVENTS,
    sensors.SensorChanged: Topic.SENSOR_EVENTS,
    sensors.SensorDeleted: Topic.SENSOR_EVENTS,
    sensors.RoomCreated: Topic.SENSOR_EVENTS,
    sensors.RoomChanged: Topic.SENSOR_EVENTS,
    sensors.RoomDeleted: Topic.SENSOR_EVENTS,
    sensors.TariffCreated: Topic.SENSOR_EVENTS,
    sensors.TariffChanged: Topic.SENSOR_EVENTS,
    sensors.TariffDeleted: Topic.SENSOR_EVENTS,
    ingestion.DeviceStatusChanged: Topic.SYSTEM_EVENTS,
    ingestion.IotConfigurationChanged: Topic.SYSTEM_EVENTS,
    ingestion.FtpStatusChanged: Topic.SYSTEM_EVENTS,
    ingestion.ScanRequested: Topic.DATA_INGESTION,
    ingestion.ScanProgressed: Topic.DATA_INGESTION,
    ingestion.FileUploaded: Topic.DATA_INGESTION,
    ingestion.FileReadAgain: Topic.DATA_INGESTION,
    ingestion.FileEnded: Topic.DATA_INGESTION,
    ingestion.CollectionFound: Topic.DATA_INGESTION,
    operations.ApiKeyCreated: None,
    operations.ApiKeyRevoked: None,
}
"""Every event of the product, with its topic where it is public."""

HANDLERS: Final = (MarkRoomMetrics,)
"""Who is told of events, at least once each, also after a crash; a handler's annotation says of which.

Classes, of which the container makes one each.
"""
