"""Load reduction on request: first the plan, then an event that everybody has opted in to already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from domain.demand_response.claims import Rival, claimed, why_claimed
from domain.demand_response.devices import Device
from domain.demand_response.dispatching import (
    LITTLE,
    NOTHING_LEFT,
    Offer,
    Plan,
    meet_target,
    offer_of,
)
from domain.demand_response.dr_events import (
    DrEvent,
    DrEventStatus,
    EventOrigin,
    EventTerms,
    Signal,
    SignalType,
)
from domain.demand_response.flexibility import HOUR, expected_kw, free_kw
from domain.demand_response.invitations import AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.lifecycle import answer_until, check_start, publish
from domain.demand_response.limits import SERVES_ANOTHER, Situation, momentary_limits, standing_limits
from domain.demand_response.model import (
    DeviceId,
    DrEventId,
    Fault,
    InvitationId,
    LeftOut,
    SiteZone,
    Targets,
)
from domain.demand_response.ports import DemandResponseTransaction, DemandResponseUnitOfWork
from domain.demand_response.services.event_checks import (
    duration_problems,
    matching_devices,
    power_problems,
    refuse,
    targets_problems,
)
from domain.demand_response.services.flexibility import FlexibilityReports
from domain.demand_response.services.moving import Moving
from domain.demand_response.services.situations import Situations
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.demand_response.store_ports import EventFilter
from domain.demand_response.week_windows import local_day
from domain.shared.errors import Problem
from domain.shared.events import Actor
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import TimeRange

UNKNOWN_LOAD: Final = "unknown_load"

_OPEN: Final = frozenset(one for one in DrEventStatus if one.is_open)
_MOST_RIVALS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReduction:
    """What is asked for: so many kW less, from ``start`` on (None: from now on)."""

    target_kw: float
    duration: timedelta
    start: datetime | None = None
    targets: Targets = field(default_factory=Targets)


@dataclass(frozen=True, slots=True)
class PlannedDevice:
    """A device, and the kW that it is to shed."""

    device_id: DeviceId
    reduction_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionPlan:
    """Who is to shed how much, by priority; who not and why; what is missing to the target.

    ``event_id`` is the event that it became, None where it did not: it was only asked for, or nobody can shed
    anything.
    """

    devices: tuple[PlannedDevice, ...]
    total_kw: float
    shortfall_kw: float
    left_out: tuple[LeftOut, ...]
    event_id: DrEventId | None = None


class ReduceLoad:
    """Plans a reduction, and has it dispatched."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        situations: Situations,
        flexibility: FlexibilityReports,
        moving: Moving,
        teller: Teller,
        waking: Waking,
        clock: Clock,
        ids: IdFactory,
        zone: SiteZone,
    ) -> None:
        self._uow = uow
        self._situations = situations
        self._flexibility = flexibility
        self._moving = moving
        self._teller = teller
        self._waking = waking
        self._clock = clock
        self._ids = ids
        self._zone = zone

    async def __call__(self, asked: LoadReduction, actor: Actor, *, dry_run: bool = False) -> ReductionPlan:
        """Return the plan; without ``dry_run`` it is an event, and devices are told at its start.

        Those that the plan does not need have opted in too: they step in for others that fail.

        Raises:
            InvalidError: each fault, by JSON pointer; among them ``unknown_device``, ``no_matching_devices``
                and ``began_too_long_ago``.

        """
        refuse(list(_problems(asked)), "the load cannot be reduced so")
        now = self._clock.now()
        event = self._event(asked, actor, now)
        check_start(event.terms.start, event.terms.end, now)
        _check_not_over(event, now)
        async with self._uow.begin() as tx:
            devices = await matching_devices(tx, asked.targets)
        offers, left_out = await self._offers(event, devices, now)
        plan = meet_target(asked.target_kw, offers)
        event_id = None
        if not dry_run and plan.chosen:
            refused = tuple(one for one in left_out)
            event = replace(publish(event, now, actor), invited_at=now, left_out=refused)
            async with self._uow.begin() as tx:
                await self._keep(tx, event, offers, actor, now)
            self._waking.wake()
            event_id = event.event_id
        return _shown(plan, left_out, event_id)

    def _event(self, asked: LoadReduction, actor: Actor, now: datetime) -> DrEvent:
        terms = EventTerms(
            event_name=f"Load reduction of {asked.target_kw:g} kW",
            signal=Signal(SignalType.LOAD_REDUCTION, asked.target_kw, "kW"),
            start=now if asked.start is None else asked.start,
            duration=asked.duration,
            targets=asked.targets,
        )
        return DrEvent(
            event_id=DrEventId(self._ids.new()),
            terms=terms,
            status=DrEventStatus.DRAFT,
            origin=EventOrigin.LOAD_REDUCTION,
            created_at=now,
            created_by=actor,
        )

    async def _offers(
        self, event: DrEvent, devices: Sequence[Device], now: datetime
    ) -> tuple[list[Offer], list[LeftOut]]:
        claims, situations = await self._claims(event, devices, now)
        wins = {one: by for one, by in claims.items() if one in situations and by.rank < event.rank}
        left_out = [LeftOut(one, SERVES_ANOTHER, why_claimed(by, event)) for one, by in wins.items()]
        free = {device_id: one for device_id, one in situations.items() if device_id not in wins}
        if event.terms.start <= now:
            found = [
                offer_of(one, event, _asked(event, one, now), (), now, self._zone) for one in free.values()
            ]
        else:
            found = await self._later_offers(event, free, now)
        return (
            [one for one in found if isinstance(one, Offer)],
            [*left_out, *(one for one in found if isinstance(one, LeftOut))],
        )

    async def _claims(
        self, event: DrEvent, devices: Sequence[Device], now: datetime
    ) -> tuple[Mapping[DeviceId, DrEvent], Mapping[DeviceId, Situation]]:
        """Return which devices other events will have in that time, and the situations of those asked for."""
        times = EventFilter(statuses=_OPEN, since=max(event.terms.start, now), until=event.terms.end)
        async with self._uow.begin() as tx:
            events, _ = await tx.dr_events.list(times, _MOST_RIVALS, 0)
            rivals = [await _rival(tx, one) for one in events]
            known = await tx.devices.find({one.device_id for rival in rivals for one in rival.opted_in})
        asked = {one.device_id: one for one in devices}
        situations = await self._situations.of(list({**known, **asked}.values()))
        return claimed(rivals, situations), {one: situations[one] for one in asked}

    async def _later_offers(
        self, event: DrEvent, situations: Mapping[DeviceId, Situation], now: datetime
    ) -> list[Offer | LeftOut | None]:
        """Return what can be shed at a time to come: by what can be foreseen, and by what is usual then.

        What begins within the hour is judged by the state of now.
        """
        window = TimeRange(event.terms.start, event.terms.end)
        day = local_day(window.start, self._zone)
        async with self._uow.begin() as tx:
            opted_in = await tx.invitations.opted_in(situations.keys(), day.start, day.end)
        is_soon = window.start < now + HOUR
        flexible = {} if is_soon else await self._flexibility.of([one.device for one in situations.values()])
        found: list[Offer | LeftOut | None] = []
        for device_id, one in situations.items():
            limits = list(standing_limits(one, window, self._zone, opted_in=opted_in.get(device_id, ())))
            if is_soon:
                limits += momentary_limits(one, now)
            kw = free_kw(one) if is_soon else expected_kw(flexible[device_id], window, now)
            found.append(_later(one, limits, kw))
        return found

    async def _keep(
        self,
        tx: DemandResponseTransaction,
        event: DrEvent,
        offers: Sequence[Offer],
        actor: Actor,
        now: datetime,
    ) -> None:
        await self._moving.changed(tx, None, event, now)
        until = answer_until(event, now)
        invitations = [
            Invitation(
                invitation_id=InvitationId(self._ids.new()),
                event_id=event.event_id,
                device_id=one.device_id,
                invited_at=now,
                answer_until=until,
                status=InvitationStatus.OPT_IN,
                answered_by=AnsweredBy.PERSON,
                answered_at=now,
                actor=actor,
                committed_kw=one.kw,
                reason="load reduction was asked for",
            )
            for one in offers
        ]
        for invitation in await tx.invitations.add(invitations):
            tx.events.add(self._teller.answer(invitation, actor))
        await tx.dr_events.replace(replace(event, due_at=now))


