from adapters.events.dispatcher import EventDispatcher, Handler
from app.subscriptions import HANDLERS, TOPICS
from domain.shared.events import AuditedEvent, DomainEvent
from tests.unit.architecture.sources import classes


def test_every_event_is_in_the_one_table() -> None:
    events = {one for one in classes("domain") if issubclass(one, DomainEvent)} - {DomainEvent, AuditedEvent}
    assert set(TOPICS) == events


def test_every_event_with_its_topic_and_its_handlers() -> None:
    """Change this list together with the table, knowingly: clients and other modules rely on it."""
    handlers = EventDispatcher(handler.__new__(handler) for handler in HANDLERS).table
    shown = {
        event.__name__: (topic and topic.value, [name_of(one) for one in handlers.get(event, ())])
        for event, topic in TOPICS.items()
    }
    assert shown == {
        "ReadingsStored": ("energy_data", []),
        "RollupsCorrected": ("energy_data", ["MarkRoomMetrics"]),
        "RoomMetricsCorrected": ("energy_data", []),
        "NoDataAlarmsRaised": ("system_events", []),
        "NoDataAlarmsEnded": ("system_events", []),
        "SensorCreated": ("sensor_events", []),
        "SensorChanged": ("sensor_events", []),
        "SensorDeleted": ("sensor_events", []),
        "RoomCreated": ("sensor_events", []),
        "RoomChanged": ("sensor_events", []),
        "RoomDeleted": ("sensor_events", []),
        "TariffCreated": ("sensor_events", []),
        "TariffChanged": ("sensor_events", []),
        "TariffDeleted": ("sensor_events", []),
        "DeviceStatusChanged": ("system_events", []),
        "IotConfigurationChanged": ("system_events", ["FollowConfiguration"]),
        "FtpStatusChanged": ("system_events", []),
        "ScanRequested": ("data_ingestion", []),
        "ScanProgressed": ("data_ingestion", []),
        "FileUploaded": ("data_ingestion", []),
        "FileReadAgain": ("data_ingestion", []),
        "FileEnded": ("data_ingestion", []),
        "CollectionFound": ("data_ingestion", []),
        "EventStatusChanged": ("dr_events", []),
        "InvitationChanged": ("dr_events", []),
        "InvitationAnswered": ("dr_events", []),
        "CommandChanged": ("dr_events", []),
        "DeviceFollowingChecked": ("dr_events", []),
        "PerformanceReported": ("dr_events", []),
        "FlexibilityChanged": ("dr_events", []),
        "DrDeviceRegistered": ("dr_events", []),
        "DrDeviceChanged": ("dr_events", []),
        "DrDeviceDeleted": ("dr_events", []),
        "AutoResponseChanged": (None, []),
        "ProgramCreated": (None, []),
        "ProgramChanged": (None, []),
        "ProgramDeleted": (None, []),
        "ApiKeyCreated": (None, []),
        "ApiKeyRevoked": (None, []),
    }


def name_of(handler: Handler) -> str:
    return getattr(handler, "__qualname__", type(handler).__qualname__)
