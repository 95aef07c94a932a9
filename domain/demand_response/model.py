"""The words that all of demand response shares: ids, targets, windows of the week, and faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NewType
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.shared.text_ids import text_id
from domain.shared.weeks import Weekday

ProgramId = NewType("ProgramId", UUID)
DrEventId = NewType("DrEventId", UUID)
"""A demand response event, which is not to be taken for an event of the domain."""

InvitationId = NewType("InvitationId", UUID)
AssignmentId = NewType("AssignmentId", UUID)
CommandId = NewType("CommandId", UUID)

DeviceId = NewType("DeviceId", str)
SensorId = NewType("SensorId", str)
RoomName = NewType("RoomName", str)

WorkerId = NewType("WorkerId", str)
"""One run of one process that runs the scheduler."""

SiteZone = NewType("SiteZone", ZoneInfo)
"""The zone of the site, in which days begin and windows of the week are meant."""

NO_TIME: Final = timedelta()
NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
MOST_LABELS: Final = 50
MOST_RECENT: Final = timedelta(days=8)
"""Rest and daily counts look back so far; no rest may be longer than a week."""


def device_id(value: str) -> DeviceId:
    """Return the device id where it is well formed, else raise `InvalidError`."""
    return DeviceId(text_id(value, "device_id"))


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, or what stands against it: a stable code, and a text for people without secrets."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Which devices; of each kind that is given one must hold, and all labels. Nothing given: all devices."""

    device_ids: tuple[DeviceId, ...] | None = None
    room_names: tuple[RoomName, ...] | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class WeekWindow:
    """A time of the day on some days of the week, in minutes from midnight of the site's zone.

    ``until`` is left out and may be 24:00. Where it is not after ``since``, the window runs over midnight,
    and its day is the one on which it begins.
    """

    days: frozenset[Weekday]
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A device that is not asked or not dispatched, and why."""

    device_id: DeviceId
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class SchedulerLease:
    """The right to move events on. ``fence`` grows with each new holder."""

    worker: WorkerId
    fence: int
    until: datetime
