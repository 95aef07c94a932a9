"""Which devices serve an event: by priority until its target is met, others in place of those that fail."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from domain.demand_response.assignments import Assignment, EndReason, Following
from domain.demand_response.conditions import MeterReading
from domain.demand_response.dr_events import DrEvent, SignalType
from domain.demand_response.flexibility import free_kw
from domain.demand_response.invitations import AnsweredBy, Invitation
from domain.demand_response.limits import SERVES_ANOTHER, UNMEASURED, Situation, limits_now
from domain.demand_response.model import NO_TIME, DeviceId, DrEventId, LeftOut, SiteZone

NOT_NEEDED: Final = "not_needed"
NOTHING_LEFT: Final = "nothing_left"
SERVED_ALREADY: Final = "served_already"
NO_SITE_METER: Final = "no_site_meter"

FOLLOWS_FROM: Final = 0.5
"""A device that sheds a smaller share of what it was asked for does not follow."""

METER_INTERVALS: Final = 2
CHECK_AGAIN: Final = timedelta(minutes=1)
LITTLE: Final = 1e-3
"""Less than a watt is nothing."""

_NO_SECOND_TERM: Final = frozenset({EndReason.FAILED, EndReason.MAX_DURATION})


@dataclass(frozen=True, slots=True)
class Offer:
    """A device that may be told to shed; ``kw`` is what it can, None where its load is not known.

    Of one that serves the event already it is what it can beyond what it was asked for.
    """

    situation: Situation
    kw: float | None

    @property
    def device_id(self) -> DeviceId:
        """Whose it is."""
        return self.situation.device.device_id


@dataclass(frozen=True, slots=True)
class Choice:
    """A device that is to shed so much (more, where it serves already), None: whatever it can."""

    offer: Offer
    asked_kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who is to shed how much, who not and why, and what is missing to the target (0 without one)."""

    chosen: tuple[Choice, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    shortfall_kw: float = 0.0

    @property
    def total_kw(self) -> float:
        """What the chosen shed together, as far as it is known."""
        return sum(one.asked_kw or 0.0 for one in self.chosen)


def offer_of(
    situation: Situation,
    event: DrEvent,
    invitation: Invitation,
    higher: Collection[DrEventId],
    now: datetime,
    zone: SiteZone,
) -> Offer | LeftOut | None:
    """Return what a device that opted in can shed for an event; None where it serves that event as it can.

    A device serves one event at a time: one of a lower rank gives it up, one of ``higher`` keeps it. One that
    serves this event can be asked for more kW, unless it does not follow. Limits bind here as for an
    invitation; where no kW are asked for, a load that is not known stops nobody.
    """
    device_id = situation.device.device_id
    serving = situation.serving
    own = situation.serves(event.event_id)
    in_kw = event.terms.signal.type.in_kw
    if own is not None and (not in_kw or own.following is Following.NO):
        return None
    if serving is not None and serving.event_id in higher:
        return LeftOut(device_id, SERVES_ANOTHER, "it serves an event that comes first")
    if has_served(situation, event.event_id):
        return LeftOut(device_id, SERVED_ALREADY, "it has served this event, or could not be told to")
    limits = limits_now(situation, now, zone, event.event_id)
    binding = [one for one in limits if in_kw or one.code not in UNMEASURED]
    if binding:
        return LeftOut(device_id, binding[0].code, "; ".join(one.detail for one in binding))
    # What a rule committed is an estimate of before: the load of now is better. A person's word is a bound.
    is_word = invitation.answered_by is AnsweredBy.PERSON
    committed = invitation.committed_kw
    known = not any(one.code in UNMEASURED for one in limits)
    kw = free_kw(situation) if known else None
    if committed is not None:
        kw = committed if kw is None else min(kw, committed) if is_word else kw
    if own is not None:
        kw = (kw or 0.0) - (own.asked_kw or 0.0)
    if in_kw and (kw or 0.0) < LITTLE:
        return LeftOut(device_id, NOTHING_LEFT, "it has nothing to shed now")
    return Offer(situation, kw)


def has_served(situation: Situation, event_id: DrEventId) -> bool:
    """Whether a device is not to be told again for an event: it could not be, or has served its time."""
    return any(one.event_id == event_id and one.end_reason in _NO_SECOND_TERM for one in situation.recent)


def meet_target(target_kw: float, offers: Iterable[Offer]) -> Plan:
    """Choose devices by priority until the target is met; the last one is asked for what is missing."""
    missing = target_kw
    chosen, left_out = [], []
    for offer in by_priority(offers):
        if missing < LITTLE:
            left_out.append(LeftOut(offer.device_id, NOT_NEEDED, "the target is met without it"))
            continue
        asked = min(offer.kw or 0.0, missing)
        chosen.append(Choice(offer, asked))
        missing -= asked
    return Plan(
        chosen=tuple(chosen), left_out=tuple(left_out), shortfall_kw=missing if missing >= LITTLE else 0.0
    )


def take_all(offers: Iterable[Offer]) -> Plan:
    """Choose all, each for what it can."""
    return Plan(chosen=tuple(Choice(offer, offer.kw) for offer in by_priority(offers)))


def by_priority(offers: Iterable[Offer]) -> Sequence[Offer]:
    """Return the offers, the one that is to be taken first first."""
    return sorted(offers, key=lambda one: one.situation.device.rank)


def plan_reduction(target_kw: float, serving: Iterable[Assignment], offers: Iterable[Offer]) -> Plan:
    """Return who is to step in, or shed more, so that with those that serve already the target is met."""
    return meet_target(target_kw - sum(counted_kw(one) for one in serving), offers)


def plan_limit(
    limit_kw: float,
    site: MeterReading | None,
    serving: Iterable[Assignment],
    offers: Iterable[Offer],
    now: datetime,
) -> Plan:
    """Return who is to step in, or shed more, so that a site stays within what it may take from the grid.

    What its meter shows has the load of those that follow taken off already; of those told lately the rest
    is still to come. Where the meter is silent, all that is offered is taken: the limit is to be kept.
    """
    if site is None or site.power_kw is None or not site.is_fresh(now):
        return take_all(offers)
    return meet_target(site.power_kw - limit_kw - sum(_to_come(one) for one in serving), offers)


def plan_all(event: DrEvent, offers: Iterable[Offer]) -> Plan:
    """Return the plan of an event that asks for no kW; the level 0 of SIMPLE asks for nothing."""
    signal = event.terms.signal
    if signal.type is SignalType.SIMPLE and signal.value == 0:
        return Plan()
    return take_all(offers)


def counted_kw(assignment: Assignment) -> float:
    """Return what a device counts for: what it was asked, or what it sheds where it does not follow."""
    asked = assignment.asked_kw or 0.0
    if assignment.following is Following.NO:
        return min(max(assignment.shed_kw or 0.0, 0.0), asked)
    return asked


def _to_come(assignment: Assignment) -> float:
    if assignment.following is not Following.UNKNOWN:
        return 0.0
    return max((assignment.asked_kw or 0.0) - max(assignment.shed_kw or 0.0, 0.0), 0.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a device's meter says after a command, and when it is to be looked at again."""

    following: Following
    shed_kw: float | None
    check_at: datetime | None


def first_check(told_at: datetime, ramp: timedelta, reading: MeterReading | None) -> datetime | None:
    """Return when it shows whether a device follows: once it had time to, two meter intervals later."""
    return None if reading is None else told_at + ramp + METER_INTERVALS * reading.interval


def judge(
    assignment: Assignment,
    told_at: datetime,
    ramp: timedelta,
    reading: MeterReading | None,
    now: datetime,
) -> Judgement:
    """Return whether a device follows that was told to shed at ``told_at``.

    Only what was measured after it had time to come down counts. A meter that stays silent is waited for as
    long as it may be; then the device is taken not to follow, since nothing shows that it does.
    """
    if assignment.asked_kw is None or assignment.power_before_kw is None or reading is None:
        return Judgement(Following.UNKNOWN, None, None)
    pause = max(METER_INTERVALS * reading.interval, CHECK_AGAIN)
    if reading.time is None or reading.power_kw is None or reading.time < told_at + ramp:
        waited = now - (told_at + ramp + METER_INTERVALS * reading.interval)
        if waited < reading.max_gap:
            return Judgement(assignment.following, assignment.shed_kw, now + reading.interval)
        return Judgement(Following.NO, None, now + pause)
    shed = assignment.power_before_kw - reading.power_kw
    follows = shed >= FOLLOWS_FROM * assignment.asked_kw
    return Judgement(Following.YES if follows else Following.NO, shed, now + pause)


def staggered(
    event_id: DrEventId, device_ids: Iterable[DeviceId], since: datetime, window: timedelta
) -> dict[DeviceId, datetime]:
    """Return when each device comes back: evenly over the window, in an order that only their ids decide."""
    order = sorted(device_ids, key=lambda one: sha256(f"{event_id}/{one}".encode()).digest())
    return {one: since + window * place / len(order) for place, one in enumerate(order)}


def dispatch_at(event: DrEvent, ramps: Iterable[timedelta]) -> datetime:
    """Return when the first of the devices has to be told, so that all are down at the start.

    None begins before the ramp-up of the event.
    """
    return event.terms.start - min(max(ramps, default=NO_TIME), event.terms.ramp_up_period)


def told_at(event: DrEvent, ramp: timedelta, now: datetime) -> datetime:
    """Return when a device is to be told."""
    return max(now, dispatch_at(event, [ramp]))
