"""Moving one event on: its status by the time, its invitations, and the release of its devices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from domain.demand_response.assignments import EndReason, time_served
from domain.demand_response.devices import Device
from domain.demand_response.dispatching import NO_SITE_METER
from domain.demand_response.dr_events import DrEvent, DrEventStatus, SignalType
from domain.demand_response.invitations import Invitation, InvitationStatus
from domain.demand_response.lifecycle import (
    NOBODY_OPTED_IN,
    NOTHING_TO_SHED,
    SERVED_OTHER_EVENTS,
    advance,
    answer_until,
    invite_at,
    missed,
    next_step,
)
from domain.demand_response.limits import Situation, standing_limits
from domain.demand_response.model import (
    MOST_RECENT,
    DeviceId,
    DrEventId,
    InvitationId,
    LeftOut,
    SiteZone,
)
from domain.demand_response.ports import DemandResponseTransaction
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.telling import Teller
from domain.demand_response.week_windows import local_day
from domain.shared.ports import IdFactory
from domain.shared.time import TimeRange


class Moving:
    """Takes the steps that are due, inside the transaction of whoever asks; it has to hold the event."""

    def __init__(self, releasing: Releasing, teller: Teller, ids: IdFactory, zone: SiteZone) -> None:
        self._releasing = releasing
        self._teller = teller
        self._ids = ids
        self._zone = zone

    async def step(self, tx: DemandResponseTransaction, event: DrEvent, now: datetime) -> DrEvent:
        """Move the event to where it is by now, invite whom it asks for, and store it."""
        moved = advance(event, now)
        if moved.status is DrEventStatus.COMPLETED and event.status is DrEventStatus.ACTIVE:
            moved = await self._why_not_dispatched(tx, moved)
        moved = await self.invited(tx, moved, now)
        await self.changed(tx, event, moved, now)
        return moved

    async def changed(
        self, tx: DemandResponseTransaction, before: DrEvent | None, event: DrEvent, now: datetime
    ) -> None:
        """Store what an event has become, tell of it, and let everything go where it is over."""
        previous = None if before is None else before.status
        if event.status is not previous:
            tx.events.add(self._teller.status(event, previous))
        if event.status.is_over and event.status is not previous:
            ended = event.status is DrEventStatus.COMPLETED
            reason = EndReason.EVENT_ENDED if ended else EndReason.EVENT_CANCELLED
            await self._releasing.all(tx, event, reason, now)
            await self.expire(tx, event, now)
        event = replace(event, due_at=next_step(event))
        if before is None:
            await tx.dr_events.add(event)
        elif event != before:
            await tx.dr_events.replace(event)

    async def invited(self, tx: DemandResponseTransaction, event: DrEvent, now: datetime) -> DrEvent:
        """Invite each device whose limits allow, if it is time; return the event as it is then."""
        due = invite_at(event)
        if due is None or due > now:
            return event
        devices = await tx.devices.select(event.terms.targets)
        refused = await self._refused(tx, event, devices, now)
        until = answer_until(event, now)
        new = await tx.invitations.add(
            [
                Invitation(
                    invitation_id=InvitationId(self._ids.new()),
                    event_id=event.event_id,
                    device_id=one.device_id,
                    invited_at=now,
                    answer_until=until,
                )
                for one in devices
                if one.device_id not in refused
            ]
        )
        for invitation in new:
            tx.events.add(self._teller.invitation(invitation))
        return replace(event, invited_at=now, left_out=tuple(refused.values()))

    async def expire(self, tx: DemandResponseTransaction, event: DrEvent, now: datetime) -> None:
        """Let invitations expire that nobody has answered in time, or that there is no event for any more."""
        expired = [
            replace(one, status=InvitationStatus.EXPIRED)
            for one in await tx.invitations.of_event(event.event_id)
            if one.status is InvitationStatus.INVITED and (event.status.is_over or one.answer_until <= now)
        ]
        await tx.invitations.replace(expired)
        for invitation in expired:
            tx.events.add(self._teller.invitation(invitation))

    async def _refused(
        self, tx: DemandResponseTransaction, event: DrEvent, devices: Sequence[Device], now: datetime
    ) -> Mapping[DeviceId, LeftOut]:
        terms = event.terms
        asked = TimeRange(max(terms.start, now), max(terms.end, now))
        ids = [one.device_id for one in devices]
        day = local_day(terms.start, self._zone)
        others = await tx.invitations.opted_in(ids, day.start, day.end)
        recent = await tx.assignments.overlapping(ids, now - MOST_RECENT, now + timedelta(microseconds=1))
        needs_meter = terms.signal.type is SignalType.IMPORT_CAPACITY_LIMIT
        refused: dict[DeviceId, LeftOut] = {}
        for device in devices:
            device_id = device.device_id
            if needs_meter and device.terms.site_meter_id is None:
                refused[device_id] = LeftOut(device_id, NO_SITE_METER, "it has no site_meter_id")
                continue
            situation = Situation(device=device, recent=recent.get(device_id, ()))
            opted_in: list[DrEventId] = list(others.get(device_id, ()))
            limits = list(
                standing_limits(situation, asked, self._zone, event_id=event.event_id, opted_in=opted_in)
            )
            if limits:
                detail = "; ".join(one.detail for one in limits)
                refused[device_id] = LeftOut(device_id, limits[0].code, detail)
        return refused

    async def _why_not_dispatched(self, tx: DemandResponseTransaction, event: DrEvent) -> DrEvent:
        signal = event.terms.signal
        nothing_asked = signal.type is SignalType.SIMPLE and signal.value == 0
        if event.dispatched or nothing_asked:
            return event
        invitations = await tx.invitations.of_event(event.event_id)
        opted_in = [one.device_id for one in invitations if one.status is InvitationStatus.OPT_IN]
        if not opted_in:
            return missed(event, NOBODY_OPTED_IN, f"of {len(invitations)} devices none opted in")
        if signal.type is SignalType.IMPORT_CAPACITY_LIMIT:
            return event  # the site may have stayed within it by itself
        asked = TimeRange(event.terms.start, event.terms.end)
        served = await tx.assignments.overlapping(opted_in, asked.start, asked.end)
        if all(2 * time_served(served.get(one, ()), asked) > event.terms.duration for one in opted_in):
            detail = "each device that opted in served other events for most of that time"
            return missed(event, SERVED_OTHER_EVENTS, detail)
        return missed(event, NOTHING_TO_SHED, "no device that opted in could shed anything")
