import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.websocket.wording import WordedEvent
from app.subscriptions import TOPICS
from domain.demand_response.commands import CommandKind, CommandReason, CommandStatus
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.events import (
    CommandChanged,
    DeviceFollowingChecked,
    DrDeviceChanged,
    DrDeviceDeleted,
    DrDeviceRegistered,
    EventStatusChanged,
    FlexibilityChanged,
    InvitationAnswered,
    InvitationChanged,
    PerformanceReported,
)
from domain.demand_response.invitations import AnsweredBy, InvitationStatus
from domain.demand_response.model import CommandId, DeviceId, DrEventId, InvitationId
from domain.operations.model import FeedEntry, Topic
from domain.sensors.services.live import Selection
from domain.shared.events import SYSTEM, DomainEvent, EventId

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = DrEventId(UUID(int=7))
AC1 = DeviceId("AC1")
OWN = {"event_id": EventId(UUID(int=1)), "occurred_at": NOW}
AUDITED = {**OWN, "actor": SYSTEM}
EXAMPLES: list[tuple[DomainEvent, dict[str, object]]] = [
    (
        EventStatusChanged(
            **AUDITED,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            event_name="peak",
            previous=DrEventStatus.NEAR,
            status=DrEventStatus.ACTIVE,
        ),
        {
            "type": "event_status",
            "event_id": str(EVENT),
            "status": "active",
            "previous": "near",
            "event_name": "peak",
            "reason": None,
            "dispatched": False,
            "missed": None,
        },
    ),
    (
        PerformanceReported(
            **OWN,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            version=2,
            status="OK",
            reduction_kw=1.5,
            energy_kwh=3.0,
        ),
        {
            "type": "event_status",
            "event_id": str(EVENT),
            "status": "completed",
            "report": {"version": 2, "status": "OK", "reduction_kw": 1.5, "energy_kwh": 3.0},
        },
    ),
    (
        InvitationChanged(
            **OWN,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            invitation_id=InvitationId(UUID(int=8)),
            device_id=AC1,
            status=InvitationStatus.OPT_IN,
            answered_by=AnsweredBy.RULE,
            rule="default",
            committed_kw=2.0,
        ),
        {
            "type": "invitation",
            "event_id": str(EVENT),
            "status": "opt_in",
            "device_id": "AC1",
            "invitation_id": str(UUID(int=8)),
            "answered_by": "rule",
            "rule": "default",
            "committed_kw": 2.0,
            "reason": None,
        },
    ),
    (
        InvitationAnswered(
            **AUDITED,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            invitation_id=InvitationId(UUID(int=8)),
            device_id=AC1,
            status=InvitationStatus.OPT_OUT,
            reason="guests",
        ),
        {
            "type": "invitation",
            "event_id": str(EVENT),
            "status": "opt_out",
            "device_id": "AC1",
            "invitation_id": str(UUID(int=8)),
            "answered_by": "person",
            "rule": None,
            "committed_kw": None,
            "reason": "guests",
        },
    ),
    (
        CommandChanged(
            **OWN,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            command_id=CommandId(UUID(int=9)),
            device_id=AC1,
            kind=CommandKind.REDUCE,
            reason=CommandReason.DISPATCH,
            status=CommandStatus.FAILED,
            attempts=5,
            reduction_kw=1.0,
            detail="timeout",
        ),
        {
            "type": "command",
            "event_id": str(EVENT),
            "status": "failed",
            "device_id": "AC1",
            "command_id": str(UUID(int=9)),
            "kind": "reduce",
            "reason": "dispatch",
            "attempts": 5,
            "reduction_kw": 1.0,
            "detail": "timeout",
        },
    ),
    (
        DeviceFollowingChecked(
            **OWN,  # type: ignore[arg-type]  # fields by name
            dr_event_id=EVENT,
            device_id=AC1,
            follows=False,
            asked_kw=1.0,
            shed_kw=0.25,
        ),
        {
            "type": "command",
            "event_id": str(EVENT),
            "status": "not_followed",
            "device_id": "AC1",
            "reduction_kw": 1.0,
            "shed_kw": 0.25,
        },
    ),
    (
        FlexibilityChanged(**OWN, device_ids=(AC1, DeviceId("EV1")), now_kw=(1.0, 0.0)),  # type: ignore[arg-type]  # fields by name
        {
            "type": "flexibility",
            "event_id": None,
            "status": "changed",
            "devices": [{"device_id": "AC1", "now_kw": 1.0}, {"device_id": "EV1", "now_kw": 0.0}],
        },
    ),
    (
        DrDeviceRegistered(**AUDITED, device_id=AC1),  # type: ignore[arg-type]  # fields by name
        {"type": "flexibility", "event_id": None, "status": "registered", "device_id": "AC1"},
    ),
    (
        DrDeviceChanged(**AUDITED, device_id=AC1, changed=("priority",)),  # type: ignore[arg-type]  # fields by name
        {"type": "flexibility", "event_id": None, "status": "changed", "device_id": "AC1"},
    ),
    (
        DrDeviceDeleted(**AUDITED, device_id=AC1),  # type: ignore[arg-type]  # fields by name
        {"type": "flexibility", "event_id": None, "status": "deleted", "device_id": "AC1"},
    ),
]


@pytest.mark.parametrize(("event", "told"), EXAMPLES, ids=lambda one: type(one).__name__)
def test_how_each_step_reads(event: DomainEvent, told: dict[str, object]) -> None:
    worded = WordedEvent(FeedEntry(topic=Topic.DR_EVENTS, seq=7, time=NOW, event=event), {})
    frame = worded.frame("s", Selection())
    assert frame is not None
    assert json.loads(frame)["data"] == told


def test_whatever_is_public_has_words_of_its_own() -> None:
    public = {event for event, topic in TOPICS.items() if topic is Topic.DR_EVENTS}
    assert {type(event) for event, _ in EXAMPLES} == public
