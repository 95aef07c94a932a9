"""Programs, events, invitations, devices and rules of demand response in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.memory.database import MemorySession
from domain.demand_response.auto_response import AutoResponse
from domain.demand_response.devices import Device
from domain.demand_response.dr_events import DrEvent, DrEventStatus, EventOrigin
from domain.demand_response.errors import event_exists, program_exists
from domain.demand_response.invitations import Invitation, InvitationStatus
from domain.demand_response.model import DeviceId, DrEventId, InvitationId, ProgramId, Targets
from domain.demand_response.programs import Program
from domain.demand_response.store_ports import (
    AutoResponseStore,
    DeviceStore,
    EventFilter,
    EventStore,
    InvitationFilter,
    InvitationStore,
    ProgramStore,
)


@dataclass(slots=True)
class PlansState:
    """What these stores hold."""

    programs: dict[ProgramId, Program] = field(default_factory=dict)
    events: dict[DrEventId, DrEvent] = field(default_factory=dict)
    invitations: dict[InvitationId, Invitation] = field(default_factory=dict)
    devices: dict[DeviceId, Device] = field(default_factory=dict)
    rules: dict[DeviceId | None, AutoResponse] = field(default_factory=dict)


class MemoryProgramStore(ProgramStore):
    """Programs in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._programs = session.state(PlansState).programs

    async def add(self, program: Program) -> None:
        self._check_name(program)
        self._programs[program.program_id] = program

    async def get(self, program_id: ProgramId) -> Program | None:
        return self._programs.get(program_id)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Program], int]:
        found = self._by_name()
        return found[offset : offset + limit], len(found)

    async def with_rules(self) -> Sequence[Program]:
        return [one for one in self._by_name() if one.terms.rule is not None]

    async def replace(self, program: Program) -> bool:
        if program.program_id not in self._programs:
            return False
        self._check_name(program)
        self._programs[program.program_id] = program
        return True

    async def delete(self, program_id: ProgramId) -> bool:
        return self._programs.pop(program_id, None) is not None

    def _by_name(self) -> Sequence[Program]:
        return sorted(self._programs.values(), key=lambda one: one.terms.program_name)

    def _check_name(self, program: Program) -> None:
        name = program.terms.program_name
        for other in self._programs.values():
            if other.terms.program_name == name and other.program_id != program.program_id:
                raise program_exists(name)


class MemoryEventStore(EventStore):
    """Events in a dictionary. Transactions follow each other, so that each is held by the one that runs."""

    def __init__(self, session: MemorySession) -> None:
        self._events = session.state(PlansState).events

    async def add(self, event: DrEvent) -> None:
        if event.origin is EventOrigin.RULE and any(
            _of_rule(one) == _of_rule(event) for one in self._events.values()
        ):
            raise event_exists()
        self._events[event.event_id] = event

    async def get(self, event_id: DrEventId) -> DrEvent | None:
        return self._events.get(event_id)

    async def hold(self, event_id: DrEventId) -> DrEvent | None:
        return self._events.get(event_id)

    async def list(self, where: EventFilter, limit: int, offset: int) -> tuple[Sequence[DrEvent], int]:
        found = [one for one in self._events.values() if _matches(where, one)]
        found.sort(key=lambda one: (one.terms.start, one.event_id), reverse=True)
        return found[offset : offset + limit], len(found)

    async def counts(self) -> Mapping[DrEventStatus, int]:
        statuses = [one.status for one in self._events.values()]
        return {status: statuses.count(status) for status in DrEventStatus}

    async def find(self, event_ids: Collection[DrEventId]) -> Mapping[DrEventId, DrEvent]:
        return {one: self._events[one] for one in event_ids if one in self._events}

    async def replace(self, event: DrEvent) -> None:
        self._events[event.event_id] = event

    async def due(self, until: datetime, limit: int) -> Sequence[DrEventId]:
        due = [(one.due_at, one.event_id) for one in self._events.values() if one.due_at is not None]
        return [event_id for due_at, event_id in sorted(due) if due_at <= until][:limit]

    async def next_due(self) -> datetime | None:
        due = (one.due_at for one in self._events.values())
        return min((one for one in due if one is not None), default=None)

    async def dispatching(self) -> Sequence[DrEvent]:
        running = [one for one in self._events.values() if one.status.is_dispatching]
        return sorted(running, key=lambda one: one.rank)

    async def ended(self, since: datetime, until: datetime, limit: int) -> Sequence[DrEvent]:
        found = [
            one
            for one in self._events.values()
            if one.status is DrEventStatus.COMPLETED and since <= one.terms.end < until
        ]
        found.sort(key=lambda one: (one.reported_version > 0, one.terms.end, one.event_id))
        return found[:limit]


