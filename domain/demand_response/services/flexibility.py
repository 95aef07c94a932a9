"""Flexibility: what each device can shed, with the evidence."""

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Final

from domain.demand_response.devices import Device
from domain.demand_response.errors import unknown_device
from domain.demand_response.events import FlexibilityChanged
from domain.demand_response.flexibility import DAYS_BACK, HOUR, Flexibility, flexibility, now_kw
from domain.demand_response.load import LoadInterval
from domain.demand_response.model import DeviceId, SensorId, SiteZone, Targets
from domain.demand_response.ports import DemandResponseUnitOfWork, LoadHistory
from domain.demand_response.services.situations import Situations
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import TimeRange

_TOLD_FROM: Final = 0.1
"""A change of fewer kW, or of a smaller share, is not worth telling."""
_DEVICES_AN_EVENT: Final = 500


class FlexibilityReports:
    """Works out flexibility from the load of now and of the weeks before."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        situations: Situations,
        history: LoadHistory,
        clock: Clock,
        zone: SiteZone,
    ) -> None:
        self._uow = uow
        self._situations = situations
        self._history = history
        self._clock = clock
        self._zone = zone

    async def get(self, device_id: DeviceId) -> Flexibility:
        """Return what a device can shed, or raise `NotFoundError` (``unknown_device``)."""
        async with self._uow.begin() as tx:
            devices = await tx.devices.find([device_id])
        if device_id not in devices:
            raise unknown_device(device_id)
        return (await self.of([devices[device_id]]))[device_id]

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Flexibility], int]:
        """Return what a page of devices can shed, by id, and the number of all."""
        async with self._uow.begin() as tx:
            devices, total = await tx.devices.list(limit, offset)
        found = await self.of(devices)
        return [found[one.device_id] for one in devices], total

    async def of(self, devices: Sequence[Device]) -> Mapping[DeviceId, Flexibility]:
        """Return what these devices can shed."""
        if not devices:
            return {}
        situations = await self._situations.of(devices)
        history = await self._before(devices)
        now = self._clock.now()
        return {
            device_id: flexibility(
                situation, history.get(situation.device.terms.power_sensor_id, ()), now, self._zone
            )
            for device_id, situation in situations.items()
        }

    async def _before(self, devices: Sequence[Device]) -> Mapping[SensorId | None, Sequence[LoadInterval]]:
        sensors = {one.terms.power_sensor_id for one in devices if one.terms.power_sensor_id is not None}
        end = self._clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if not sensors:
            return {}
        asked = TimeRange(end - timedelta(days=DAYS_BACK), end)
        return dict((await self._history.means(sensors, asked, HOUR)).items())


class TellFlexibility:
    """Tells of changes of what can be shed now, again and again.

    What was told last is only known to this process: another one may tell a thing once more.
    """

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        situations: Situations,
        clock: Clock,
        ids: IdFactory,
        zone: SiteZone,
    ) -> None:
        self._uow = uow
        self._situations = situations
        self._clock = clock
        self._ids = ids
        self._zone = zone
        self._told: dict[DeviceId, float] = {}

    async def __call__(self) -> int:
        """Tell what has changed since, and return of how many devices."""
        async with self._uow.begin() as tx:
            devices = await tx.devices.select(Targets())
        situations = await self._situations.of(devices)
        now = self._clock.now()
        current = {device_id: now_kw(one, now, self._zone) for device_id, one in situations.items()}
        changed = {
            device_id: kw
            for device_id, kw in current.items()
            if abs(kw - self._told.get(device_id, -1.0)) > _TOLD_FROM * max(1.0, kw)
        }
        ids = sorted(changed)
        async with self._uow.begin() as tx:
            for start in range(0, len(ids), _DEVICES_AN_EVENT):
                some = ids[start : start + _DEVICES_AN_EVENT]
                tx.events.add(
                    FlexibilityChanged(
                        event_id=EventId(self._ids.new()),
                        occurred_at=now,
                        device_ids=tuple(some),
                        now_kw=tuple(changed[one] for one in some),
                    )
                )
        self._told = {one: self._told.get(one, 0.0) for one in current} | changed
        return len(changed)
