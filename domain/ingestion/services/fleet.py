"""Which devices this process polls."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.ingestion.device_state import shard_of
from domain.ingestion.held_device import HeldDevice
from domain.ingestion.iot_configuration import Device
from domain.ingestion.model import DeviceId, ShardLease, WorkerId
from domain.ingestion.ports import IngestionUnitOfWork, IotConfigurationSource

LEASE_TERM: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class FleetChange:
    """What a renewal changed; a device that was configured anew is in both."""

    started: tuple[DeviceId, ...] = ()
    stopped: tuple[DeviceId, ...] = ()


class Fleet:
    """The devices of the shards that this worker holds, with all that is known of them in memory."""

    def __init__(
        self,
        worker: WorkerId,
        configuration: IotConfigurationSource,
        uow: IngestionUnitOfWork,
        term: timedelta = LEASE_TERM,
    ) -> None:
        self.worker = worker
        self.term = term
        self._configuration = configuration
        self._uow = uow
        self._held: dict[DeviceId, HeldDevice] = {}

    def __iter__(self) -> Iterator[HeldDevice]:
        """Yield the devices that are held."""
        return iter(tuple(self._held.values()))

    def __len__(self) -> int:
        """Return how many devices are held."""
        return len(self._held)

    def get(self, device_id: DeviceId) -> HeldDevice | None:
        """Return the device if this process polls it."""
        return self._held.get(device_id)

    async def renew(self) -> FleetChange:
        """Prolong this worker's leases, and take over or let go of what the leases and the configuration say.

        Raises:
            UnavailableError: the database is away; what is held stays held, since no other worker can
                take it over without the database either.
            InvalidError: there is no valid configuration.

        """
        configuration = await self._configuration.load()
        async with self._uow.begin() as tx:
            leases = {lease.shard: lease for lease in await tx.shard_leases.hold(self.worker, self.term)}
            wanted: dict[DeviceId, tuple[Device, ShardLease]] = {}
            for device_id, device in configuration.devices.items():
                lease = leases.get(shard_of(device_id))
                if lease is not None:
                    wanted[device_id] = (device, lease)
            states = await tx.device_statuses.get([one for one in wanted if one not in self._held])
        stopped = [one for one in self._held if one not in wanted]
        started = []
        for device_id in stopped:
            del self._held[device_id]
        for device_id, (device, lease) in wanted.items():
            held = self._held.get(device_id)
            if held is not None and held.device == device:
                held.lease = lease
                continue
            if held is not None:
                stopped.append(device_id)
            started.append(device_id)
            state = states.get(device_id) if held is None else held.state
            self._held[device_id] = HeldDevice(device, lease, state)
        return FleetChange(tuple(started), tuple(stopped))

    async def release(self) -> None:
        """Let go of everything, so that another worker can go on at once."""
        self._held.clear()
        async with self._uow.begin() as tx:
            await tx.shard_leases.release(self.worker)
