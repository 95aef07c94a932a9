"""Devices that can shed load: what they can do, when, and how they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.demand_response.model import NO_LABELS, NO_TIME, DeviceId, RoomName, SensorId, WeekWindow

MOST_TIMEOUT: Final = timedelta(seconds=10)
"""A command is given up after so long, and tried again: less than the lease under which it is sent."""


class ControlAuthType(StrEnum):
    """How a device wants to be told who asks."""

    BASIC = "basic"
    BEARER = "bearer"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class ControlAuth:
    """The secret itself stands in the environment variable ``env``: ``user:password`` for basic.

    ``header`` names the header of the type ``header``.
    """

    type: ControlAuthType
    env: str
    header: str | None = None


@dataclass(frozen=True, slots=True)
class ControlBody:
    """A body in which ``{reduction_kw}``, ``{target_kw}`` and ``{event_id}`` are still to be filled in."""

    content_type: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """A request that tells a device what to do."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    body: ControlBody | None = None
    auth: ControlAuth | None = None
    timeout: timedelta = timedelta(seconds=5)
    verify_tls: bool = True


class ControlKind(StrEnum):
    """``none``: whoever looks after the device switches it by hand."""

    HTTP = "http"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How a device is told to shed and to come back; both requests are there for ``http``."""

    kind: ControlKind = ControlKind.NONE
    reduce: ControlRequest | None = None
    restore: ControlRequest | None = None


class ProfileOrigin(StrEnum):
    """Who said it: a client, or the configuration of the devices that are polled."""

    API = "api"
    POLLER = "poller"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTerms:
    """What is said of a device's flexibility; powers in kW.

    It can be brought down to ``min_power_kw``, by ``max_reduction_kw`` at most, for ``max_duration`` at a
    time, ``min_rest`` after it came back, ``max_events_per_day`` times on a local day, inside
    ``availability`` (None: always). ``ramp_seconds`` is how long it takes to come down. ``priority``: 0 is
    shed first, None last.
    """

    device_id: DeviceId
    power_sensor_id: SensorId | None
    site_meter_id: SensorId | None = None
    room_name: RoomName | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: NO_LABELS, hash=False)
    controllable: bool = True
    min_power_kw: float = 0.0
    max_reduction_kw: float | None = None
    max_duration: timedelta | None = None
    min_rest: timedelta = NO_TIME
    max_events_per_day: int | None = None
    availability: tuple[WeekWindow, ...] | None = None
    ramp_seconds: float = 0.0
    priority: int | None = None
    control: Control | None = None
    """None in what a client says: as it was, else ``none``. A stored profile always has one."""

    @property
    def ramp(self) -> timedelta:
        """How long it takes to come down."""
        return timedelta(seconds=self.ramp_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as it is stored.

    ``control_origin`` tells whose the control is: what the poller said of it follows its configuration, also
    where a client has changed the rest.
    """

    terms: DeviceTerms
    origin: ProfileOrigin
    control_origin: ProfileOrigin
    created_at: datetime
    updated_at: datetime

    @property
    def device_id(self) -> DeviceId:
        """Its id."""
        return self.terms.device_id

    @property
    def rank(self) -> tuple[bool, int, datetime, str]:
        """Sorts devices: the one that is shed first comes first, between equals the one known for longer."""
        priority = self.terms.priority
        return (priority is None, priority or 0, self.created_at, self.device_id)
