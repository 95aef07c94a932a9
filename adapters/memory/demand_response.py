"""The unit of work of demand response in memory.

Its stores live in a `MemoryDatabase`, whose transactions roll back like real ones; what lies outside is
played by the adapters of `adapters.memory.dr_surroundings`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.memory.database import MemoryDatabase, MemorySession
from adapters.memory.dr_dispatch import (
    MemoryAssignmentStore,
    MemoryCommandStore,
    MemoryReportStore,
    MemorySchedulerLeases,
)
from adapters.memory.dr_plans import (
    MemoryAutoResponseStore,
    MemoryDeviceStore,
    MemoryEventStore,
    MemoryInvitationStore,
    MemoryProgramStore,
)
from domain.demand_response.ports import DemandResponseTransaction, DemandResponseUnitOfWork
from domain.demand_response.store_ports import (
    AssignmentStore,
    AutoResponseStore,
    CommandStore,
    DeviceStore,
    EventStore,
    InvitationStore,
    ProgramStore,
    ReportStore,
    SchedulerLeases,
)
from domain.shared.errors import UnavailableError
from domain.shared.ports import Clock, EventSink


@dataclass(frozen=True, slots=True)
class MemoryDemandResponseTransaction(DemandResponseTransaction):
    """What one transaction offers."""

    programs: ProgramStore
    dr_events: EventStore
    invitations: InvitationStore
    devices: DeviceStore
    auto_responses: AutoResponseStore
    assignments: AssignmentStore
    commands: CommandStore
    reports: ReportStore
    scheduler_leases: SchedulerLeases
    events: EventSink


class MemoryDemandResponseUnitOfWork(DemandResponseUnitOfWork):
    """Opens transactions over a `MemoryDatabase`; ``unavailable`` makes it play a database that is away."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.unavailable = False

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[DemandResponseTransaction]:
        if self.unavailable:
            raise UnavailableError("database_unavailable", "the database cannot be reached")
        async with self._database.transaction() as session:
            yield self._transaction(session)

    def _transaction(self, session: MemorySession) -> DemandResponseTransaction:
        return MemoryDemandResponseTransaction(
            programs=MemoryProgramStore(session),
            dr_events=MemoryEventStore(session),
            invitations=MemoryInvitationStore(session),
            devices=MemoryDeviceStore(session),
            auto_responses=MemoryAutoResponseStore(session),
            assignments=MemoryAssignmentStore(session),
            commands=MemoryCommandStore(session, self._clock),
            reports=MemoryReportStore(session),
            scheduler_leases=MemorySchedulerLeases(session, self._clock),
            events=session,
        )
