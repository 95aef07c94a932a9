"""``/demand-response/invitations``: whom events ask, and what was answered."""

from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from adapters.http_api.dr_fields import TAG, Reason, Words, instant
from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.demand_response.auto_response import Decision
from domain.demand_response.invitations import Answer, AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.model import DeviceId, DrEventId, InvitationId
from domain.demand_response.services.invitations import Invitations
from domain.demand_response.store_ports import InvitationFilter
from domain.operations.model import Principal, Role

StatusFilter = Annotated[InvitationStatus | None, QueryParameter(description="Only those of this status.")]


class AnswerFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An answer; ``committed_kw`` is what the device will shed at least."""

    response: Decision
    reason: Words | None = None
    committed_kw: Annotated[float | None, msgspec.Meta(description="kW.", examples=[2.5])] = None


class InvitationAnswer(msgspec.Struct, kw_only=True):
    """The invitation of a device to an event; without an answer it expires at ``answer_until``.

    ``answered_by`` tells whether a person or a rule answered, ``actor`` who the person was, ``rule`` which
    rule it was.
    """

    invitation_id: UUID
    event_id: UUID
    device_id: str
    status: InvitationStatus
    invited_at: Instant
    answer_until: Instant
    answered_by: AnsweredBy | None
    answered_at: Instant | None
    actor: str | None
    rule: str | None
    committed_kw: float | None
    reason: Reason


def invitation_answer(invitation: Invitation) -> InvitationAnswer:
    """Tell an invitation."""
    return InvitationAnswer(
        invitation_id=invitation.invitation_id,
        event_id=invitation.event_id,
        device_id=invitation.device_id,
        status=invitation.status,
        invited_at=Instant.of(invitation.invited_at),
        answer_until=Instant.of(invitation.answer_until),
        answered_by=invitation.answered_by,
        answered_at=instant(invitation.answered_at),
        actor=invitation.actor,
        rule=invitation.rule,
        committed_kw=invitation.committed_kw,
        reason=invitation.reason,
    )


class DrInvitationsController(Controller):
    """Invitations: one for each event and device."""

    path = "/demand-response/invitations"
    tags = TAG
    guards = (requires(Role.VIEWER),)

    @get("/", summary="List invitations")
    @inject
    async def list_invitations(
        self,
        invitations: FromDishka[Invitations],
        status: StatusFilter = None,
        event_id: FromQuery[UUID | None] = None,
        device_id: FromQuery[str | None] = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[InvitationAnswer]:
        """Return the invitations for which all that is asked holds, those sent last first."""
        where = InvitationFilter(
            status=status,
            event_id=None if event_id is None else DrEventId(event_id),
            device_id=None if device_id is None else DeviceId(device_id),
        )
        found, total = await invitations.list(where, limit, offset)
        return Page(items=[invitation_answer(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/{invitation_id:uuid}", summary="Get an invitation")
    @inject
    async def get_invitation(
        self, invitation_id: FromPath[UUID], invitations: FromDishka[Invitations]
    ) -> InvitationAnswer:
        """Return the invitation."""
        return invitation_answer(await invitations.get(InvitationId(invitation_id)))

    @post(
        "/{invitation_id:uuid}/answer",
        summary="Answer an invitation",
        status_code=200,
        guards=(requires(Role.OPERATOR),),
    )
    @inject
    async def answer_invitation(
        self,
        invitation_id: FromPath[UUID],
        data: JSONBody[AnswerFields],
        invitations: FromDishka[Invitations],
        principal: FromDishka[Principal],
    ) -> InvitationAnswer:
        """Answer for a person, in place of any earlier answer; no rule changes that any more.

        Opting out of an active event releases the device. Too late is 409 `invitation_expired`,
        `event_completed` or `event_cancelled`.
        """
        answer = Answer(
            opt_in=data.response is Decision.OPT_IN, committed_kw=data.committed_kw, reason=data.reason
        )
        answered = await invitations.answer(InvitationId(invitation_id), answer, principal.actor)
        return invitation_answer(answered)
