"""How events of demand response read on the WebSocket.

``data`` is ``{type, event_id, status, device_id?, ...}``; ``event_id`` is that of the demand response event,
None where it is none that is told of.
"""

from collections.abc import Mapping
from functools import singledispatch
from typing import Final

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
from domain.demand_response.invitations import AnsweredBy
from domain.demand_response.model import DeviceId

Told = Mapping[str, object]
EVENT_STATUS: Final = "event_status"
INVITATION: Final = "invitation"
COMMAND: Final = "command"
FLEXIBILITY: Final = "flexibility"


@singledispatch
def told_of(_event: object) -> Told | None:
    """Return the data of an event of demand response; None where it is none, or not public."""
    return None


@told_of.register
def _status(event: EventStatusChanged) -> Told:
    return {
        "type": EVENT_STATUS,
        "event_id": event.dr_event_id,
        "status": event.status,
        "previous": event.previous,
        "event_name": event.event_name,
        "reason": event.reason,
        "dispatched": event.dispatched,
        "missed": event.missed,
    }


@told_of.register
def _reported(event: PerformanceReported) -> Told:
    """Only what is over is reported."""
    return {
        "type": EVENT_STATUS,
        "event_id": event.dr_event_id,
        "status": DrEventStatus.COMPLETED,
        "report": {
            "version": event.version,
            "status": event.status,
            "reduction_kw": event.reduction_kw,
            "energy_kwh": event.energy_kwh,
        },
    }


@told_of.register
def _invitation(event: InvitationChanged) -> Told:
    return _invited(event, event.answered_by, event.rule)


@told_of.register
def _answer(event: InvitationAnswered) -> Told:
    return _invited(event, AnsweredBy.PERSON, None)


def _invited(
    event: InvitationChanged | InvitationAnswered, answered_by: AnsweredBy | None, rule: str | None
) -> Told:
    return {
        "type": INVITATION,
        "event_id": event.dr_event_id,
        "status": event.status,
        "device_id": event.device_id,
        "invitation_id": event.invitation_id,
        "answered_by": answered_by,
        "rule": rule,
        "committed_kw": event.committed_kw,
        "reason": event.reason,
    }


@told_of.register
def _command(event: CommandChanged) -> Told:
    return {
        "type": COMMAND,
        "event_id": event.dr_event_id,
        "status": event.status,
        "device_id": event.device_id,
        "command_id": event.command_id,
        "kind": event.kind,
        "reason": event.reason,
        "attempts": event.attempts,
        "reduction_kw": event.reduction_kw,
        "detail": event.detail,
    }


@told_of.register
def _following(event: DeviceFollowingChecked) -> Told:
    """Tell what came of a command, by the device's meter."""
    return {
        "type": COMMAND,
        "event_id": event.dr_event_id,
        "status": "followed" if event.follows else "not_followed",
        "device_id": event.device_id,
        "reduction_kw": event.asked_kw,
        "shed_kw": event.shed_kw,
    }


@told_of.register
def _flexibility(event: FlexibilityChanged) -> Told:
    return {
        "type": FLEXIBILITY,
        "event_id": None,
        "status": "changed",
        "devices": [
            {"device_id": device_id, "now_kw": kw}
            for device_id, kw in zip(event.device_ids, event.now_kw, strict=True)
        ],
    }


@told_of.register
def _registered(event: DrDeviceRegistered) -> Told:
    return _device(event.device_id, "registered")


@told_of.register
def _changed(event: DrDeviceChanged) -> Told:
    return _device(event.device_id, "changed")


@told_of.register
def _deleted(event: DrDeviceDeleted) -> Told:
    return _device(event.device_id, "deleted")


def _device(device_id: DeviceId, status: str) -> Told:
    """Tell that the flexibility of a device is there, another one, or gone."""
    return {"type": FLEXIBILITY, "event_id": None, "status": status, "device_id": device_id}
