"""Sensors, rooms and their readings."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NewType
from uuid import UUID

from domain.shared.columns import Floats, Integers
from domain.shared.quantities import Accumulation, Counts, Direction, Quality, Quantity, UnitConversion
from domain.shared.text_ids import text_id, text_name

SensorId = NewType("SensorId", str)
"""The client's own id of a sensor."""

SensorKey = NewType("SensorKey", int)
"""The surrogate key of a sensor inside the product; it is never given twice."""

RoomName = NewType("RoomName", str)
DeviceId = NewType("DeviceId", str)
ReceiptId = NewType("ReceiptId", UUID)

Source = NewType("Source", str)
"""Where readings come from, such as ``key:<id>``, ``poller`` or ``file:<path>``."""

DEFAULT_MAX_GAP = timedelta(hours=1)
MAX_GAP_RESOLUTIONS = 3


def sensor_id(value: str) -> SensorId:
    """Return the sensor id where it is well formed, else raise `InvalidError`."""
    return SensorId(text_id(value, "sensor_id"))


def room_name(value: str) -> RoomName:
    """Return the room name where it is well formed, else raise `InvalidError`."""
    return RoomName(text_name(value, "room_name"))


class QualityCode(IntEnum):
    """`Quality` as it is stored with each reading."""

    OK = 0
    ESTIMATED = 1
    BAD = 2

    @property
    def quality(self) -> Quality:
        """The word of this code."""
        return Quality[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDefinition:
    """What a client says of a sensor.

    Values (``min_value``, ``max_value``, ``rollover_at``) are in ``unit``; ``max_power_kw`` is in kW.
    """

    sensor_id: SensorId
    name: str
    quantity: Quantity
    unit: str
    accumulation: Accumulation = Accumulation.INSTANTANEOUS
    room_name: RoomName | None = None
    device_id: DeviceId | None = None
    resolution: timedelta | None = None
    max_gap: timedelta | None = None
    no_data_after: timedelta | None = None
    rollover_at: float | None = None
    max_power_kw: float | None = None
    direction: Direction = Direction.IMPORT
    submeter_of: SensorId | None = None
    counts: Counts = Counts.AUTO
    min_value: float | None = None
    max_value: float | None = None
    timezone: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor as it is stored. ``version`` grows with each change of its definition."""

    key: SensorKey
    version: int
    definition: SensorDefinition
    conversion: UnitConversion
    """From the sensor's unit to the canonical unit of its quantity."""
    canonical_unit: str
    created_at: datetime
    updated_at: datetime
    device_limit_kw: float | None = None
    """The highest ``max_value`` of the power sensors of a register's device, as the store finds it."""

    @property
    def max_power_kw(self) -> float | None:
        """The steepest step that a register can make."""
        said = self.definition.max_power_kw
        return self.device_limit_kw if said is None else said

    @property
    def sensor_id(self) -> SensorId:
        """The client's id."""
        return self.definition.sensor_id

    @property
    def effective_max_gap(self) -> timedelta:
        """The longest time between two readings that is not an outage."""
        if self.definition.max_gap is not None:
            return self.definition.max_gap
        if self.definition.resolution is not None:
            return MAX_GAP_RESOLUTIONS * self.definition.resolution
        return DEFAULT_MAX_GAP

    @property
    def effective_no_data_after(self) -> timedelta:
        """How old its newest reading may become before that is an alarm."""
        said = self.definition.no_data_after
        return self.effective_max_gap if said is None else said


@dataclass(frozen=True, slots=True)
class Comfort:
    """The band in which a room is comfortable: °C and ppm."""

    temperature_min: float | None = None
    temperature_max: float | None = None
    co2_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room and what is known of it."""

    room_name: RoomName
    floor: str | None = None
    area_m2: float | None = None
    capacity: int | None = None
    description: str | None = None
    comfort: Comfort | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a sensor, in the canonical unit."""

    time: datetime
    value: float
    quality: Quality


@dataclass(frozen=True, slots=True)
class Revision:
    """An earlier value, and when and by which source it was replaced."""

    time: datetime
    value: float
    quality: Quality
    source: Source
    replaced_at: datetime
    replaced_by: Source


class Staleness(StrEnum):
    """Whether a sensor's newest reading is younger than its ``max_gap``."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never"


def staleness(sensor: Sensor, latest: Reading | None, now: datetime) -> Staleness:
    """Return how old the newest reading is, in a word."""
    if latest is None:
        return Staleness.NEVER
    return Staleness.FRESH if now - latest.time <= sensor.effective_max_gap else Staleness.STALE


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """Readings of one sensor as columns of equal length, by time: µs since the epoch, canonical values."""

    times_us: Integers = field(default_factory=lambda: array("q"))
    values: Floats = field(default_factory=lambda: array("d"))
    qualities: Integers = field(default_factory=lambda: array("b"))

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.times_us)


@dataclass(frozen=True, slots=True)
class SensorRun:
    """The part ``[start, stop)`` of a batch that one source sent for one sensor."""

    key: SensorKey
    version: int
    source: Source
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingBatch:
    """Checked readings of many sensors, ready to be stored.

    Columns of equal length, ordered by (sensor key, time), each (sensor, time) once. ``runs`` says which
    rows are whose; together they cover all rows, in order.
    """

    runs: Sequence[SensorRun]
    times_us: Integers
    values: Floats
    qualities: Integers

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.times_us)

    @property
    def first_us(self) -> int:
        """The earliest time; there has to be one."""
        return min([self.times_us[run.start] for run in self.runs])

    @property
    def last_us(self) -> int:
        """The latest time; there has to be one."""
        return max([self.times_us[run.stop - 1] for run in self.runs])


class Outcome(IntEnum):
    """What storing a reading did."""

    CREATED = 0
    UPDATED = 1
    UNCHANGED = 2


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reading that was refused: its place in the request, what was sent, and why."""

    index: int
    sensor_id: str
    code: str
    detail: str
    time: str
    value: str
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a request's readings."""

    receipt_id: ReceiptId
    received: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    errors: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRejection:
    """A refused reading as it is kept for 30 days."""

    rejection_id: int
    receipt_id: ReceiptId
    received_at: datetime
    source: Source
    rejected: Rejected
