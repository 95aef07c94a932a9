"""What demand response keeps: programs, events, invitations, devices, assignments, commands, reports."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from domain.demand_response.assignments import Assignment, DeliveredSoFar
from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.commands import Command
from domain.demand_response.devices import Device
from domain.demand_response.dr_events import DrEvent, DrEventStatus
from domain.demand_response.invitations import Invitation, InvitationStatus
from domain.demand_response.model import (
    AssignmentId,
    DeviceId,
    DrEventId,
    InvitationId,
    ProgramId,
    SchedulerLease,
    Targets,
    WorkerId,
)
from domain.demand_response.programs import Program
from domain.demand_response.reports import StoredReport


class ProgramStore(Protocol):
    """Keeps programs; each has a name of its own."""

    @abstractmethod
    async def add(self, program: Program) -> None:
        """Store a new program.

        Raises:
            ConflictError: ``program_exists``: its name is taken; the transaction is lost.

        """

    @abstractmethod
    async def get(self, program_id: ProgramId) -> Program | None:
        """Return a program."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[Program], int]:
        """Return a page of programs by name, and the number of all."""

    @abstractmethod
    async def with_rules(self) -> Sequence[Program]:
        """Return all programs that have a rule, by name."""

    @abstractmethod
    async def replace(self, program: Program) -> bool:
        """Store what a program is now; False where it is gone. Raises what `add` does."""

    @abstractmethod
    async def delete(self, program_id: ProgramId) -> bool:
        """Delete a program; return whether there was one. Its events keep its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events; all that is given must hold. ``since`` and ``until``: they overlap that range."""

    statuses: frozenset[DrEventStatus] | None = None
    since: datetime | None = None
    until: datetime | None = None
    program_id: ProgramId | None = None


class EventStore(Protocol):
    """Keeps events."""

    @abstractmethod
    async def add(self, event: DrEvent) -> None:
        """Store a new event.

        Raises:
            ConflictError: ``event_exists``: of the origin ``rule`` there is one of its program with that
                start; the transaction is lost.

        """

    @abstractmethod
    async def get(self, event_id: DrEventId) -> DrEvent | None:
        """Return an event."""

    @abstractmethod
    async def hold(self, event_id: DrEventId) -> DrEvent | None:
        """Return an event as it is now, and hold back others that want to until this transaction ends.

        Whoever changes an event or its invitations holds it first.
        """

    @abstractmethod
    async def list(self, where: EventFilter, limit: int, offset: int) -> tuple[Sequence[DrEvent], int]:
        """Return a page of events, the one that starts last first, and the number of all that match."""

    @abstractmethod
    async def counts(self) -> Mapping[DrEventStatus, int]:
        """Return how many events have each status; each is named."""

    @abstractmethod
    async def find(self, event_ids: Collection[DrEventId]) -> Mapping[DrEventId, DrEvent]:
        """Return those of the events that exist."""

    @abstractmethod
    async def replace(self, event: DrEvent) -> None:
        """Store what an event that this transaction holds is now."""

    @abstractmethod
    async def due(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        """Return the events whose ``due_at`` is not after ``until``, the earliest first."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """Return the earliest ``due_at`` of all."""

    @abstractmethod
    async def dispatching(self) -> Sequence[DrEvent]:
        """Return all events that are near or active, by their ``rank``."""

    @abstractmethod
    async def ended(self, since: datetime, until: datetime, limit: int) -> Sequence[DrEvent]:
        """Return completed events that end in ``[since, until)``: those without a report first, by end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationFilter:
    """Which invitations; all that is given must hold."""

    status: InvitationStatus | None = None
    event_id: DrEventId | None = None
    device_id: DeviceId | None = None


class InvitationStore(Protocol):
    """Keeps invitations: one for each event and device."""

    @abstractmethod
    async def add(self, new: Sequence[Invitation]) -> Sequence[Invitation]:
        """Store those whose device has no invitation to its event yet, and return them."""

    @abstractmethod
    async def get(self, invitation_id: InvitationId) -> Invitation | None:
        """Return an invitation."""

    @abstractmethod
    async def list(
        self, where: InvitationFilter, limit: int, offset: int
    ) -> tuple[Sequence[Invitation], int]:
        """Return a page of invitations, those sent last first, and the number of all that match."""

    @abstractmethod
    async def of_event(self, event_id: DrEventId) -> Sequence[Invitation]:
        """Return all invitations to an event, by device."""

    @abstractmethod
    async def unanswered(self, limit: int) -> Sequence[Invitation]:
        """Return invitations without an answer, those that expire first first."""

    @abstractmethod
    async def replace(self, changed: Sequence[Invitation]) -> None:
        """Store what invitations are now; the transaction holds their events."""

    @abstractmethod
    async def opted_in(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[DrEventId]]:
        """Return for which events that start in ``[start, end)`` each of the devices has opted in.

        Cancelled events and drafts are left out.
        """


class DeviceStore(Protocol):
    """Keeps devices and what is said of their flexibility."""

    @abstractmethod
    async def put(self, devices: Sequence[Device]) -> None:
        """Store devices, in place of those of their ids."""

    @abstractmethod
    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Device]:
        """Return those of the devices that exist."""

    @abstractmethod
    async def list(self, limit: int, offset: int) -> tuple[Sequence[Device], int]:
        """Return a page of devices by id, and the number of all."""

    @abstractmethod
    async def select(self, targets: Targets) -> Sequence[Device]:
        """Return all devices that the targets name, by id."""

    @abstractmethod
    async def delete(self, device_id: DeviceId) -> bool:
        """Delete a device; return whether there was one. Its invitations, assignments and commands stay."""


