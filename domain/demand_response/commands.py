"""Commands: what devices are told, noted before it is sent, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.demand_response.devices import ControlRequest
from domain.demand_response.model import AssignmentId, CommandId, DeviceId, DrEventId, Fault


class CommandKind(StrEnum):
    """To shed, or to come back."""

    REDUCE = "reduce"
    RESTORE = "restore"


class CommandStatus(StrEnum):
    """What became of a command.

    ``pending``: noted, and to be sent (again) at ``due_at``. ``delivered``: the device took it. ``failed``:
    given up. ``superseded``: another took its place before it got through. ``manual``: the device has no
    control, so that people have to see to it.
    """

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    MANUAL = "manual"


class CommandReason(StrEnum):
    """Why a device is told something."""

    DISPATCH = "dispatch"
    REPLACEMENT = "replacement"
    EVENT_ENDED = "event_ended"
    EVENT_CANCELLED = "event_cancelled"
    OPT_OUT = "opt_out"
    MAX_DURATION = "max_duration"
    GIVEN_UP = "given_up"
    """It may have heard of a reduction whose answer never came: it is told to come back, to be sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a device is told.

    Its id is the ``Idempotency-Key``, since it may be sent more than once. ``attempts`` counts those that
    began, also where nobody lived to see the end; it tells a claim from an earlier one. ``time`` is when the
    last attempt began. ``target_kw`` is the load to stay at. ``fault`` is the last one.
    """

    command_id: CommandId
    assignment_id: AssignmentId
    event_id: DrEventId
    device_id: DeviceId
    kind: CommandKind
    reason: CommandReason
    noted_at: datetime
    due_at: datetime
    reduction_kw: float | None = None
    target_kw: float | None = None
    attempts: int = 0
    status: CommandStatus = CommandStatus.PENDING
    time: datetime | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOrder:
    """A command as it goes out, with everything filled in."""

    command_id: CommandId
    device_id: DeviceId
    request: ControlRequest


@dataclass(frozen=True, slots=True)
class ControlReceipt:
    """A device took a command: the HTTP status of its answer, and how long that took."""

    http_status: int
    latency_ms: float
