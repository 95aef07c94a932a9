"""Transactions of demand response in PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.timescale.database import Database
from adapters.timescale.dr_assignments import TimescaleAssignmentStore
from adapters.timescale.dr_auto_responses import TimescaleAutoResponseStore
from adapters.timescale.dr_commands import TimescaleCommandStore
from adapters.timescale.dr_devices import TimescaleDeviceStore
from adapters.timescale.dr_events import TimescaleEventStore
from adapters.timescale.dr_invitations import TimescaleInvitationStore
from adapters.timescale.dr_leases import TimescaleSchedulerLeases
from adapters.timescale.dr_programs import TimescaleProgramStore
from adapters.timescale.dr_reports import TimescaleReportStore
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
from domain.shared.ports import EventSink


@dataclass(frozen=True, slots=True)
class TimescaleDemandResponseTransaction(DemandResponseTransaction):
    """What one transaction in the role ``demand_response`` offers."""

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


class TimescaleDemandResponseUnitOfWork(DemandResponseUnitOfWork):
    """Opens transactions in the role ``demand_response``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[DemandResponseTransaction]:
        async with self._database.transaction("demand_response") as session:
            yield TimescaleDemandResponseTransaction(
                programs=TimescaleProgramStore(session),
                dr_events=TimescaleEventStore(session),
                invitations=TimescaleInvitationStore(session),
                devices=TimescaleDeviceStore(session),
                auto_responses=TimescaleAutoResponseStore(session),
                assignments=TimescaleAssignmentStore(session),
                commands=TimescaleCommandStore(session),
                reports=TimescaleReportStore(session),
                scheduler_leases=TimescaleSchedulerLeases(session),
                events=session,
            )
