"""Performance reports of demand response events in PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select

from adapters.timescale.session import Session
from adapters.timescale.tables.dr_dispatch import reports
from domain.demand_response.model import DrEventId
from domain.demand_response.reports import StoredReport
from domain.demand_response.store_ports import ReportStore


class TimescaleReportStore(ReportStore):
    """One row per version; the role may add some, and neither change nor delete any."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, report: StoredReport) -> None:
        await self._session.execute(
            insert(reports).values(
                event_id=report.event_id,
                version=report.version,
                made_at=report.made_at,
                fingerprint=report.fingerprint,
                status=report.status,
                reduction_kw=report.reduction_kw,
                energy_kwh=report.energy_kwh,
                content=report.content,
            )
        )

    async def newest(self, event_id: DrEventId) -> StoredReport | None:
        newest_first = (
            select(reports).where(reports.c.event_id == event_id).order_by(reports.c.version.desc())
        )
        row = (await self._session.execute(newest_first.limit(1))).first()
        return None if row is None else _report(row)

    async def get(self, event_id: DrEventId, version: int) -> StoredReport | None:
        wanted = select(reports).where(reports.c.event_id == event_id, reports.c.version == version)
        row = (await self._session.execute(wanted)).first()
        return None if row is None else _report(row)

    async def versions(self, event_id: DrEventId) -> Sequence[StoredReport]:
        in_order = select(reports).where(reports.c.event_id == event_id).order_by(reports.c.version)
        return [_report(row) for row in await self._session.execute(in_order)]


def _report(row: Row[Any]) -> StoredReport:
    return StoredReport(
        event_id=DrEventId(row.event_id),
        version=row.version,
        made_at=row.made_at,
        fingerprint=row.fingerprint,
        status=row.status,
        reduction_kw=row.reduction_kw,
        energy_kwh=row.energy_kwh,
        content=row.content,
    )
