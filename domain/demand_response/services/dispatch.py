"""Dispatching events: which devices are told to shed, whether they follow, and who steps in."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.assignments import Assignment, EndReason, Following
from domain.demand_response.commands import Command, CommandKind, CommandReason, CommandStatus
from domain.demand_response.conditions import MeterReading
from domain.demand_response.devices import Device
from domain.demand_response.dispatching import (
    Choice,
    Offer,
    Plan,
    dispatch_at,
    first_check,
    judge,
    offer_of,
    plan_all,
    plan_limit,
    plan_reduction,
    told_at,
)
from domain.demand_response.dr_events import DrEvent, DrEventStatus, SignalType
from domain.demand_response.invitations import Invitation, InvitationStatus
from domain.demand_response.lifecycle import next_step
from domain.demand_response.limits import Situation
from domain.demand_response.model import (
    AssignmentId,
    CommandId,
    DeviceId,
    DrEventId,
    SchedulerLease,
    SensorId,
    SiteZone,
)
from domain.demand_response.orders import is_manual
from domain.demand_response.ports import DemandResponseTransaction, DemandResponseUnitOfWork, LoadHistory
from domain.demand_response.services.leases import check_lease
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.situations import Situations, with_own
from domain.demand_response.services.telling import Teller
from domain.shared.ports import Clock, IdFactory

LIMIT_AGAIN: Final = timedelta(seconds=30)
"""So often a site is compared with the limit of its import."""
SHORT_AGAIN: Final = timedelta(seconds=60)
"""So often is looked for devices while a target is not met."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known as a whole pass begins; others were asked for it outside of any transaction."""

    invited: Collection[DeviceId]
    situations: Mapping[DeviceId, Situation]
    sites: Mapping[SensorId, MeterReading]
    higher: Collection[DrEventId]


