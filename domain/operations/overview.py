"""What there is and how it fares, on one page."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from domain.operations.jobs import JobReport
from domain.shared.quantities import Quality


@dataclass(frozen=True, slots=True)
class DeviceNumbers:
    """How many of the configured devices have each status."""

    online: int = 0
    degraded: int = 0
    offline: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and how far it can be trusted; None where nothing is known, never 0."""

    value: float | None
    coverage: float
    quality: Quality


UNKNOWN: Final = Figure(None, 0.0, Quality.MISSING)


@dataclass(frozen=True, slots=True)
class EventNumbers:
    """How many demand response events run now, and how many are to come."""

    active: int = 0
    upcoming: int = 0


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A meter file that was read."""

    file_id: str
    path: str
    status: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The product at one time. ``devices`` is None where their configuration cannot be read."""

    time: datetime
    sensors: int
    rooms: int
    readings_last_hour: int
    devices: DeviceNumbers | None
    power_now_kw: Figure
    energy_today_kwh: Figure
    events: EventNumbers
    last_file: IngestedFile | None
    jobs: Sequence[JobReport]


class OverviewSource(Protocol):
    """Puts the overview together."""

    @abstractmethod
    async def read(self) -> Overview:
        """Return the overview of now."""
