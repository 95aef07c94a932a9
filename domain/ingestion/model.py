"""Devices as they are polled: what they answer, how they fare, and the readings that come of it."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

from domain.shared.quantities import Accumulation, Counts, Direction, Quantity

DeviceId = NewType("DeviceId", str)
"""A device's name with ``_`` for spaces."""

SensorId = NewType("SensorId", str)
RoomName = NewType("RoomName", str)
WorkerId = NewType("WorkerId", str)
"""One run of one process that polls."""

SHARDS = 32
"""Devices fall into so many shards by hash; each shard is polled by one worker at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRegistration:
    """What a source says of a sensor; values are in ``unit``, ``max_power_kw`` is in kW.

    ``stated`` names those of the fields ``accumulation, direction, resolution`` that the source says itself,
    rather than what holds where nothing is said: a sensor that means something else takes none of its values.
    ``resolution_is_assumed`` is true where nothing tells how long an interval is.
    """

    sensor_id: SensorId
    name: str
    quantity: Quantity
    unit: str
    accumulation: Accumulation
    resolution: timedelta
    device_id: DeviceId
    room_name: RoomName | None = None
    max_gap: timedelta | None = None
    direction: Direction = Direction.IMPORT
    submeter_of: SensorId | None = None
    counts: Counts = Counts.AUTO
    max_power_kw: float | None = None
    rollover_at: float | None = None
    min_value: float | None = None
    max_value: float | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    stated: frozenset[str] = frozenset()
    resolution_is_assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingBatch:
    """Readings as parallel columns, in the units of their sensors; times in µs since the epoch.

    ``registrations`` holds each sensor of the batch once.
    """

    registrations: Sequence[SensorRegistration]
    sensor_ids: Sequence[SensorId]
    times_us: "array[int]"
    values: "array[float]"

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.times_us)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """A part of what a source sends, which is to be stored once."""

    source: str
    chunk: str


@dataclass(frozen=True, slots=True)
class RefusedReading:
    """A reading of a batch that was not stored: its row, its sensor, and why."""

    index: int
    sensor_id: SensorId
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What became of a batch; ``refused`` may name fewer than ``rejected`` counts."""

    created: int
    updated: int
    unchanged: int
    rejected: int
    refused: Sequence[RefusedReading] = ()


class DeviceStatus(StrEnum):
    """How a device fares: never asked, well, with faults, or not answering."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: a stable code, and a text for people that holds no secret."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeviceError:
    """A device's newest fault, and when that was."""

    code: str
    detail: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the time to a whole answer, in milliseconds, over the last 256 answers."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolledValue:
    """One value of one answer. ``value`` is None where the device gave null or the value was refused."""

    tag: str
    type: str
    sensor_id: SensorId | None
    unit: str | None
    value: float | str | None
    time: datetime | None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """How a device fares, as it is kept over restarts."""

    device_id: DeviceId
    status: DeviceStatus = DeviceStatus.UNKNOWN
    status_since: datetime | None = None
    last_seen: datetime | None = None
    last_error: DeviceError | None = None
    """Of the last poll, or of storage that refuses its readings; None once both are clean again."""
    consecutive_failures: int = 0
    next_poll: datetime | None = None
    polls: int = 0
    successes: int = 0
    failures: int = 0
    latency: Latency | None = None
    readings_stored: int = 0
    last_values: tuple[PolledValue, ...] = ()

    @property
    def success_rate(self) -> float | None:
        """The share of polls that were answered, 0 to 1; None before the first."""
        return self.successes / self.polls if self.polls else None


@dataclass(frozen=True, slots=True)
class ShardLease:
    """The right to poll a shard's devices. ``fence`` grows with each new holder."""

    shard: int
    fence: int


@dataclass(frozen=True, slots=True)
class FencedState:
    """A state to be kept, and the lease under which it came about."""

    state: DeviceState
    lease: ShardLease


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswer:
    """What a device answered: decoded JSON, and how long the whole answer took."""

    document: object
    latency_ms: float
