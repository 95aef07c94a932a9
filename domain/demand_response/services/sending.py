"""Sending commands: each is claimed before it is sent, tried again, and its outcome is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from domain.demand_response.assignments import EndReason
from domain.demand_response.commands import Command, CommandKind, CommandStatus
from domain.demand_response.devices import MOST_TIMEOUT, Device
from domain.demand_response.dispatching import first_check
from domain.demand_response.errors import FOR_GOOD, DeviceControlError
from domain.demand_response.model import Fault
from domain.demand_response.orders import order_of
from domain.demand_response.ports import (
    DemandResponseTransaction,
    DemandResponseUnitOfWork,
    DeviceControl,
    LoadHistory,
)
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.shared.ports import Clock

CLAIM_TERM: Final = MOST_TIMEOUT + timedelta(seconds=5)
"""How long a command stays with a process that died, before it is sent once more."""

MOST_ATTEMPTS: Final = {CommandKind.REDUCE: 5, CommandKind.RESTORE: 12}
"""A device that cannot be told to shed is soon replaced; one that sheds has to be brought back."""

LONGEST_PAUSE: Final = timedelta(minutes=5)
_FIRST_PAUSE: Final = timedelta(seconds=1)
_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Claimed:
    """A command that this process is to send, and its device; None where that is gone."""

    command: Command
    device: Device | None


class SendCommands:
    """Sends what is due. The device gets the id of the command as its ``Idempotency-Key``.

    A process that dies in between leaves a command that is noted as begun: it is sent once more after a
    while, and the key tells the device that it is the same.
    """

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        control: DeviceControl,
        history: LoadHistory,
        releasing: Releasing,
        teller: Teller,
        clock: Clock,
        waking: Waking,
    ) -> None:
        self._uow = uow
        self._control = control
        self._history = history
        self._releasing = releasing
        self._teller = teller
        self._clock = clock
        self._waking = waking

    async def __call__(self) -> int:
        """Send all that is due now, and return how many commands that were."""
        sent = 0
        while claimed := await self.claim():
            await asyncio.gather(*(self.send(one) for one in claimed))
            sent += len(claimed)
        return sent

    async def claim(self) -> Sequence[Claimed]:
        """Claim commands that are due: `send` each, all at the same time."""
        async with self._uow.begin() as tx:
            commands = await tx.commands.claim_due(self._clock.now(), CLAIM_TERM, _AT_ONCE)
            devices = await tx.devices.find({one.device_id for one in commands})
        return [Claimed(one, devices.get(one.device_id)) for one in commands]

    async def send(self, claimed: Claimed) -> None:
        """Send a claimed command, and keep what came of it."""
        fault = await self._fault(claimed)
        check_after = None
        command = claimed.command
        if fault is None and command.kind is CommandKind.REDUCE and claimed.device is not None:
            check_after = await self._first_check(claimed.device)
        now = self._clock.now()
        if fault is None:
            ended = replace(command, status=CommandStatus.DELIVERED, time=now, fault=None)
        elif fault.code in FOR_GOOD or command.attempts >= MOST_ATTEMPTS[command.kind]:
            ended = replace(command, status=CommandStatus.FAILED, fault=fault)
        else:
            pause = min(_FIRST_PAUSE * 2 ** (command.attempts - 1), LONGEST_PAUSE)
            ended = replace(command, due_at=now + pause, fault=fault)
        async with self._uow.begin() as tx:
            event = await tx.dr_events.hold(command.event_id)
            if not await tx.commands.end_attempt(ended):
                return  # set aside meanwhile, or sent by another process since this one was so slow
            tx.events.add(self._teller.command(ended))
            if ended.kind is CommandKind.REDUCE and event is not None:
                if ended.status is CommandStatus.FAILED:
                    await self._releasing.some(tx, event, {ended.device_id}, EndReason.FAILED, now)
                    # Another one has to step in, as soon as can be.
                    due_at = now if event.status.is_open else None
                    await tx.dr_events.replace(replace(event, due_at=due_at))
                elif ended.status is CommandStatus.DELIVERED and check_after is not None:
                    await _check_later(tx, ended, check_after)
        self._waking.wake()

    async def _fault(self, claimed: Claimed) -> Fault | None:
        if claimed.device is None:
            return Fault("unknown_device", "the device was deleted")
        order = order_of(claimed.command, claimed.device)
        if order is None:
            return Fault("no_control", "the device can no longer be told anything")
        try:
            await self._control.send(order)
        except DeviceControlError as refused:
            return refused.fault
        return None

    async def _first_check(self, device: Device) -> timedelta | None:
        sensor = device.terms.power_sensor_id
        if sensor is None:
            return None
        now = self._clock.now()
        check_at = first_check(now, device.terms.ramp, (await self._history.newest([sensor])).get(sensor))
        return None if check_at is None else check_at - now


async def _check_later(tx: DemandResponseTransaction, command: Command, after: timedelta) -> None:
    serving = (await tx.assignments.hold_serving([command.device_id])).get(command.device_id)
    if serving is not None and serving.assignment_id == command.assignment_id and command.time is not None:
        await tx.assignments.replace([replace(serving, check_at=command.time + after)])
