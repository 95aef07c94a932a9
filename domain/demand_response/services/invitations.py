"""Invitations: finding and answering them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from domain.demand_response.assignments import EndReason
from domain.demand_response.dr_events import DrEvent, DrEventStatus
from domain.demand_response.errors import unknown_event, unknown_invitation
from domain.demand_response.invitations import Answer, AnsweredBy, Invitation, InvitationStatus
from domain.demand_response.model import InvitationId
from domain.demand_response.ports import DemandResponseUnitOfWork
from domain.demand_response.services.event_checks import power_problems, refuse
from domain.demand_response.services.releasing import Releasing
from domain.demand_response.services.telling import Teller
from domain.demand_response.services.waking import Waking
from domain.demand_response.store_ports import InvitationFilter
from domain.shared.errors import ConflictError
from domain.shared.events import Actor
from domain.shared.ports import Clock


class Invitations:
    """The use cases around invitations."""

    def __init__(
        self,
        uow: DemandResponseUnitOfWork,
        releasing: Releasing,
        teller: Teller,
        waking: Waking,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._releasing = releasing
        self._teller = teller
        self._waking = waking
        self._clock = clock

    async def get(self, invitation_id: InvitationId) -> Invitation:
        """Return an invitation, or raise `NotFoundError` (``unknown_invitation``)."""
        async with self._uow.begin() as tx:
            found = await tx.invitations.get(invitation_id)
        if found is None:
            raise unknown_invitation(invitation_id)
        return found

    async def list(
        self, where: InvitationFilter, limit: int, offset: int
    ) -> tuple[Sequence[Invitation], int]:
        """Return a page of invitations, those sent last first, and the number of all that match."""
        async with self._uow.begin() as tx:
            return await tx.invitations.list(where, limit, offset)

    async def answer(self, invitation_id: InvitationId, answer: Answer, actor: Actor) -> Invitation:
        """Answer for a person, in place of any earlier answer; who opts out of an active event is released.

        Raises:
            InvalidError: a commitment that is not above 0 kW.
            NotFoundError: ``unknown_invitation``.
            ConflictError: ``invitation_expired``, ``event_completed`` or ``event_cancelled``.

        """
        kw = answer.committed_kw
        if kw is not None:
            refuse(list(power_problems("/committed_kw", kw)), "the invitation cannot be answered so")
        now = self._clock.now()
        async with self._uow.begin() as tx:
            invitation = await tx.invitations.get(invitation_id)
            if invitation is None:
                raise unknown_invitation(invitation_id)
            event = await tx.dr_events.hold(invitation.event_id)
            if event is None:
                raise unknown_event(invitation.event_id)
            # As it is now that nobody else can change it.
            invitation = await tx.invitations.get(invitation_id) or invitation
            _check_open(event, invitation, now)
            answered = replace(
                invitation,
                status=answer.status,
                answered_by=AnsweredBy.PERSON,
                answered_at=now,
                actor=actor,
                rule=None,
                committed_kw=kw if answer.opt_in else None,
                reason=answer.reason,
            )
            await tx.invitations.replace([answered])
            tx.events.add(self._teller.answer(answered, actor))
            if not answer.opt_in:
                await self._releasing.some(tx, event, {answered.device_id}, EndReason.OPT_OUT, now)
            if event.status.is_dispatching:
                # Somebody else has to step in, or this device may.
                await tx.dr_events.replace(replace(event, due_at=now))
        self._waking.wake()
        return answered


def _check_open(event: DrEvent, invitation: Invitation, now: datetime) -> None:
    if event.status is DrEventStatus.CANCELLED:
        raise ConflictError("event_cancelled", "the event was cancelled")
    if event.status.is_over or now >= event.terms.end:
        raise ConflictError("event_completed", "the event is over")
    waited = invitation.status is InvitationStatus.INVITED and now >= invitation.answer_until
    if waited or invitation.status is InvitationStatus.EXPIRED:
        raise ConflictError("invitation_expired", "nobody answered in time")
