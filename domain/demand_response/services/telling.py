"""What is told of each step, as events of the domain."""

from domain.demand_response.assignments import Assignment, Following
from domain.demand_response.commands import Command
from domain.demand_response.dr_events import DrEvent, DrEventStatus
from domain.demand_response.events import (
    CommandChanged,
    DeviceFollowingChecked,
    EventStatusChanged,
    InvitationAnswered,
    InvitationChanged,
)
from domain.demand_response.invitations import Invitation
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory


class Teller:
    """Puts what has happened into events."""

    def __init__(self, clock: Clock, ids: IdFactory) -> None:
        self._clock = clock
        self._ids = ids

    def status(self, event: DrEvent, previous: DrEventStatus | None) -> EventStatusChanged:
        """Tell that an event was created, or went on."""
        step = event.history[-1]
        return EventStatusChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            actor=step.by,
            dr_event_id=event.event_id,
            event_name=event.terms.event_name,
            previous=previous,
            status=event.status,
            reason=step.reason,
            dispatched=event.dispatched,
            missed=event.missed.code if event.missed else None,
        )

    def invitation(self, invitation: Invitation) -> InvitationChanged:
        """Tell that a device was invited, a rule answered, or an invitation expired."""
        return InvitationChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            dr_event_id=invitation.event_id,
            invitation_id=invitation.invitation_id,
            device_id=invitation.device_id,
            status=invitation.status,
            answered_by=invitation.answered_by,
            rule=invitation.rule,
            committed_kw=invitation.committed_kw,
            reason=invitation.reason,
        )

    def answer(self, invitation: Invitation, actor: Actor) -> InvitationAnswered:
        """Tell that somebody answered."""
        return InvitationAnswered(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            actor=actor,
            dr_event_id=invitation.event_id,
            invitation_id=invitation.invitation_id,
            device_id=invitation.device_id,
            status=invitation.status,
            committed_kw=invitation.committed_kw,
            reason=invitation.reason,
        )

    def command(self, command: Command) -> CommandChanged:
        """Tell how far a command is."""
        return CommandChanged(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            dr_event_id=command.event_id,
            command_id=command.command_id,
            device_id=command.device_id,
            kind=command.kind,
            reason=command.reason,
            status=command.status,
            attempts=command.attempts,
            reduction_kw=command.reduction_kw,
            detail=command.fault.code if command.fault else None,
        )

    def following(self, assignment: Assignment) -> DeviceFollowingChecked:
        """Tell what a device's meter showed."""
        return DeviceFollowingChecked(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            dr_event_id=assignment.event_id,
            device_id=assignment.device_id,
            follows=assignment.following is not Following.NO,
            asked_kw=assignment.asked_kw or 0.0,
            shed_kw=assignment.shed_kw,
        )
