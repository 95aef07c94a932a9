"""Scans of the FTP server in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from adapters.timescale.file_rows import fault
from adapters.timescale.session import Session
from adapters.timescale.storable import storable
from adapters.timescale.tables.scans import scans
from domain.ingestion.file_ports import ScanStore
from domain.ingestion.model import WorkerId
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger


class TimescaleScanStore(ScanStore):
    """The table ``ingestion.scans``; leases by the database's clock, one running scan by an index."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def begin(self, scan: Scan) -> None:
        new = insert(scans).values(
            scan_id=scan.scan_id, trigger=scan.trigger.value, started=scan.started, **_progress(scan)
        )
        await self._session.execute(new)

    async def take(self, worker: WorkerId, term: timedelta) -> Scan | None:
        now = func.clock_timestamp()
        taken = await self._session.execute(
            update(scans)
            .where(
                scans.c.status == ScanStatus.RUNNING.value,
                or_(scans.c.worker.is_(None), scans.c.lease_until <= now),
            )
            .values(worker=worker, lease_until=now + term)
            .returning(scans)
        )
        row = taken.first()
        return None if row is None else _scan(row)

    async def progress(self, scan: Scan, worker: WorkerId, term: timedelta) -> bool:
        runs = scan.status is ScanStatus.RUNNING
        noted = await self._session.execute(
            update(scans)
            .where(
                scans.c.scan_id == scan.scan_id,
                scans.c.worker == worker,
                scans.c.status == ScanStatus.RUNNING.value,
            )
            .values(
                worker=worker if runs else None,
                lease_until=func.clock_timestamp() + term if runs else None,
                **_progress(scan),
            )
        )
        return noted.rowcount > 0

    async def release(self, scan_id: ScanId, worker: WorkerId) -> None:
        await self._session.execute(
            update(scans)
            .where(scans.c.scan_id == scan_id, scans.c.worker == worker)
            .values(worker=None, lease_until=None)
        )

    async def get(self, scan_id: ScanId) -> Scan | None:
        row = (await self._session.execute(select(scans).where(scans.c.scan_id == scan_id))).first()
        return None if row is None else _scan(row)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Scan], int]:
        total = (await self._session.execute(select(func.count()).select_from(scans))).scalar_one()
        newest_first = select(scans).order_by(scans.c.created_at.desc(), scans.c.scan_id.desc())
        rows = await self._session.execute(newest_first.limit(limit).offset(offset))
        return [_scan(row) for row in rows], total

    async def counts(self) -> Mapping[ScanStatus, int]:
        counted = select(scans.c.status, func.count().label("scans")).group_by(scans.c.status)
        found = {row.status: row.scans for row in await self._session.execute(counted)}
        return {status: found.get(status.value, 0) for status in ScanStatus}

    async def running(self) -> Scan | None:
        runs = select(scans).where(scans.c.status == ScanStatus.RUNNING.value)
        row = (await self._session.execute(runs)).first()
        return None if row is None else _scan(row)

    async def since_last_start(self) -> timedelta | None:
        since = func.clock_timestamp() - func.max(scans.c.created_at)
        found: timedelta | None = (await self._session.execute(select(since))).scalar_one()
        return found

    async def purge(self, before: datetime) -> int:
        newest = select(scans.c.scan_id).order_by(scans.c.created_at.desc(), scans.c.scan_id.desc()).limit(1)
        old = delete(scans).where(scans.c.ended < before, scans.c.scan_id != newest.scalar_subquery())
        return int((await self._session.execute(old)).rowcount)


def _progress(scan: Scan) -> dict[str, object]:
    return {
        "status": scan.status.value,
        "ended": scan.ended,
        "folders": scan.folders,
        "files_seen": scan.files_seen,
        "files_done": scan.files_done,
        "files_skipped": scan.files_skipped,
        "files_failed": scan.files_failed,
        "bytes_done": scan.bytes_done,
        "bytes_total": scan.bytes_total,
        "current_file": None if scan.current_file is None else storable(scan.current_file, None),
        "error_code": scan.error.code if scan.error else None,
        "error_detail": storable(scan.error.detail) if scan.error else None,
    }


def _scan(row: Row[Any]) -> Scan:
    return Scan(
        scan_id=ScanId(row.scan_id),
        trigger=ScanTrigger(row.trigger),
        started=row.started,
        status=ScanStatus(row.status),
        ended=row.ended,
        folders=row.folders,
        files_seen=row.files_seen,
        files_done=row.files_done,
        files_skipped=row.files_skipped,
        files_failed=row.files_failed,
        bytes_done=row.bytes_done,
        bytes_total=row.bytes_total,
        current_file=row.current_file,
        error=fault(row),
    )
