"""What happens to devices."""

from dataclasses import dataclass

from domain.ingestion.model import DeviceId, DeviceStatus
from domain.shared.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatusChanged(DomainEvent):
    """A device came to fare otherwise; ``reason`` is the code of the fault, None where there is none."""

    device_id: DeviceId
    previous: DeviceStatus
    status: DeviceStatus
    reason: str | None = None
