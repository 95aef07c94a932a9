"""Assignments, commands, reports and the scheduler's lease of demand response in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import fsum

from adapters.memory.database import MemorySession
from domain.demand_response.assignments import Assignment, DeliveredSoFar
from domain.demand_response.commands import Command, CommandStatus
from domain.demand_response.errors import device_is_serving
from domain.demand_response.model import (
    AssignmentId,
    CommandId,
    DeviceId,
    DrEventId,
    SchedulerLease,
    WorkerId,
)
from domain.demand_response.reports import StoredReport
from domain.demand_response.store_ports import AssignmentStore, CommandStore, ReportStore, SchedulerLeases
from domain.shared.errors import ConflictError
from domain.shared.ports import Clock


@dataclass(slots=True)
class DispatchState:
    """What these stores hold; ``claims`` are of commands, until when."""

    assignments: dict[AssignmentId, Assignment] = field(default_factory=dict)
    commands: dict[CommandId, Command] = field(default_factory=dict)
    claims: dict[CommandId, datetime] = field(default_factory=dict)
    reports: dict[tuple[DrEventId, int], StoredReport] = field(default_factory=dict)
    lease: SchedulerLease | None = None
    fence: int = 0


class MemoryAssignmentStore(AssignmentStore):
    """Assignments in a dictionary, in the order in which they were added."""

    def __init__(self, session: MemorySession) -> None:
        self._assignments = session.state(DispatchState).assignments

    async def add(self, new: Sequence[Assignment]) -> None:
        for one in new:
            busy = any(
                other.device_id == one.device_id and other.is_serving for other in self._assignments.values()
            )
            if one.is_serving and busy:
                raise device_is_serving(one.device_id)
            self._assignments[one.assignment_id] = one

    async def replace(self, changed: Sequence[Assignment]) -> None:
        self._assignments.update({one.assignment_id: one for one in changed})

    async def of_event(self, event_id: DrEventId) -> Sequence[Assignment]:
        found = [one for one in self._assignments.values() if one.event_id == event_id]
        return sorted(found, key=lambda one: (one.began_at, one.assignment_id))

    async def serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        return {one.device_id: one for one in self._serving() if one.device_id in device_ids}

    async def hold_serving(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Assignment]:
        return await self.serving(device_ids)

    async def overlapping(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[Assignment]]:
        found: dict[DeviceId, list[Assignment]] = {}
        for one in sorted(self._assignments.values(), key=lambda one: (one.began_at, one.assignment_id)):
            overlaps = one.began_at < end and (one.ended_at is None or one.ended_at > start)
            if one.device_id in device_ids and overlaps:
                found.setdefault(one.device_id, []).append(one)
        return found

    async def due_events(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        due = sorted((at, one.event_id) for one in self._serving() for at in _due(one) if at <= until)
        return list(dict.fromkeys(event_id for _, event_id in due))[:limit]

    async def next_due(self) -> datetime | None:
        return min((at for one in self._serving() for at in _due(one)), default=None)

    async def delivered(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, DeliveredSoFar]:
        found: dict[DeviceId, list[tuple[float, float]]] = {}
        for one in self._assignments.values():
            if one.device_id in device_ids and one.committed_kw is not None and one.delivered_kw is not None:
                found.setdefault(one.device_id, []).append((one.committed_kw, one.delivered_kw))
        return {
            device_id: DeliveredSoFar(fsum(one for one, _ in pairs), fsum(one for _, one in pairs))
            for device_id, pairs in found.items()
        }

    def _serving(self) -> Sequence[Assignment]:
        return [one for one in self._assignments.values() if one.is_serving]


def _due(assignment: Assignment) -> Sequence[datetime]:
    return [at for at in (assignment.check_at, assignment.until) if at is not None]


class MemoryCommandStore(CommandStore):
    """Commands in a dictionary, in the order in which they were noted; claims by the given clock."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        state = session.state(DispatchState)
        self._commands = state.commands
        self._claims = state.claims
        self._clock = clock

    async def add(self, new: Sequence[Command]) -> None:
        self._commands.update({one.command_id: one for one in new})

    async def of_event(self, event_id: DrEventId) -> Sequence[Command]:
        return _in_order(one for one in self._commands.values() if one.event_id == event_id)

    async def of_assignments(self, assignments: Collection[AssignmentId]) -> Sequence[Command]:
        return _in_order(one for one in self._commands.values() if one.assignment_id in assignments)

    async def pending(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        return _in_order(one for one in self._pending() if one.device_id in device_ids)

    async def supersede(self, device_ids: Collection[DeviceId]) -> Sequence[Command]:
        set_aside = [replace(one, status=CommandStatus.SUPERSEDED) for one in await self.pending(device_ids)]
        self._commands.update({one.command_id: one for one in set_aside})
        return set_aside

    async def claim_due(self, now: datetime, term: timedelta, limit: int) -> Sequence[Command]:
        busy = self._busy()
        claimed: list[Command] = []
        for one in sorted(self._pending(), key=lambda one: (one.due_at, one.noted_at, one.command_id)):
            if len(claimed) < limit and one.due_at <= now and one.device_id not in busy:
                busy.add(one.device_id)
                claimed.append(replace(one, attempts=one.attempts + 1, time=now))
                self._claims[one.command_id] = self._clock.now() + term
        self._commands.update({one.command_id: one for one in claimed})
        return claimed

    async def end_attempt(self, command: Command) -> bool:
        kept = self._commands.get(command.command_id)
        if kept is None or kept.attempts != command.attempts:
            return False
        self._claims.pop(command.command_id, None)
        if kept.status is not CommandStatus.PENDING:
            return False
        self._commands[command.command_id] = command
        return True

    async def next_due(self) -> datetime | None:
        busy = self._busy()
        return min((one.due_at for one in self._pending() if one.device_id not in busy), default=None)

    def _pending(self) -> Sequence[Command]:
        return [one for one in self._commands.values() if one.status is CommandStatus.PENDING]

    def _busy(self) -> set[DeviceId]:
        return {self._commands[one].device_id for one in self._claims if self._is_claimed(one)}

    def _is_claimed(self, command_id: CommandId) -> bool:
        until = self._claims.get(command_id)
        return until is not None and until > self._clock.now()


def _in_order(commands: Iterable[Command]) -> Sequence[Command]:
    return sorted(commands, key=lambda one: (one.noted_at, one.command_id))


class MemoryReportStore(ReportStore):
    """Reports in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._reports = session.state(DispatchState).reports

    async def add(self, report: StoredReport) -> None:
        key = report.event_id, report.version
        if key in self._reports:
            raise ConflictError("report_exists", "there is a report of this version already")
        self._reports[key] = report

    async def newest(self, event_id: DrEventId) -> StoredReport | None:
        versions = await self.versions(event_id)
        return versions[-1] if versions else None

    async def get(self, event_id: DrEventId, version: int) -> StoredReport | None:
        return self._reports.get((event_id, version))

    async def versions(self, event_id: DrEventId) -> Sequence[StoredReport]:
        found = [one for one in self._reports.values() if one.event_id == event_id]
        return sorted(found, key=lambda one: one.version)


class MemorySchedulerLeases(SchedulerLeases):
    """The lease by the given clock."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._state = session.state(DispatchState)
        self._clock = clock

    async def take(self, worker: WorkerId, term: timedelta) -> SchedulerLease | None:
        now, held = self._clock.now(), self._state.lease
        in_force = held is not None and held.until > now
        if held is not None and in_force and held.worker != worker:
            return None
        # Whoever let it lapse may have been away for long: a new fence tells.
        if held is None or not in_force:
            self._state.fence += 1
        self._state.lease = SchedulerLease(worker, self._state.fence, now + term)
        return self._state.lease

    async def holds(self, lease: SchedulerLease) -> bool:
        held = self._state.lease
        return held is not None and held.fence == lease.fence

    async def release(self, worker: WorkerId) -> None:
        if self._state.lease is not None and self._state.lease.worker == worker:
            self._state.lease = None
