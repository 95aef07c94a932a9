"""What happens in the sensors module."""

from dataclasses import dataclass

from domain.sensors.model import RoomName, SensorId, SensorKey
from domain.sensors.tariffs import TariffName
from domain.shared.columns import Floats, Integers
from domain.shared.events import AuditedEvent, DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorCreated(AuditedEvent):
    """A sensor was defined."""

    sensor_id: SensorId
    key: SensorKey

    @property
    def subject(self) -> str:
        return self.sensor_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorChanged(AuditedEvent):
    """A sensor's definition was changed; ``changed`` names the fields."""

    sensor_id: SensorId
    key: SensorKey
    changed: tuple[str, ...]

    @property
    def subject(self) -> str:
        return self.sensor_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDeleted(AuditedEvent):
    """A sensor was deleted, with its readings where ``purged``."""

    sensor_id: SensorId
    key: SensorKey
    purged: bool

    @property
    def subject(self) -> str:
        return self.sensor_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomCreated(AuditedEvent):
    """A room was defined."""

    room_name: RoomName

    @property
    def subject(self) -> str:
        return self.room_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomChanged(AuditedEvent):
    """A room's description was changed."""

    room_name: RoomName

    @property
    def subject(self) -> str:
        return self.room_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomDeleted(AuditedEvent):
    """A room was deleted; its sensors stay, without a room."""

    room_name: RoomName
    sensor_ids: tuple[SensorId, ...]

    @property
    def subject(self) -> str:
        return self.room_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffCreated(AuditedEvent):
    """A tariff was set that was not there before."""

    tariff_name: TariffName

    @property
    def subject(self) -> str:
        return self.tariff_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffChanged(AuditedEvent):
    """A tariff was replaced; ``changed`` names the fields."""

    tariff_name: TariffName
    changed: tuple[str, ...]

    @property
    def subject(self) -> str:
        return self.tariff_name


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffDeleted(AuditedEvent):
    """A tariff was deleted."""

    tariff_name: TariffName

    @property
    def subject(self) -> str:
        return self.tariff_name


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingsStored(DomainEvent):
    """A batch of readings was stored: those that were new or changed.

    ``sensor_keys`` and ``counts`` are of equal length: so many rows of the columns belong to that sensor,
    in order. Columns: µs since the epoch, values in the canonical unit, `QualityCode`.
    """

    sensor_keys: Integers
    counts: Integers
    times_us: Integers
    values: Floats
    qualities: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupsCorrected(DomainEvent):
    """Late or corrected readings changed what was summed up over an hour ago.

    Columns of equal length: of each sensor the range of µs since the epoch in which that lies, in whole
    UTC quarter-hours.
    """

    sensor_keys: Integers
    starts_us: Integers
    ends_us: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDataAlarmsRaised(DomainEvent):
    """Sensors fell silent.

    Columns of equal length: each sensor with the time of its last reading, in µs since the epoch.
    """

    sensor_keys: Integers
    last_times_us: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDataAlarmsEnded(DomainEvent):
    """Sensors that had fallen silent are so no more. Columns as those of `NoDataAlarmsRaised`."""

    sensor_keys: Integers
    last_times_us: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomMetricsCorrected(DomainEvent):
    """Late or corrected readings changed the metrics of rooms that were worked out before.

    Of equal length: each room with a range of µs since the epoch in which its slots changed; a room may
    come several times.
    """

    room_names: tuple[RoomName, ...]
    starts_us: Integers
    ends_us: Integers