class AutoResponseStore(Protocol):
    """Keeps the rules for automatic answers: of each device one at most, and one for all others."""

    @abstractmethod
    async def put(self, rule: AutoResponse) -> None:
        """Store a rule, in place of the one that the same devices had."""

    @abstractmethod
    async def get(self, device_id: DeviceId | None) -> AutoResponse | None:
        """Return the rule of a device itself, or (None) the one for all others."""

    @abstractmethod
    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, AutoResponse]:
        """Return the rules that these devices have of their own."""

    @abstractmethod
    async def delete(self, device_id: DeviceId) -> bool:
        """Let the device have no rule of its own; return whether it had one."""


class AssignmentStore(Protocol):
    """Keeps which devices serve, and served, which events; a device serves one at a time.

    Whoever changes what a device serves holds it first, by `hold_serving`, after the event.
    """

    @abstractmethod
    async def add(self, new: Sequence[Assignment]) -> None:
        """Store new assignments.

        Raises:
            ConflictError: ``device_is_serving``: a device serves another event; the transaction is lost.

        """

    @abstractmethod
    async def replace(self, changed: Sequence[Assignment]) -> None:
        """Store what assignments are now; those that end are stored before others are added."""

    @abstractmethod
    async def of_event(self, event_id: DrEventId) -> Sequence[Assignment]:
        """Return all assignments of an event, in the order in which they began."""

    @abstractmethod
    async def serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        """Return what these devices serve now."""

    @abstractmethod
    async def hold_serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        """Return the same, and hold back others that ask so for these devices until this transaction ends.

        A device that serves nothing is held too. They are held in the order of their ids.
        """

    @abstractmethod
    async def overlapping(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[Assignment]]:
        """Return the devices' assignments that overlap ``[start, end)``, oldest first."""

    @abstractmethod
    async def due_events(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        """Return the events of serving assignments whose ``check_at`` or ``until`` is not after ``until``."""

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """Return the earliest ``check_at`` or ``until`` of all assignments that serve."""

    @abstractmethod
    async def delivered(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeliveredSoFar]:
        """Return what these devices committed and delivered, over the assignments that say both."""


class CommandStore(Protocol):
    """Keeps commands. Claims lapse by the database's clock."""

    @abstractmethod
    async def add(self, new: Sequence[Command]) -> None:
        """Note commands."""

    @abstractmethod
    async def of_event(self, event_id: DrEventId) -> Sequence[Command]:
        """Return all commands of an event, in the order in which they were noted."""

    @abstractmethod
    async def of_assignments(self, assignments: Collection[AssignmentId]) -> Sequence[Command]:
        """Return all commands of these assignments, in the order in which they were noted."""

    @abstractmethod
    async def pending(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        """Return what these devices are still to be told, in the order in which it was noted."""

    @abstractmethod
    async def supersede(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        """Set aside what these devices were still to be told; return it as it is now.

        What is being sent at this moment is set aside too: its outcome is not noted any more. Its claim stays
        until `end_attempt`, so that the device does not hear the next word before it.
        """

    @abstractmethod
    async def claim_due(self, now: datetime, term: timedelta, limit: int) -> Sequence[Command]:
        """Claim pending commands whose ``due_at`` is not after ``now``, the earliest first, for ``term``.

        Each comes back with ``attempts`` one higher and ``time`` now, which are stored. One that another has
        claimed is passed over while that claim lasts, and so is every one of a device of which another
        command is claimed: a device is told one thing after the other.
        """

    @abstractmethod
    async def end_attempt(self, command: Command) -> bool:
        """Store what came of a claimed command (status, ``due_at``, ``time``, fault), which ends the claim.

        False, and nothing is stored, where it was set aside or claimed anew since: ``attempts`` differs, or
        it is not pending any more. The claim of one that was set aside ends too: the device has heard the old
        word, and can be told the next.
        """

    @abstractmethod
    async def next_due(self) -> datetime | None:
        """Return the earliest ``due_at`` of all pending commands of devices of which none is claimed.

        A claim that lapsed counts as none.
        """


class ReportStore(Protocol):
    """Keeps the performance reports of events, every version."""

    @abstractmethod
    async def add(self, report: StoredReport) -> None:
        """Store the next version of an event's report.

        Raises:
            ConflictError: ``report_exists``: there is one of this version; the transaction is lost.

        """

    @abstractmethod
    async def newest(self, event_id: DrEventId) -> StoredReport | None:
        """Return the newest version."""

    @abstractmethod
    async def get(self, event_id: DrEventId, version: int) -> StoredReport | None:
        """Return a version."""

    @abstractmethod
    async def versions(self, event_id: DrEventId) -> Sequence[StoredReport]:
        """Return all versions, the first one first."""


class SchedulerLeases(Protocol):
    """Lets one process at a time move events on. Leases are by the database's clock."""

    @abstractmethod
    async def take(self, worker: WorkerId, term: timedelta) -> SchedulerLease | None:
        """Take or prolong the lease; None while another has it."""

    @abstractmethod
    async def holds(self, lease: SchedulerLease) -> bool:
        """Whether nobody has taken it since; where True, nobody can until this transaction ends."""

    @abstractmethod
    async def release(self, worker: WorkerId) -> None:
        """Give the lease up, if the worker has it."""
