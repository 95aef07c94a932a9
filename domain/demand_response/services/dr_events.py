"""Events: creating, publishing, cancelling and finding them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.demand_response.assignments import Assignment, EndReason
from domain.demand_response.commands import Command
from domain.demand_response.devices import Device
from domain.demand_response.dr_events import (
    DrEvent,
    DrEventStatus,
    EventOrigin,
    EventTerms,
    SignalType,
    StatusChange,
)
from domain.demand_response.errors import unknown_event
from domain.demand_response.invitations import Invitation
from domain.demand_response.lifecycle import cancel, check_start, publish
from domain.demand_response.model import AssignmentId, DrEventId
from domain.demand_response.ports import DemandResponseTransaction, DemandResponseUnitOfWork
from domain.demand_response.services.event_checks import matching_devices, refuse, terms_problems
from domain.demand_response.services.moving import Moving
from domain.demand_response.services.waking import Waking
from domain.demand_response.store_ports import EventFilter
from domain.shared.errors import Problem
from domain.shared.events import Actor
from domain.shared.ports import Clock, IdFactory


@dataclass(frozen=True, slots=True)
class EventView:
    """An event with all that belongs to it: whom it asked, who serves, and what they were told."""

    event: DrEvent
    invitations: Sequence[Invitation]
    assignments: Sequence[Assignment]
    commands: Sequence[Command]


class DrEvents:
    """The use cases around events."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        moving: Moving,
        waking: Waking,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._moving = moving
        self._waking = waking
        self._clock = clock
        self._ids = ids

    async def create(self, terms: EventTerms, actor: Actor, *, draft: bool = False) -> EventView:
        """Create an event, and publish it unless it is to be a draft.

        One that has ended already is recorded for its measurement, with the devices that its targets name
        now as those that took part.

        Raises:
            InvalidError: each fault, by JSON pointer; among them ``began_too_long_ago``, ``unknown_device``,
                ``no_matching_devices``, ``no_site_meter`` and ``unknown_program``.

        """
        refuse(list(terms_problems(terms)), "the event cannot be created so")
        now = self._clock.now()
        if not draft:
            check_start(terms.start, terms.end, now)
        event = DrEvent(
            event_id=DrEventId(self._ids.new()),
            terms=terms,
            status=DrEventStatus.DRAFT,
            origin=EventOrigin.API,
            created_at=now,
            created_by=actor,
        )
        if draft:
            event = replace(event, history=(StatusChange(DrEventStatus.DRAFT, now, actor),))
        else:
            event = publish(event, now, actor)
        async with self._uow.begin() as tx:
            await self._check_program(tx, terms)
            devices = await matching_devices(
                tx, terms.targets, need_site_meter=terms.signal.type is SignalType.IMPORT_CAPACITY_LIMIT
            )
            await self._moving.changed(tx, None, event, now)
            await self._published(tx, event, devices, now)
            view = await _view(tx, event.event_id)
        self._waking.wake()
        return view

    async def publish(self, event_id: DrEventId, actor: Actor) -> EventView:
        """Publish a draft.

        Raises:
            NotFoundError: ``unknown_event``.
            ConflictError: ``already_published, event_completed, event_cancelled, began_too_long_ago``.
            InvalidError: its targets match nothing any more.

        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            before = await _held(tx, event_id)
            event = publish(before, now, actor)
            devices = await matching_devices(
                tx,
                event.terms.targets,
                need_site_meter=event.terms.signal.type is SignalType.IMPORT_CAPACITY_LIMIT,
            )
            await self._moving.changed(tx, before, event, now)
            await self._published(tx, event, devices, now)
            view = await _view(tx, event_id)
        self._waking.wake()
        return view

    async def cancel(self, event_id: DrEventId, actor: Actor, reason: str | None = None) -> EventView:
        """Cancel an event: it stays, with who did that, when and why; its devices are released.

        Raises:
            NotFoundError: ``unknown_event``.
            ConflictError: ``event_completed, event_cancelled``.

        """
        now = self._clock.now()
        async with self._uow.begin() as tx:
            before = await _held(tx, event_id)
            event = cancel(before, now, actor, reason)
            await self._moving.changed(tx, before, event, now)
            view = await _view(tx, event_id)
        self._waking.wake()
        return view

    async def get(self, event_id: DrEventId) -> EventView:
        """Return an event with all that belongs to it, or raise `NotFoundError` (``unknown_event``)."""
        async with self._uow.begin() as tx:
            return await _view(tx, event_id)

    async def list(self, where: EventFilter, limit: int, offset: int) -> tuple[Sequence[DrEvent], int]:
        """Return a page of events, the one that starts last first, and the number of all that match."""
        async with self._uow.begin() as tx:
            return await tx.dr_events.list(where, limit, offset)

    async def counts(self) -> Mapping[DrEventStatus, int]:
        """Return how many events have each status."""
        async with self._uow.begin() as tx:
            return await tx.dr_events.counts()

    async def _check_program(self, tx: DemandResponseTransaction, terms: EventTerms) -> None:
        if terms.program_id is not None and await tx.programs.get(terms.program_id) is None:
            problem = Problem("/program_id", "unknown_program", f"there is no program {terms.program_id}")
            refuse([problem], "the event cannot be created so")

    async def _published(
        self, tx: DemandResponseTransaction, event: DrEvent, devices: Sequence[Device], now: datetime
    ) -> None:
        """Invite at once where it is time, and let the scheduler look at it; record what is over."""
        if event.status.is_open:
            moved = await self._moving.step(tx, event, now)
            await tx.dr_events.replace(replace(moved, due_at=now))
        elif event.status is DrEventStatus.COMPLETED and event.missed is None:
            await tx.assignments.add([self._took_part(event, one) for one in devices])

    def _took_part(self, event: DrEvent, device: Device) -> Assignment:
        return Assignment(
            assignment_id=AssignmentId(self._ids.new()),
            event_id=event.event_id,
            device_id=device.device_id,
            began_at=event.terms.start,
            ended_at=event.terms.end,
            end_reason=EndReason.EVENT_ENDED,
        )


async def _held(tx: DemandResponseTransaction, event_id: DrEventId) -> DrEvent:
    event = await tx.dr_events.hold(event_id)
    if event is None:
        raise unknown_event(event_id)
    return event


async def _view(tx: DemandResponseTransaction, event_id: DrEventId) -> EventView:
    event = await tx.dr_events.get(event_id)
    if event is None:
        raise unknown_event(event_id)
    return EventView(
        event=event,
        invitations=await tx.invitations.of_event(event_id),
        assignments=await tx.assignments.of_event(event_id),
        commands=await tx.commands.of_event(event_id),
    )
