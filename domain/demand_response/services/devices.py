"""Devices that take part: saying what they can do, finding and deleting them."""

from collections.abc import Sequence
from dataclasses import replace

from domain.demand_response.devices import Control, Device, DeviceTerms, ProfileOrigin
from domain.demand_response.errors import device_comes_back, device_is_serving, unknown_device
from domain.demand_response.events import DrDeviceDeleted
from domain.demand_response.model import DeviceId
from domain.demand_response.orders import is_manual
from domain.demand_response.ports import (
    DemandResponseTransaction,
    DemandResponseUnitOfWork,
    LoadHistory,
    UrlRules,
)
from domain.demand_response.services.device_checks import device_problems
from domain.demand_response.services.device_telling import device_told
from domain.demand_response.services.event_checks import refuse
from domain.shared.errors import Problem
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import EPOCH


class DrDevices:
    """The use cases around devices."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        history: LoadHistory,
        urls: UrlRules,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._history = history
        self._urls = urls
        self._clock = clock
        self._ids = ids

    async def put(self, terms: DeviceTerms, actor: Actor) -> tuple[Device, bool]:
        """Say what a device can do, in place of what was said; return it, and whether it is new.

        Where nothing is said of its control, that stays as it was.

        Raises:
            InvalidError: each fault, by JSON pointer; among them ``unknown_sensor`` and ``host_not_allowed``.
            ConflictError: ``device_is_serving``: its control is not taken away while it sheds.

        """
        problems = list(device_problems(terms, self._urls))
        refuse([*problems, *await self._sensor_problems(terms)], "the device cannot take part so")
        now = self._clock.now()
        async with self._uow.begin() as tx:
            before = (await tx.devices.find([terms.device_id])).get(terms.device_id)
            device = _put(terms, before)
            if before is None:
                device = replace(device, created_at=now, updated_at=now)
            elif device == before:
                return before, False
            else:
                if is_manual(device) and not is_manual(before):
                    await _check_idle(tx, terms.device_id)
                device = replace(device, updated_at=now)
            await tx.devices.put([device])
            tx.events.add(device_told(self._clock, self._ids, before, device, actor))
        return device, before is None

    async def get(self, device_id: DeviceId) -> Device:
        """Return a device, or raise `NotFoundError` (``unknown_device``)."""
        async with self._uow.begin() as tx:
            found = await tx.devices.find([device_id])
        if device_id not in found:
            raise unknown_device(device_id)
        return found[device_id]

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Device], int]:
        """Return a page of devices by id, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.devices.list(limit, offset)

    async def delete(self, device_id: DeviceId, actor: Actor) -> None:
        """Let a device take no part any more; what it did is kept.

        One that is polled and made for it comes back with the next look at its configuration.

        Raises:
            NotFoundError: ``unknown_device``.
            ConflictError: ``device_is_serving``: it sheds, or is still to be told to come back.

        """
        async with self._uow.begin() as tx:
            await _check_idle(tx, device_id)
            if not await tx.devices.delete(device_id):
                raise unknown_device(device_id)
            await tx.auto_responses.delete(device_id)
            tx.events.add(
                DrDeviceDeleted(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    device_id=device_id,
                )
            )

    async def _sensor_problems(self, terms: DeviceTerms) -> Sequence[Problem]:
        if terms.power_sensor_id is None:
            return [Problem("/power_sensor_id", "required", "the sensor that measures its power")]
        named = {"power_sensor_id": terms.power_sensor_id, "site_meter_id": terms.site_meter_id}
        known = await self._history.known({one for one in named.values() if one is not None})
        return [
            Problem(f"/{name}", "unknown_sensor", f"there is no power sensor {one!r}")
            for name, one in named.items()
            if one is not None and one not in known
        ]


async def _check_idle(tx: DemandResponseTransaction, device_id: DeviceId) -> None:
    """Refuse what would leave a device shed for ever: nobody could tell it to come back."""
    if await tx.assignments.hold_serving([device_id]):
        raise device_is_serving(device_id)
    if await tx.commands.pending([device_id]):
        raise device_comes_back(device_id)


def _put(terms: DeviceTerms, before: Device | None) -> Device:
    """Return a device as a client describes it."""
    control, origin = terms.control, ProfileOrigin.API
    if control is None:
        control = Control() if before is None else before.terms.control
        origin = ProfileOrigin.API if before is None else before.control_origin
    return Device(
        terms=replace(terms, control=control),
        origin=ProfileOrigin.API,
        control_origin=origin,
        created_at=EPOCH if before is None else before.created_at,
        updated_at=EPOCH if before is None else before.updated_at,
    )
