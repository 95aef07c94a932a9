"""Invitations: whether a device takes part in an event, who said so and why."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.demand_response.model import DeviceId, DrEventId, InvitationId
from domain.shared.events import Actor


class InvitationStatus(StrEnum):
    """The answer (OpenADR's opt), or that there was none in time."""

    INVITED = "invited"
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    EXPIRED = "expired"


class AnsweredBy(StrEnum):
    """Who answered; what a person said is never changed by a rule."""

    PERSON = "person"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to an invitation.

    ``committed_kw`` is what the device will shed at least; None where nothing can be said. ``rule`` names
    the rule that gave the answer, ``reason`` says why, in words for people.
    """

    opt_in: bool
    committed_kw: float | None = None
    reason: str | None = None
    rule: str | None = None

    @property
    def status(self) -> InvitationStatus:
        """The status that the answer brings about."""
        return InvitationStatus.OPT_IN if self.opt_in else InvitationStatus.OPT_OUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """The invitation of a device to an event; there is one for both."""

    invitation_id: InvitationId
    event_id: DrEventId
    device_id: DeviceId
    invited_at: datetime
    answer_until: datetime
    """An invitation without an answer expires then."""
    status: InvitationStatus = InvitationStatus.INVITED
    answered_by: AnsweredBy | None = None
    answered_at: datetime | None = None
    actor: Actor | None = None
    rule: str | None = None
    committed_kw: float | None = None
    reason: str | None = None
