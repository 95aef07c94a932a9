"""Claims: which devices other events will have at a time that is asked about."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.demand_response.assignments import Assignment
from domain.demand_response.dispatching import (
    LITTLE,
    Offer,
    Plan,
    has_served,
    plan_all,
    plan_reduction,
    take_all,
)
from domain.demand_response.dr_events import DrEvent, SignalType
from domain.demand_response.flexibility import free_kw
from domain.demand_response.invitations import Invitation
from domain.demand_response.limits import Situation
from domain.demand_response.model import DeviceId


@dataclass(frozen=True, slots=True)
class Rival:
    """An event that wants devices at the same time: who opted in to it, and who serves it already."""

    event: DrEvent
    opted_in: Sequence[Invitation]
    serving: Sequence[Assignment]


def claimed(rivals: Iterable[Rival], situations: Mapping[DeviceId, Situation]) -> Mapping[DeviceId, DrEvent]:
    """Return which of the events will have each device, as far as can be told before.

    Events choose by their rank, and of those that opted in only as many as meet their target: the others are
    free. What an import will exceed its limit by nobody knows, so such an event claims all.
    """
    found: dict[DeviceId, DrEvent] = {}
    for rival in sorted(rivals, key=lambda one: one.event.rank):
        serving = [one for one in rival.serving if one.device_id not in found]
        taken = found.keys() | {one.device_id for one in serving}
        plan = _plan(rival.event, serving, list(_offers(rival, situations, taken)))
        for device_id in (*(one.device_id for one in serving), *(one.offer.device_id for one in plan.chosen)):
            found[device_id] = rival.event
    return found


def why_claimed(rival: DrEvent, event: DrEvent) -> str:
    """Return in words why the other event has the device, and not this one."""
    terms = rival.terms
    first = "is of the same priority and was created earlier"
    if rival.rank[:2] < event.rank[:2]:
        first = "is of a higher priority"
    times = f"from {terms.start:%Y-%m-%dT%H:%M:%SZ} to {terms.end:%Y-%m-%dT%H:%M:%SZ}"
    return f"it serves {terms.event_name!r} {times}, which {first}"


def _offers(
    rival: Rival, situations: Mapping[DeviceId, Situation], taken: Iterable[DeviceId]
) -> Iterator[Offer]:
    passed = frozenset(taken)
    signal = rival.event.terms.signal.type
    for invitation in rival.opted_in:
        situation = situations.get(invitation.device_id)
        if situation is None or invitation.device_id in passed:
            continue
        if has_served(situation, rival.event.event_id):
            continue
        if signal is SignalType.IMPORT_CAPACITY_LIMIT and situation.device.terms.site_meter_id is None:
            continue
        kw = free_kw(situation) if invitation.committed_kw is None else invitation.committed_kw
        if kw >= LITTLE or not signal.in_kw:
            yield Offer(situation, kw)


def _plan(event: DrEvent, serving: Sequence[Assignment], offers: Sequence[Offer]) -> Plan:
    signal = event.terms.signal
    if signal.type is SignalType.LOAD_REDUCTION:
        return plan_reduction(signal.value, serving, offers)
    if signal.type is SignalType.IMPORT_CAPACITY_LIMIT:
        return take_all(offers)
    return plan_all(event, offers)
