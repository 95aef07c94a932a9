"""Devices that are polled and made for demand response: they take part by themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.demand_response.devices import Device, DeviceTerms, ProfileOrigin
from domain.demand_response.model import DeviceId, Targets
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.services.device_telling import device_told
from domain.shared.events import SYSTEM
from domain.shared.ports import Clock, IdFactory

_POLLER: Final = ProfileOrigin.POLLER


class FollowPolledDevices:
    """Keeps up with the configuration of the devices that are polled."""

    def __init__(self, uow: DemandResponseUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def __call__(self, polled: Sequence[DeviceTerms]) -> int:
        """Let these devices take part, and return how many changed; the same once more changes nothing.

        ``polled`` is all of them, as the configuration has them now, each with its control. What a client
        said of one stands, but for a control that came from the configuration: that follows it. One that
        the configuration has no more is not to be controlled any more, unless a client has spoken of it.
        """
        now = self._clock.now()
        wanted = {one.device_id: one for one in polled}
        async with self._uow.begin() as tx:
            known = {one.device_id: one for one in await tx.devices.select(Targets())}
            changed = [*_described(wanted, known, now), *_stopped(wanted, known, now)]
            await tx.devices.put([after for _, after in changed])
            for before, after in changed:
                tx.events.add(device_told(self._clock, self._ids, before, after, SYSTEM))
        return len(changed)


def _described(
    wanted: Mapping[DeviceId, DeviceTerms], known: Mapping[DeviceId, Device], now: datetime
) -> Sequence[tuple[Device | None, Device]]:
    pairs = [(known.get(one), _followed(terms, known.get(one), now)) for one, terms in wanted.items()]
    return [(before, replace(after, updated_at=now)) for before, after in pairs if after != before]


def _stopped(
    wanted: Mapping[DeviceId, DeviceTerms], known: Mapping[DeviceId, Device], now: datetime
) -> Sequence[tuple[Device | None, Device]]:
    gone = [one for device_id, one in known.items() if device_id not in wanted and one.origin is _POLLER]
    return [
        (one, replace(one, terms=replace(one.terms, controllable=False), updated_at=now))
        for one in gone
        if one.terms.controllable
    ]


def _followed(terms: DeviceTerms, before: Device | None, now: datetime) -> Device:
    """Return a device as its configuration describes it, beside what a client said of it."""
    if before is None:
        return Device(terms=terms, origin=_POLLER, control_origin=_POLLER, created_at=now, updated_at=now)
    if before.origin is _POLLER:
        return replace(before, terms=terms)
    if before.control_origin is _POLLER:
        return replace(before, terms=replace(before.terms, control=terms.control))
    return before
