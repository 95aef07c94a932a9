"""Releasing devices: their assignments end, and they are told to come back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.demand_response.assignments import Assignment, EndReason
from domain.demand_response.commands import Command, CommandKind, CommandReason, CommandStatus
from domain.demand_response.devices import Device
from domain.demand_response.dispatching import staggered
from domain.demand_response.dr_events import DrEvent
from domain.demand_response.model import CommandId, DeviceId
from domain.demand_response.orders import is_manual
from domain.demand_response.ports import DemandResponseTransaction
from domain.demand_response.services.telling import Teller
from domain.shared.ports import IdFactory

_TOLD: Final = {
    EndReason.EVENT_ENDED: CommandReason.EVENT_ENDED,
    EndReason.EVENT_CANCELLED: CommandReason.EVENT_CANCELLED,
    EndReason.OPT_OUT: CommandReason.OPT_OUT,
    EndReason.MAX_DURATION: CommandReason.MAX_DURATION,
    EndReason.FAILED: CommandReason.GIVEN_UP,
}
_STAGGERED: Final = frozenset({EndReason.EVENT_ENDED, EndReason.EVENT_CANCELLED})


class Releasing:
    """Lets devices go, inside the transaction of whoever decided that; it has to hold the event."""

    def __init__(self, teller: Teller, ids: IdFactory) -> None:
        self._teller = teller
        self._ids = ids

    async def all(
        self, tx: DemandResponseTransaction, event: DrEvent, reason: EndReason, now: datetime
    ) -> None:
        """Release all devices that serve the event."""
        assigned = {one.device_id for one in await tx.assignments.of_event(event.event_id) if one.is_serving}
        await self.some(tx, event, assigned, reason, now)

    async def some(
        self,
        tx: DemandResponseTransaction,
        event: DrEvent,
        device_ids: set[DeviceId],
        reason: EndReason,
        now: datetime,
    ) -> None:
        """Release those of the devices that serve the event.

        At its end they come back one after the other, over ``randomize_start``; else at once.
        """
        if not device_ids:
            return
        held = await tx.assignments.hold_serving(device_ids)
        serving = [one for one in held.values() if one.event_id == event.event_id]
        await tx.assignments.replace([replace(one, ended_at=now, end_reason=reason) for one in serving])
        await self._set_aside(tx, [one.device_id for one in serving])
        window = event.terms.randomize_start
        released = [one.device_id for one in serving]
        back_at = (
            staggered(event.event_id, released, now, window)
            if reason in _STAGGERED
            else dict.fromkeys(released, now)
        )
        devices = await tx.devices.find(released)
        restores = [self._restore(one, reason, back_at[one.device_id], now, devices) for one in serving]
        await tx.commands.add(restores)
        for command in restores:
            tx.events.add(self._teller.command(command))

    async def _set_aside(self, tx: DemandResponseTransaction, device_ids: Sequence[DeviceId]) -> None:
        for command in await tx.commands.supersede(device_ids):
            tx.events.add(self._teller.command(command))

    def _restore(
        self,
        assignment: Assignment,
        reason: EndReason,
        due_at: datetime,
        now: datetime,
        devices: Mapping[DeviceId, Device],
    ) -> Command:
        device = devices.get(assignment.device_id)
        by_hand = device is not None and is_manual(device)
        return Command(
            command_id=CommandId(self._ids.new()),
            assignment_id=assignment.assignment_id,
            event_id=assignment.event_id,
            device_id=assignment.device_id,
            kind=CommandKind.RESTORE,
            reason=_TOLD[reason],
            noted_at=now,
            due_at=due_at,
            reduction_kw=0.0,
            status=CommandStatus.MANUAL if by_hand else CommandStatus.PENDING,
            time=due_at if by_hand else None,
        )
