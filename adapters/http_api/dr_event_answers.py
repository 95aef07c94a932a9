"""Demand response events as clients see them, with all that belongs to one."""

from typing import Any
from uuid import UUID

import msgspec

from adapters.http_api.dr_fields import (
    LeftOutAnswer,
    Reason,
    SignalFields,
    TargetsFields,
    instant,
    signal_fields,
    target_fields,
)
from adapters.http_api.dr_invitations import InvitationAnswer, invitation_answer
from adapters.web.times import Instant, Span
from domain.demand_response.assignments import Assignment, EndReason, Following
from domain.demand_response.commands import Command, CommandKind, CommandReason, CommandStatus
from domain.demand_response.dr_events import DrEvent, DrEventStatus, EventOrigin
from domain.demand_response.model import Fault
from domain.demand_response.services.dr_events import EventView


class MissedAnswer(msgspec.Struct, kw_only=True):
    """Why no device was told, where one should have been: a stable code, and the reason for people."""

    code: str
    reason: str


class StatusChangeAnswer(msgspec.Struct, kw_only=True):
    """A step of an event's life: since when it has the status, who took it there and why."""

    status: DrEventStatus
    at: Instant
    by: str
    reason: Reason


class DrEventAnswer(msgspec.Struct, kw_only=True):
    """An event. Without a ``notification_period`` invitations went out at once.

    ``dispatched``: some device was told to shed. ``left_out`` are devices that its targets name, but that got
    no invitation. ``reported_version`` is that of its newest performance report that is kept, 0 before.
    """

    event_id: UUID
    program_id: UUID | None
    event_name: str
    status: DrEventStatus
    signal: SignalFields
    start: Instant
    end: Instant
    duration: Span
    notification_period: Span | None
    ramp_up_period: Span
    recovery_period: Span
    randomize_start: Span
    priority: int | None
    targets: TargetsFields
    test_event: bool
    origin: EventOrigin
    created_at: Instant
    created_by: str
    published_at: Instant | None
    invited_at: Instant | None
    dispatched: bool
    missed: MissedAnswer | None
    left_out: list[LeftOutAnswer]
    history: list[StatusChangeAnswer]
    reported_version: int


class AssignmentAnswer(msgspec.Struct, kw_only=True):
    """A device that serves the event, or did; powers in kW.

    ``shed_kw`` is what its meter showed last, ``following`` whether that is what it was told.
    ``committed_kw`` and ``delivered_kw`` are there once its performance is settled.
    """

    device_id: str
    began_at: Instant
    ended_at: Instant | None
    end_reason: EndReason | None
    asked_kw: float | None
    power_before_kw: float | None
    following: Following
    shed_kw: float | None
    committed_kw: float | None
    delivered_kw: float | None


class CommandAnswer(msgspec.Struct, kw_only=True):
    """What a device was told, or is to be told at ``due_at``; ``time`` is when the last attempt began.

    ``command_id`` is the ``Idempotency-Key`` that is sent. ``code`` and ``detail`` tell the last fault.
    """

    command_id: UUID
    device_id: str
    kind: CommandKind
    reason: CommandReason
    status: CommandStatus
    time: Instant | None
    due_at: Instant
    attempts: int
    reduction_kw: float | None
    target_kw: float | None
    code: str | None
    detail: str | None


class DrEventWithAll(DrEventAnswer, kw_only=True):
    """An event with whom it asked, who serves it, and what they were told."""

    invitations: list[InvitationAnswer]
    assignments: list[AssignmentAnswer]
    commands: list[CommandAnswer]


def event_answer(event: DrEvent) -> DrEventAnswer:
    """Tell an event."""
    return DrEventAnswer(**_fields(event))


def event_with_all(view: EventView) -> DrEventWithAll:
    """Tell an event with all that belongs to it."""
    return DrEventWithAll(
        **_fields(view.event),
        invitations=[invitation_answer(one) for one in view.invitations],
        assignments=[_assignment(one) for one in view.assignments],
        commands=[_command(one) for one in view.commands],
    )


def _fields(event: DrEvent) -> dict[str, Any]:
    terms = event.terms
    return {
        "event_id": event.event_id,
        "program_id": terms.program_id,
        "event_name": terms.event_name,
        "status": event.status,
        "signal": signal_fields(terms.signal),
        "start": Instant.of(terms.start),
        "end": Instant.of(terms.end),
        "duration": Span.of(terms.duration),
        "notification_period": None
        if terms.notification_period is None
        else Span.of(terms.notification_period),
        "ramp_up_period": Span.of(terms.ramp_up_period),
        "recovery_period": Span.of(terms.recovery_period),
        "randomize_start": Span.of(terms.randomize_start),
        "priority": terms.priority,
        "targets": target_fields(terms.targets),
        "test_event": terms.test_event,
        "origin": event.origin,
        "created_at": Instant.of(event.created_at),
        "created_by": event.created_by,
        "published_at": instant(event.published_at),
        "invited_at": instant(event.invited_at),
        "dispatched": event.dispatched,
        "missed": _missed(event.missed),
        "left_out": [LeftOutAnswer.of(one) for one in event.left_out],
        "history": [
            StatusChangeAnswer(status=one.status, at=Instant.of(one.at), by=one.by, reason=one.reason)
            for one in event.history
        ],
        "reported_version": event.reported_version,
    }


def _missed(missed: Fault | None) -> MissedAnswer | None:
    return None if missed is None else MissedAnswer(code=missed.code, reason=missed.detail)


def _assignment(one: Assignment) -> AssignmentAnswer:
    return AssignmentAnswer(
        device_id=one.device_id,
        began_at=Instant.of(one.began_at),
        ended_at=instant(one.ended_at),
        end_reason=one.end_reason,
        asked_kw=one.asked_kw,
        power_before_kw=one.power_before_kw,
        following=one.following,
        shed_kw=one.shed_kw,
        committed_kw=one.committed_kw,
        delivered_kw=one.delivered_kw,
    )


def _command(one: Command) -> CommandAnswer:
    return CommandAnswer(
        command_id=one.command_id,
        device_id=one.device_id,
        kind=one.kind,
        reason=one.reason,
        status=one.status,
        time=instant(one.time),
        due_at=Instant.of(one.due_at),
        attempts=one.attempts,
        reduction_kw=one.reduction_kw,
        target_kw=one.target_kw,
        code=None if one.fault is None else one.fault.code,
        detail=None if one.fault is None else one.fault.detail,
    )
