"""The overview: what each module knows, put together."""

import logging
from typing import Final, Protocol

from domain.ingestion.model import DeviceStatus
from domain.ingestion.services.devices import ReportDevices
from domain.operations.overview import (
    UNKNOWN,
    DeviceNumbers,
    EventNumbers,
    Figure,
    IngestedFile,
    Overview,
    OverviewSource,
)
from domain.operations.services.jobs import JobReports
from domain.sensors.services.take_inventory import TakeInventory
from domain.shared.errors import InvalidError
from domain.shared.ports import Clock

_LOG: Final = logging.getLogger(__name__)


class SiteEnergy(Protocol):
    """Knows power and energy of the whole site, with nothing counted twice."""

    async def power_now_kw(self) -> Figure:
        """Return the power of now, by the sensors that are not stale."""

    async def energy_today_kwh(self) -> Figure:
        """Return the energy since midnight in the zone of the settings."""


class EventCounts(Protocol):
    """Knows the demand response events."""

    async def numbers(self) -> EventNumbers:
        """Return how many run now, and how many are to come."""


class IngestedFiles(Protocol):
    """Knows the meter files."""

    async def last(self) -> IngestedFile | None:
        """Return the file that was read last."""


class ComposedOverview(OverviewSource):
    """Asks the modules; what no module keeps yet is empty."""

    def __init__(
        self,
        *,
        clock: Clock,
        inventory: TakeInventory,
        devices: ReportDevices,
        jobs: JobReports,
        energy: SiteEnergy | None = None,
        events: EventCounts | None = None,
        files: IngestedFiles | None = None,
    ) -> None:
        self._clock = clock
        self._inventory = inventory
        self._devices = devices
        self._jobs = jobs
        self._energy = energy
        self._events = events
        self._files = files

    async def read(self) -> Overview:
        # One after the other: a page that many watch must not take all connections at once.
        inventory = await self._inventory()
        energy = self._energy
        return Overview(
            time=self._clock.now(),
            sensors=inventory.sensors,
            rooms=inventory.rooms,
            readings_last_hour=inventory.readings,
            devices=await self._device_numbers(),
            power_now_kw=UNKNOWN if energy is None else await energy.power_now_kw(),
            energy_today_kwh=UNKNOWN if energy is None else await energy.energy_today_kwh(),
            events=EventNumbers() if self._events is None else await self._events.numbers(),
            last_file=None if self._files is None else await self._files.last(),
            jobs=await self._jobs.list(),
        )

    async def _device_numbers(self) -> DeviceNumbers | None:
        try:
            counts = dict(await self._devices.counts())
        except InvalidError as error:
            _LOG.warning("the overview has no devices: %s", error.detail)
            return None
        return DeviceNumbers(
            online=counts.get(DeviceStatus.ONLINE, 0),
            degraded=counts.get(DeviceStatus.DEGRADED, 0),
            offline=counts.get(DeviceStatus.OFFLINE, 0),
            unknown=counts.get(DeviceStatus.UNKNOWN, 0),
        )
