"""The IoT configuration: which devices are asked for what, and how their values are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from domain.ingestion.model import DeviceId, RoomName, SensorRegistration
from domain.ingestion.tag_paths import TagPath

DEFAULT_TIMEOUT = timedelta(seconds=5)


class DataType(StrEnum):
    """What a device's value is; a ``STRING`` is shown, not stored."""

    DOUBLE = "DOUBLE"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    STRING = "STRING"


class StoreType(StrEnum):
    """What is kept of the values of a window; ``raw`` keeps each."""

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    SUM = "sum"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class StoreWindow:
    """One reading per window ``[k * period, (k + 1) * period)``; ``type`` is never ``raw``."""

    type: StoreType
    period: timedelta


class AuthType(StrEnum):
    """How a device wants to be told who asks."""

    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class DeviceAuth:
    """The secret itself stands in the environment variable ``env``: ``user:password`` for basic.

    ``header`` names the header of the type ``header``.
    """

    type: AuthType
    env: str
    header: str | None = None


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A body as it is sent."""

    content_type: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request to a device."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: RequestBody | None = None
    auth: DeviceAuth | None = None
    timeout: timedelta = DEFAULT_TIMEOUT
    verify_tls: bool = True


@dataclass(frozen=True, slots=True)
class DeviceControl:
    """Whether the device takes part in demand response, and the requests that reduce and restore its load."""

    demand_response: bool = False
    reduce: HttpRequest | None = None
    restore: HttpRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceValue:
    """A value of a device's answer: ``scale * value + offset`` is in the sensor's unit.

    ``sensor`` is None for a ``STRING``; ``window`` is None where each value is stored.
    """

    tag: TagPath
    type: str
    data: DataType
    sensor: SensorRegistration | None
    scale: float = 1.0
    offset: float = 0.0
    window: StoreWindow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that is polled every ``period``."""

    device_id: DeviceId
    name: str
    type: str
    request: HttpRequest
    values: tuple[DeviceValue, ...]
    period: timedelta
    room_name: RoomName | None = None
    timestamp_tag: TagPath | None = None
    control: DeviceControl = field(default_factory=DeviceControl)
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class IotConfiguration:
    """All devices, by their ids, in the order of the document."""

    devices: Mapping[DeviceId, Device] = field(default_factory=lambda: MappingProxyType({}))
