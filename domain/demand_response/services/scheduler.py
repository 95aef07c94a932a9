"""The scheduler: takes each step of each event when it is due, whichever process does it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.model import DrEventId, SchedulerLease, WorkerId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.services.auto_answers import AnswerInvitations
from domain.demand_response.services.dispatch import DispatchEvents
from domain.demand_response.services.event_rules import CreateEventsOfRules
from domain.demand_response.services.leases import check_lease
from domain.demand_response.services.moving import Moving
from domain.shared.ports import Clock

LEASE_TERM: Final = timedelta(seconds=15)
"""How long events stay with a process that died, before another one moves them on."""

_AT_ONCE: Final = 100


class Scheduler:
    """Moves events on. One process at a time does so; whatever it does can be done again by the next one.

    Each step is one transaction that begins by looking where the event is by now, so that a process that
    dies between two steps, or is restarted after a while, leaves nothing half done.
    """

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        moving: Moving,
        answers: AnswerInvitations,
        dispatch: DispatchEvents,
        rules: CreateEventsOfRules,
        clock: Clock,
        worker: WorkerId,
    ) -> None:
        self._uow = uow
        self._moving = moving
        self._answers = answers
        self._dispatch = dispatch
        self._rules = rules
        self._clock = clock
        self._worker = worker

    async def take(self) -> SchedulerLease | None:
        """Take the lease, or prolong it; None while another process has it."""
        async with self._uow.begin() as tx:
            return await tx.scheduler_leases.take(self._worker, LEASE_TERM)

    async def leave(self) -> None:
        """Give the lease up, so that another process goes on at once."""
        async with self._uow.begin() as tx:
            await tx.scheduler_leases.release(self._worker)

    async def run(self, lease: SchedulerLease, *, everything: bool = False) -> None:
        """Take all steps that are due, and with ``everything`` look after all that goes on besides.

        Raises:
            LeaseLostError: another process moves events on now.

        """
        if everything:
            await self._rules()
        moved: set[DrEventId] = set()
        freed = everything
        while due := [one for one in await self._due() if one not in moved]:
            for event_id in due:
                freed |= await self._move(event_id, lease)
                moved.add(event_id)
        if freed:
            # Devices that an event has let go may serve another one.
            async with self._uow.begin() as tx:
                moved |= {one.event_id for one in await tx.dr_events.dispatching()}
        await self._dispatch(moved, lease)

    async def next_due(self) -> datetime | None:
        """Return when the next step of an event is due, as far as is known now."""
        async with self._uow.begin() as tx:
            moments = [await tx.dr_events.next_due(), await tx.assignments.next_due()]
        return min((one for one in moments if one is not None), default=None)

    async def next_command(self) -> datetime | None:
        """Return when the next command is to be sent."""
        async with self._uow.begin() as tx:
            return await tx.commands.next_due()

    async def _due(self) -> Sequence[DrEventId]:
        now = self._clock.now()
        async with self._uow.begin() as tx:
            events = await tx.dr_events.due(now, _AT_ONCE)
            return list(dict.fromkeys([*events, *await tx.assignments.due_events(now, _AT_ONCE)]))

    async def _move(self, event_id: DrEventId, lease: SchedulerLease) -> bool:
        """Take an event's due steps but for its dispatch; return whether it has let devices go."""
        async with self._uow.begin() as tx:
            await check_lease(tx, lease)
            event = await tx.dr_events.hold(event_id)
            if event is None or not event.status.is_open:
                return False
            moved = await self._moving.step(tx, event, self._clock.now())
        if moved.status.is_over:
            return True
        await self._answers.of_event(event_id)
        async with self._uow.begin() as tx:
            await check_lease(tx, lease)
            held = await tx.dr_events.hold(event_id)
            if held is not None:
                await self._moving.expire(tx, held, self._clock.now())
        return False
