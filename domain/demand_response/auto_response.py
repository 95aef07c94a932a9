"""Automatic answers: what the site has said once, so that nobody has to answer each invitation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.demand_response.dr_events import DrEvent, SignalType
from domain.demand_response.invitations import Answer, AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.model import NO_TIME, DeviceId, SiteZone, WeekWindow
from domain.demand_response.week_windows import covered
from domain.shared.time import TimeRange


class Decision(StrEnum):
    """What is answered where all that a rule says holds."""

    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoResponse:
    """A rule: of one device, or of all that have none of their own (``device_id`` None).

    Where everything that it says of an event holds, its ``decision`` is the answer; else it gives none, and
    people answer. ``min_price`` is asked of prices only. ``hours`` (None: always) have to hold the whole
    event. ``keep_comfort``: not while the device's room is out of its comfort band.
    """

    device_id: DeviceId | None = None
    enabled: bool = False
    min_notice: timedelta = NO_TIME
    max_duration: timedelta | None = None
    max_events_per_day: int | None = None
    min_price: float | None = None
    hours: tuple[WeekWindow, ...] | None = None
    keep_comfort: bool = True
    decision: Decision = Decision.OPT_IN

    @property
    def rule(self) -> str:
        """Its name."""
        return "default" if self.device_id is None else f"device:{self.device_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a rule looks at beside the event.

    ``events_that_day`` are the others of the event's local day that the device takes part in.
    ``comfortable`` is None where nothing is known of its room.
    """

    events_that_day: int = 0
    comfortable: bool | None = None


def may_answer(invitation: Invitation) -> bool:
    """Whether a rule may answer: nobody has, or a rule has and nobody else since."""
    return invitation.status is InvitationStatus.INVITED and invitation.answered_by is not AnsweredBy.PERSON


def automatic_answer(
    rule: AutoResponse, event: DrEvent, invitation: Invitation, circumstances: Circumstances, zone: SiteZone
) -> Answer | None:
    """Return what the rule answers, None where it leaves that to people."""
    if not rule.enabled or not may_answer(invitation):
        return None
    conditions = list(_conditions(rule, event, invitation, circumstances, zone))
    if not all(holds for holds, _ in conditions):
        return None
    opt_in = rule.decision is Decision.OPT_IN
    return Answer(
        opt_in=opt_in,
        rule=rule.rule,
        reason="; ".join(text for _, text in conditions) or "the rule has no conditions",
    )


def _conditions(
    rule: AutoResponse, event: DrEvent, invitation: Invitation, circumstances: Circumstances, zone: SiteZone
) -> Iterator[tuple[bool, str]]:
    """Yield each condition that the rule has: whether it holds, and what it says where it does."""
    terms = event.terms
    if rule.min_notice:
        notice = terms.start - invitation.invited_at
        yield notice >= rule.min_notice, f"notice of {notice} is at least {rule.min_notice}"
    if rule.max_duration is not None:
        short = terms.duration <= rule.max_duration
        yield short, f"duration of {terms.duration} is at most {rule.max_duration}"
    if rule.max_events_per_day is not None:
        number = circumstances.events_that_day + 1
        yield (
            number <= rule.max_events_per_day,
            f"event {number} of at most {rule.max_events_per_day} that day",
        )
    if rule.min_price is not None and terms.signal.type is SignalType.PRICE:
        high = terms.signal.value >= rule.min_price
        yield high, f"price of {terms.signal.value:g} is at least {rule.min_price:g}"
    if rule.hours is not None:
        inside = covered(TimeRange(terms.start, terms.end), rule.hours, zone)
        yield inside, "the event lies inside the hours"
    if rule.keep_comfort:
        # What is not known keeps nobody out: most devices have no room with a comfort band.
        known = "is" if circumstances.comfortable else "is not known not to be"
        yield circumstances.comfortable is not False, f"the room {known} comfortable"
