"""What a room was like in a slot of time, and where that is kept."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.sensors.model import RoomName, SensorId
from domain.shared.quantities import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomMetrics:
    """A room in the slot ``[start, end)``. What is not known is None, never 0.

    ``power_kw`` is the mean, ``slot_energy_kwh`` what passed in the slot, ``energy_kwh`` what passed since
    local midnight up to its end. Temperature (°C), humidity (%), ``co2`` (ppm) and occupancy (people) are
    means over the time, and over the sensors that have data; ``co2_peak`` is the highest reading.
    ``occupancy_estimated``: by CO2, since no sensor counts people. ``comfort`` says whether the means lie in
    the room's band, ``comfort_share`` for which share of the time the values did. ``coverage`` is the mean
    over the room's sensors of the share of the slot that readings account for.
    """

    room_name: RoomName
    start: datetime
    end: datetime
    power_kw: float | None = None
    slot_energy_kwh: float | None = None
    energy_kwh: float | None = None
    temperature: float | None = None
    humidity: float | None = None
    co2: float | None = None
    co2_peak: float | None = None
    occupancy: float | None = None
    occupancy_estimated: bool = False
    comfort: bool | None = None
    comfort_share: float | None = None
    coverage: float = 0.0
    quality: Quality = Quality.MISSING
    missing_sensors: tuple[SensorId, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptTimes:
    """The starts of a room's oldest and newest stored slots."""

    oldest: datetime
    newest: datetime


@dataclass(frozen=True, slots=True)
class MarkedDay:
    """A local day whose metrics of a room are out of date; ``version`` tells the mark from a later one."""

    room_name: RoomName
    day: date
    version: int


class RoomMetricsStore(Protocol):
    """Keeps the metrics of rooms, and which days of them are out of date."""

    @abstractmethod
    async def put(self, metrics: Sequence[RoomMetrics]) -> None:
        """Store these, in place of those of the same room and start. Rooms that are gone are left out."""

    @abstractmethod
    async def newest(self, rooms: Collection[RoomName]) -> Mapping[RoomName, RoomMetrics]:
        """Return the newest metrics of each of the rooms that has any."""

    @abstractmethod
    async def between(
        self, rooms: Collection[RoomName], start: datetime, end: datetime
    ) -> Sequence[RoomMetrics]:
        """Return the metrics of the slots that start in ``[start, end)``."""

    @abstractmethod
    async def page(self, room: RoomName, start: datetime, end: datetime, limit: int) -> Sequence[RoomMetrics]:
        """Return up to ``limit`` metrics of the slots that start in ``[start, end)``, oldest first."""

    @abstractmethod
    async def kept(self, rooms: Collection[RoomName]) -> Mapping[RoomName, KeptTimes]:
        """Return from when to when there are metrics of each of the rooms that has any."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Delete those of slots that start before the time and return their number."""

    @abstractmethod
    async def delete(self, room: RoomName) -> None:
        """Delete all of the room."""

    @abstractmethod
    async def mark(self, days: Mapping[RoomName, Collection[date]]) -> None:
        """Take note that these local days are out of date. Rooms that are gone are left out."""

    @abstractmethod
    async def marked(self, limit: int) -> Sequence[MarkedDay]:
        """Return up to ``limit`` marks, the newest days first."""

    @abstractmethod
    async def unmark(self, marks: Collection[MarkedDay]) -> None:
        """Delete these marks, but for those that were set once more since."""
