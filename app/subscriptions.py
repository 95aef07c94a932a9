"""All domain events in one table: what each is, on which public topic it goes, and who handles it."""

from typing import Final

from app.dr_bridges import FollowConfiguration
from domain.demand_response import events as demand_response
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
    demand_response.EventStatusChanged: Topic.DR_EVENTS,
    demand_response.InvitationChanged: Topic.DR_EVENTS,
    demand_response.InvitationAnswered: Topic.DR_EVENTS,
    demand_response.CommandChanged: Topic.DR_EVENTS,
    demand_response.DeviceFollowingChecked: Topic.DR_EVENTS,
    demand_response.PerformanceReported: Topic.DR_EVENTS,
    demand_response.FlexibilityChanged: Topic.DR_EVENTS,
    demand_response.DrDeviceRegistered: Topic.DR_EVENTS,
    demand_response.DrDeviceChanged: Topic.DR_EVENTS,
    demand_response.DrDeviceDeleted: Topic.DR_EVENTS,
    demand_response.AutoResponseChanged: None,
    demand_response.ProgramCreated: None,
    demand_response.ProgramChanged: None,
    demand_response.ProgramDeleted: None,
    operations.ApiKeyCreated: None,
    operations.ApiKeyRevoked: None,
}
"""Every event of the product, with its topic where it is public."""

HANDLERS: Final[tuple[type[MarkRoomMetrics | FollowConfiguration], ...]] = (
    MarkRoomMetrics,
    FollowConfiguration,
)
"""Who is told of events, at least once each, also after a crash; a handler's annotation says of which.

Classes, of which the container makes one each.
"""