async def _rival(tx: DemandResponseTransaction, event: DrEvent) -> Rival:
    return Rival(
        event=event,
        opted_in=[
            one
            for one in await tx.invitations.of_event(event.event_id)
            if one.status is InvitationStatus.OPT_IN
        ],
        serving=[one for one in await tx.assignments.of_event(event.event_id) if one.is_serving],
    )


def _later(situation: Situation, limits: Sequence[Fault], kw: float | None) -> Offer | LeftOut:
    device_id = situation.device.device_id
    if limits:
        return LeftOut(device_id, limits[0].code, "; ".join(one.detail for one in limits))
    if kw is None:
        return LeftOut(device_id, UNKNOWN_LOAD, "nothing is known of its load at that time")
    if kw < LITTLE:
        return LeftOut(device_id, NOTHING_LEFT, "it has nothing to shed at that time")
    return Offer(situation, kw)


def _asked(event: DrEvent, situation: Situation, now: datetime) -> Invitation:
    """Return the invitation that a device would get."""
    return Invitation(
        invitation_id=InvitationId(event.event_id),
        event_id=event.event_id,
        device_id=situation.device.device_id,
        invited_at=now,
        answer_until=now,
    )


def _problems(asked: LoadReduction) -> list[Problem]:
    problems = [
        *power_problems("/target_kw", asked.target_kw),
        *duration_problems("/duration", asked.duration),
        *targets_problems("/targets", asked.targets),
    ]
    if asked.start is not None and asked.start.tzinfo is None:
        problems.append(Problem("/start", "naive_timestamp", "it needs an offset, such as Z or +01:00"))
    return problems


def _check_not_over(event: DrEvent, now: datetime) -> None:
    if event.terms.end <= now:
        refuse([Problem("/start", "in_past", "that time is over")], "the load cannot be reduced then")


def _shown(plan: Plan, left_out: Sequence[LeftOut], event_id: DrEventId | None) -> ReductionPlan:
    return ReductionPlan(
        devices=tuple(PlannedDevice(one.offer.device_id, one.asked_kw or 0.0) for one in plan.chosen),
        total_kw=plan.total_kw,
        shortfall_kw=plan.shortfall_kw,
        left_out=(*left_out, *plan.left_out),
        event_id=event_id,
    )
