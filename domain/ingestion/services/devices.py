"""What people see of devices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.ingestion.errors import unknown_device
from domain.ingestion.iot_configuration import Device
from domain.ingestion.model import DeviceId, DeviceState, DeviceStatus
from domain.ingestion.ports import IngestionUnitOfWork, IotConfigurationSource


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A configured device and how it fares."""

    device: Device
    state: DeviceState


class ReportDevices:
    """Reads the configured devices with the states that were saved, whichever process polls them."""

    def __init__(self, configuration: IotConfigurationSource, uow: IngestionUnitOfWork) -> None:
        self._configuration = configuration
        self._uow = uow

    async def page(
        self, limit: int, offset: int, status: DeviceStatus | None = None
    ) -> tuple[Sequence[DeviceReport], int]:
        """Return a page in the order of the configuration, and the number of all that match."""
        devices = tuple((await self._configuration.load()).devices.values())
        # Without a filter only the page's states are read.
        shown = devices if status is not None else devices[offset : offset + limit]
        reports = await self._reports(shown)
        if status is None:
            return reports, len(devices)
        matching = [report for report in reports if report.state.status is status]
        return matching[offset : offset + limit], len(matching)

    async def get(self, device_id: DeviceId) -> DeviceReport:
        """Return one device.

        Raises:
            NotFoundError: ``unknown_device``.

        """
        device = (await self._configuration.load()).devices.get(device_id)
        if device is None:
            raise unknown_device(device_id)
        (report,) = await self._reports([device])
        return report

    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeviceReport]:
        """Return those of the devices that are configured."""
        if not device_ids:
            return {}
        devices = (await self._configuration.load()).devices
        reports = await self._reports([devices[one] for one in sorted(device_ids) if one in devices])
        return {one.device.device_id: one for one in reports}

    async def counts(self) -> Sequence[tuple[DeviceStatus, int]]:
        """Return how many of the configured devices have each status."""
        reports = await self._reports(tuple((await self._configuration.load()).devices.values()))
        return [(status, sum(report.state.status is status for report in reports)) for status in DeviceStatus]

    async def _reports(self, devices: Sequence[Device]) -> Sequence[DeviceReport]:
        if not devices:
            return []
        async with self._uow.begin() as tx:
            states = await tx.device_statuses.get([device.device_id for device in devices])
        return [
            DeviceReport(device, states.get(device.device_id) or DeviceState(device_id=device.device_id))
            for device in devices
        ]