def _of_rule(event: DrEvent) -> tuple[EventOrigin, ProgramId | None, datetime]:
    return event.origin, event.terms.program_id, event.terms.start


def _matches(where: EventFilter, event: DrEvent) -> bool:
    return (
        (where.statuses is None or event.status in where.statuses)
        and (where.since is None or event.terms.end > where.since)
        and (where.until is None or event.terms.start < where.until)
        and (where.program_id is None or event.terms.program_id == where.program_id)
    )


class MemoryInvitationStore(InvitationStore):
    """Invitations in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        state = session.state(PlansState)
        self._invitations = state.invitations
        self._events = state.events

    async def add(self, new: Sequence[Invitation]) -> Sequence[Invitation]:
        known = {(one.event_id, one.device_id) for one in self._invitations.values()}
        added = [one for one in new if (one.event_id, one.device_id) not in known]
        self._invitations.update({one.invitation_id: one for one in added})
        return added

    async def get(self, invitation_id: InvitationId) -> Invitation | None:
        return self._invitations.get(invitation_id)

    async def list(
        self, where: InvitationFilter, limit: int, offset: int
    ) -> tuple[Sequence[Invitation], int]:
        found = [
            one
            for one in self._invitations.values()
            if (where.status is None or one.status is where.status)
            and (where.event_id is None or one.event_id == where.event_id)
            and (where.device_id is None or one.device_id == where.device_id)
        ]
        found.sort(key=lambda one: (one.invited_at, one.invitation_id), reverse=True)
        return found[offset : offset + limit], len(found)

    async def of_event(self, event_id: DrEventId) -> Sequence[Invitation]:
        found = [one for one in self._invitations.values() if one.event_id == event_id]
        return sorted(found, key=lambda one: one.device_id)

    async def unanswered(self, limit: int) -> Sequence[Invitation]:
        found = [one for one in self._invitations.values() if one.status is InvitationStatus.INVITED]
        found.sort(key=lambda one: (one.answer_until, one.invitation_id))
        return found[:limit]

    async def replace(self, changed: Sequence[Invitation]) -> None:
        self._invitations.update({one.invitation_id: one for one in changed})

    async def opted_in(
        self, device_ids: Collection[DeviceId], start: datetime, end: datetime
    ) -> Mapping[DeviceId, Sequence[DrEventId]]:
        found: dict[DeviceId, list[DrEventId]] = {}
        for one in self._invitations.values():
            event = self._events[one.event_id]
            counts = event.status not in {DrEventStatus.DRAFT, DrEventStatus.CANCELLED}
            if (
                one.device_id in device_ids
                and one.status is InvitationStatus.OPT_IN
                and counts
                and start <= event.terms.start < end
            ):
                found.setdefault(one.device_id, []).append(one.event_id)
        return found


class MemoryDeviceStore(DeviceStore):
    """Devices in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._devices = session.state(PlansState).devices

    async def put(self, devices: Sequence[Device]) -> None:
        self._devices.update({one.device_id: one for one in devices})

    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Device]:
        return {one: self._devices[one] for one in device_ids if one in self._devices}

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Device], int]:
        found = self._by_id()
        return found[offset : offset + limit], len(found)

    async def select(self, targets: Targets) -> Sequence[Device]:
        return [one for one in self._by_id() if _is_meant(targets, one)]

    async def delete(self, device_id: DeviceId) -> bool:
        return self._devices.pop(device_id, None) is not None

    def _by_id(self) -> Sequence[Device]:
        return [device for _, device in sorted(self._devices.items())]


def _is_meant(targets: Targets, device: Device) -> bool:
    terms = device.terms
    return (
        (targets.device_ids is None or terms.device_id in targets.device_ids)
        and (targets.room_names is None or terms.room_name in targets.room_names)
        and all(terms.labels.get(key) == value for key, value in targets.labels)
    )


class MemoryAutoResponseStore(AutoResponseStore):
    """Rules in a dictionary."""

    def __init__(self, session: MemorySession) -> None:
        self._rules = session.state(PlansState).rules

    async def put(self, rule: AutoResponse) -> None:
        self._rules[rule.device_id] = rule

    async def get(self, device_id: DeviceId | None) -> AutoResponse | None:
        return self._rules.get(device_id)

    async def find(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, AutoResponse]:
        return {one: self._rules[one] for one in device_ids if one in self._rules}

    async def delete(self, device_id: DeviceId) -> bool:
        return self._rules.pop(device_id, None) is not None
