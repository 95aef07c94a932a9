"""Load reduction on request: first the plan, then an event that everybody has opted in to already."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

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
from domain.demand_response.flexibility import HOUR, expected_kw
from domain.demand_response.invitations import AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.lifecycle import answer_until, check_start, publish
from domain.demand_response.limits import Situation, standing_limits
from domain.demand_response.model import DeviceId, DrEventId, InvitationId, LeftOut, SiteZone, Targets
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
from domain.demand_response.week_windows import local_day
from domain.shared.errors import Problem
from domain.shared.events import Actor
from domain.shared.ports import Clock, IdFactory
from domain.shared.time import TimeRange

UNKNOWN_LOAD: Final = "unknown_load"


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
        if event.terms.start < now + HOUR:
            situations = await self._situations.of(devices)
            serving = {one.serving.event_id for one in situations.values() if one.serving is not None}
            found = [
                offer_of(one, event, _asked(event, one, now), serving, now, self._zone)
                for one in situations.values()
            ]
        else:
            found = await self._later_offers(event, devices, now)
        return (
            [one for one in found if isinstance(one, Offer)],
            [one for one in found if isinstance(one, LeftOut)],
        )

    async def _later_offers(
        self, event: DrEvent, devices: Sequence[Device], now: datetime
    ) -> list[Offer | LeftOut | None]:
        """Return what can be shed at a time to come: by what is usual then, and what can be foreseen."""
        situations = await self._situations.of(devices)
        flexible = await self._flexibility.of(devices)
        window = TimeRange(event.terms.start, event.terms.end)
        day = local_day(window.start, self._zone)
        async with self._uow.begin() as tx:
            opted_in = await tx.invitations.opted_in(situations.keys(), day.start, day.end)
        return [
            self._later(situation, window, expected_kw(flexible[one], window, now), opted_in.get(one, ()))
            for one, situation in situations.items()
        ]

    def _later(
        self, situation: Situation, window: TimeRange, kw: float | None, opted_in: Sequence[DrEventId]
    ) -> Offer | LeftOut:
        device_id = situation.device.device_id
        limits = list(standing_limits(situation, window, self._zone, opted_in=opted_in))
        if limits:
            return LeftOut(device_id, limits[0].code, "; ".join(one.detail for one in limits))
        if kw is None:
            return LeftOut(device_id, UNKNOWN_LOAD, "nothing is known of its load at that time")
        if kw < LITTLE:
            return LeftOut(device_id, NOTHING_LEFT, "it has nothing to shed at that time")
        return Offer(situation, kw)

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
