"""Alarms of sensors from which no data come, and where they are kept."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType, Protocol

from domain.sensors.model import DeviceId, RoomName, SensorId, SensorKey

AlarmId = NewType("AlarmId", int)

HEARD_LONG_ENOUGH: Final = timedelta(hours=1)
"""Once a sensor could be heard for so long, it is no excuse that the service was down before."""


class AlarmKind(StrEnum):
    """What is wrong with a sensor."""

    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class SensorSilence:
    """A sensor, and the time of its newest reading."""

    key: SensorKey
    last_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm and the sensor that it is about.

    ``since`` is the time of the newest reading when it was raised, ``last_time`` that of the newest one
    when the sensor was looked at last; ``ended_at`` is None while the alarm is open.
    """

    alarm_id: AlarmId
    kind: AlarmKind
    sensor_id: SensorId
    sensor_name: str
    room_name: RoomName | None
    device_id: DeviceId | None
    since: datetime
    raised_at: datetime
    last_time: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter:
    """Which alarms; all that is given must hold."""

    is_open: bool | None = None
    sensor_id: SensorId | None = None
    room_name: RoomName | None = None


class AlarmStore(Protocol):
    """Keeps alarms, at most one open one of each sensor; they go with their sensor."""

    @abstractmethod
    async def raise_due(self, now: datetime, heard_since: datetime) -> Sequence[SensorSilence]:
        """Raise an alarm of each sensor that has fallen silent and has no open one; return those, by key.

        Silent is a sensor that has sent something, but nothing for longer than
        `Sensor.effective_no_data_after`, and that could be heard for so long, or for `HEARD_LONG_ENOUGH`:
        since ``heard_since``, unless it was defined after that.
        """

    @abstractmethod
    async def end_over(self, now: datetime) -> Sequence[SensorSilence]:
        """End the open alarms of sensors that are not silent any more; return those, by key.

        Of the others the time of the newest reading is noted, which may have come late.
        """

    @abstractmethod
    async def list(self, where: AlarmFilter, limit: int, offset: int) -> tuple[Sequence[Alarm], int]:
        """Return a page of alarms, those raised last first, and the number of all that match."""

    @abstractmethod
    async def open(self) -> int:
        """Return how many are open."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete those that ended before the time and return their number."""