class DispatchEvents:
    """Looks after events that are near or active."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        situations: Situations,
        history: LoadHistory,
        releasing: Releasing,
        teller: Teller,
        clock: Clock,
        ids: IdFactory,
        zone: SiteZone,
    ) -> None:
        self._uow = uow
        self._situations = situations
        self._history = history
        self._releasing = releasing
        self._teller = teller
        self._clock = clock
        self._ids = ids
        self._zone = zone

    async def __call__(self, event_ids: Collection[DrEventId], lease: SchedulerLease) -> None:
        """Look after these events, those of the highest rank first.

        An event from which a higher one has taken devices is looked after too, so that others step in.

        Raises:
            LeaseLostError: another process moves events on now.

        """
        async with self._uow.begin() as tx:
            running = await tx.dr_events.dispatching()
            asked = {event.event_id for event in running} & set(event_ids)
            if not asked:
                return
            invited = {
                invitation.device_id
                for event in running
                for invitation in await tx.invitations.of_event(event.event_id)
                if invitation.status is InvitationStatus.OPT_IN
            }
            devices = await tx.devices.find(invited)
        situations = await self._situations.from_others(list(devices.values()))
        sites = await self._history.newest(
            {one.terms.site_meter_id for one in devices.values() if one.terms.site_meter_id is not None}
        )
        higher: set[DrEventId] = set()
        for event in running:
            if event.event_id in asked:
                known = _Known(invited=invited, situations=situations, sites=sites, higher=frozenset(higher))
                async with self._uow.begin() as tx:
                    await check_lease(tx, lease)
                    asked |= await self._look_after(tx, event.event_id, known)
            higher.add(event.event_id)

    async def _look_after(
        self, tx: DemandResponseTransaction, event_id: DrEventId, known: _Known
    ) -> set[DrEventId]:
        """Do what is due for one event; return the events from which devices were taken."""
        now = self._clock.now()
        event = await tx.dr_events.hold(event_id)
        if event is None or not event.status.is_dispatching:
            return set()
        opted_in = {
            one.device_id: one
            for one in await tx.invitations.of_event(event_id)
            if one.status is InvitationStatus.OPT_IN
        }
        invitations = {one: opted_in[one] for one in opted_in if one in known.situations}
        assigned = await tx.assignments.of_event(event_id)
        await tx.assignments.hold_serving({*invitations, *(one.device_id for one in assigned)})
        await self._check(tx, assigned, known.situations, now)
        over = {one.device_id for one in assigned if one.is_serving and one.until and one.until <= now}
        await self._releasing.some(tx, event, over, EndReason.MAX_DURATION, now)
        situations = await with_own(
            tx, {one: known.situations[one] for one in invitations}, self._clock.now()
        )
        start_at = dispatch_at(event, (one.device.terms.ramp for one in situations.values()))
        steps = [next_step(event)]
        if not opted_in.keys() <= set(known.invited):
            steps.append(now)  # somebody opted in since others were asked
        taken_from: set[DrEventId] = set()
        if now < start_at:
            steps.append(start_at)
        else:
            serving = [one for one in await tx.assignments.of_event(event_id) if one.is_serving]
            plan = self._plan(event, serving, invitations, situations, known, now)
            taken_from = await self._assign(tx, event, plan, now, is_first=not assigned)
            if plan.chosen:
                event = replace(event, dispatched=True)
            steps.append(_again(event, plan, now))
        due_at = min((one for one in steps if one is not None), default=None)
        await tx.dr_events.replace(replace(event, due_at=due_at))
        return taken_from

    async def _check(
        self,
        tx: DemandResponseTransaction,
        assigned: Sequence[Assignment],
        situations: Mapping[DeviceId, Situation],
        now: datetime,
    ) -> None:
        """Look at the meters of those that are due."""
        due = [one for one in assigned if one.is_serving and one.check_at is not None and one.check_at <= now]
        if not due:
            return
        told = {
            command.assignment_id: command.time
            for command in await tx.commands.of_assignments([one.assignment_id for one in due])
            if command.kind is CommandKind.REDUCE
            and command.status in {CommandStatus.DELIVERED, CommandStatus.MANUAL}
        }
        checked = []
        for one in due:
            situation, since = situations.get(one.device_id), told.get(one.assignment_id)
            if situation is None or since is None:
                # The device is gone: nobody will see whether it follows.
                checked.append(replace(one, check_at=None))
                continue
            found = judge(one, since, situation.device.terms.ramp, situation.reading, now)
            after = replace(one, following=found.following, shed_kw=found.shed_kw, check_at=found.check_at)
            checked.append(after)
            if after.following is not one.following:
                tx.events.add(self._teller.following(after))
        await tx.assignments.replace(checked)

    def _plan(
        self,
        event: DrEvent,
        serving: Sequence[Assignment],
        invitations: Mapping[DeviceId, Invitation],
        situations: Mapping[DeviceId, Situation],
        known: _Known,
        now: datetime,
    ) -> Plan:
        found = (
            offer_of(situation, event, invitations[device_id], known.higher, now, self._zone)
            for device_id, situation in situations.items()
        )
        offers = [one for one in found if isinstance(one, Offer)]
        signal = event.terms.signal
        if signal.type is SignalType.LOAD_REDUCTION:
            return plan_reduction(signal.value, serving, offers)
        if signal.type is SignalType.IMPORT_CAPACITY_LIMIT:
            return _by_site(signal.value, serving, offers, situations, known.sites, now)
        return plan_all(event, offers)

    async def _assign(
        self, tx: DemandResponseTransaction, event: DrEvent, plan: Plan, now: datetime, *, is_first: bool
    ) -> set[DrEventId]:
        """Let the chosen serve the event, or shed more for it; return the events that had them before."""
        if not plan.chosen:
            return set()
        begun, raised, ended = [], [], []
        for one in plan.chosen:
            situation = one.offer.situation
            own, serving = situation.serves(event.event_id), situation.serving
            if own is not None:
                raised.append((situation.device, _raised(event, own, one, now)))
                continue
            if serving is not None:
                ended.append(replace(serving, ended_at=now, end_reason=EndReason.TAKEN_OVER))
            begun.append((situation.device, self._begun(event, one, now)))
        await tx.assignments.replace([*ended, *(assignment for _, assignment in raised)])
        for command in await tx.commands.supersede([one.offer.device_id for one in plan.chosen]):
            tx.events.add(self._teller.command(command))
        reason = CommandReason.DISPATCH if is_first else CommandReason.REPLACEMENT
        await tx.assignments.add([assignment for _, assignment in begun])
        commands = [self._reduce(event, device, one, reason, now) for device, one in (*raised, *begun)]
        await tx.commands.add(commands)
        for command in commands:
            tx.events.add(self._teller.command(command))
        return {one.event_id for one in ended}

    def _begun(self, event: DrEvent, choice: Choice, now: datetime) -> Assignment:
        situation, terms = choice.offer.situation, choice.offer.situation.device.terms
        due_at = told_at(event, terms.ramp, now)
        until = None if terms.max_duration is None else due_at + terms.max_duration
        return Assignment(
            assignment_id=AssignmentId(self._ids.new()),
            event_id=event.event_id,
            device_id=situation.device.device_id,
            began_at=now,
            asked_kw=choice.asked_kw,
            power_before_kw=_power_before(situation, now),
            check_at=_check_at(event, situation, now),
            until=until if until is not None and until < event.terms.end else None,
        )

    def _reduce(
        self, event: DrEvent, device: Device, assignment: Assignment, reason: CommandReason, now: datetime
    ) -> Command:
        due_at = told_at(event, device.terms.ramp, now)
        by_hand = is_manual(device)
        before, asked, least = assignment.power_before_kw, assignment.asked_kw, device.terms.min_power_kw
        return Command(
            command_id=CommandId(self._ids.new()),
            assignment_id=assignment.assignment_id,
            event_id=event.event_id,
            device_id=assignment.device_id,
            kind=CommandKind.REDUCE,
            reason=reason,
            noted_at=now,
            due_at=due_at,
            reduction_kw=asked,
            target_kw=least if before is None or asked is None else max(before - asked, least),
            status=CommandStatus.MANUAL if by_hand else CommandStatus.PENDING,
            time=due_at if by_hand else None,
        )


def _raised(event: DrEvent, own: Assignment, choice: Choice, now: datetime) -> Assignment:
    """Return what a device serves once it is asked for more; whether it follows has to show anew."""
    return replace(
        own,
        asked_kw=(own.asked_kw or 0.0) + (choice.asked_kw or 0.0),
        following=Following.UNKNOWN,
        check_at=_check_at(event, choice.offer.situation, now),
    )


def _check_at(event: DrEvent, situation: Situation, now: datetime) -> datetime | None:
    """Return when its meter is looked at; None where that is said once the command was delivered."""
    ramp = situation.device.terms.ramp
    by_hand = is_manual(situation.device)
    return first_check(told_at(event, ramp, now), ramp, situation.reading) if by_hand else None


def _power_before(situation: Situation, now: datetime) -> float | None:
    reading = situation.reading
    is_stale = reading is not None and not reading.is_fresh(now)
    return replace(situation, reading=None).unshed_kw if is_stale else situation.unshed_kw


def _by_site(
    limit_kw: float,
    serving: Iterable[Assignment],
    offers: Iterable[Offer],
    situations: Mapping[DeviceId, Situation],
    sites: Mapping[SensorId, MeterReading],
    now: datetime,
) -> Plan:
    """Plan each site by itself: its meter, and the devices behind it."""
    offers_of: dict[SensorId, list[Offer]] = {}
    for offer in offers:
        site = offer.situation.device.terms.site_meter_id
        if site is not None:
            offers_of.setdefault(site, []).append(offer)
    serving_of: dict[SensorId | None, list[Assignment]] = {}
    for one in serving:
        situation = situations.get(one.device_id)
        site = None if situation is None else situation.device.terms.site_meter_id
        serving_of.setdefault(site, []).append(one)
    plans = [
        plan_limit(limit_kw, sites.get(site), serving_of.get(site, ()), behind, now)
        for site, behind in offers_of.items()
    ]
    return Plan(
        chosen=tuple(one for plan in plans for one in plan.chosen),
        shortfall_kw=sum(plan.shortfall_kw for plan in plans),
    )


def _again(event: DrEvent, plan: Plan, now: datetime) -> datetime | None:
    """Return when to look again although nothing has happened."""
    if event.terms.signal.type is SignalType.IMPORT_CAPACITY_LIMIT:
        return now + LIMIT_AGAIN if event.status is DrEventStatus.ACTIVE else None
    return now + SHORT_AGAIN if plan.shortfall_kw > 0 else None
