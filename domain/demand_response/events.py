"""What happens in demand response.

``dr_event_id`` is the id of the demand response event; each event of the domain has an ``event_id`` too.
"""

from dataclasses import dataclass

from domain.demand_response.commands import CommandKind, CommandReason, CommandStatus
from domain.demand_response.dr_events import DrEventStatus
from domain.demand_response.invitations import AnsweredBy, InvitationStatus
from domain.demand_response.model import CommandId, DeviceId, DrEventId, InvitationId, ProgramId
from domain.shared.events import AuditedEvent, DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramCreated(AuditedEvent):
    """A program was set up."""

    program_id: ProgramId
    program_name: str

    @property
    def subject(self) -> str:
        return str(self.program_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramChanged(AuditedEvent):
    """A program was changed; ``changed`` names the fields."""

    program_id: ProgramId
    changed: tuple[str, ...]

    @property
    def subject(self) -> str:
        return str(self.program_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDeleted(AuditedEvent):
    """A program was deleted; its events stay."""

    program_id: ProgramId
    program_name: str

    @property
    def subject(self) -> str:
        return str(self.program_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrDeviceRegistered(AuditedEvent):
    """A device can take part from now on: a client said so, or it is polled and made for it."""

    device_id: DeviceId

    @property
    def subject(self) -> str:
        return self.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DrDeviceChanged(AuditedEvent):
    """What is said of a device's flexibility was changed; ``changed`` names the fields."""

    device_id: DeviceId
    changed: tuple[str, ...]

    @property
    def subject(self) -> str:
        return self.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DrDeviceDeleted(AuditedEvent):
    """A device takes no part any more; what it did is kept."""

    device_id: DeviceId

    @property
    def subject(self) -> str:
        return self.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoResponseChanged(AuditedEvent):
    """A rule for automatic answers was set; ``device_id`` is None for the one of all other devices."""

    device_id: DeviceId | None
    enabled: bool

    @property
    def subject(self) -> str:
        return "default" if self.device_id is None else self.device_id


@dataclass(frozen=True, slots=True, kw_only=True)
class EventStatusChanged(AuditedEvent):
    """An event was created (``previous`` None) or went on: by somebody, or by the time.

    ``missed`` is the code of why no device was told, where one should have been.
    """

    dr_event_id: DrEventId
    event_name: str
    previous: DrEventStatus | None
    status: DrEventStatus
    reason: str | None = None
    dispatched: bool = False
    missed: str | None = None

    @property
    def subject(self) -> str:
        return str(self.dr_event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationChanged(DomainEvent):
    """A device was invited, a rule answered for it, or its invitation expired."""

    dr_event_id: DrEventId
    invitation_id: InvitationId
    device_id: DeviceId
    status: InvitationStatus
    answered_by: AnsweredBy | None = None
    rule: str | None = None
    committed_kw: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAnswered(AuditedEvent):
    """Somebody answered an invitation."""

    dr_event_id: DrEventId
    invitation_id: InvitationId
    device_id: DeviceId
    status: InvitationStatus
    committed_kw: float | None = None
    reason: str | None = None

    @property
    def subject(self) -> str:
        return str(self.invitation_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandChanged(DomainEvent):
    """A command was noted, tried in vain, taken, given up, or set aside for another one.

    ``detail`` is the code of what went wrong.
    """

    dr_event_id: DrEventId
    command_id: CommandId
    device_id: DeviceId
    kind: CommandKind
    reason: CommandReason
    status: CommandStatus
    attempts: int
    reduction_kw: float | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFollowingChecked(DomainEvent):
    """A device's meter was looked at after a command: it follows, or the next one steps in."""

    dr_event_id: DrEventId
    device_id: DeviceId
    follows: bool
    asked_kw: float
    shed_kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibilityChanged(DomainEvent):
    """Devices can shed more or less than was told last. Of equal length: each device with its kW now."""

    device_ids: tuple[DeviceId, ...]
    now_kw: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceReported(DomainEvent):
    """A report of an event was stored; a version above 1 says that its data were corrected meanwhile."""

    dr_event_id: DrEventId
    version: int
    status: str
    reduction_kw: float | None
    energy_kwh: float | None
