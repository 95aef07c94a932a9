"""Scans of the FTP server in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.memory.database import MemorySession
from domain.ingestion.file_ports import ScanStore
from domain.ingestion.model import WorkerId
from domain.ingestion.scans import Scan, ScanId, ScanStatus
from domain.shared.errors import ConflictError
from domain.shared.ports import Clock


@dataclass(slots=True)
class ScansState:
    """All scans, oldest first; when the newest began, and who works on the running one until when."""

    scans: dict[ScanId, Scan] = field(default_factory=dict)
    last_start: datetime | None = None
    worker: WorkerId | None = None
    lease_until: datetime | None = None


class MemoryScanStore(ScanStore):
    """Scans in a dictionary; leases by the given clock."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._state = session.state(ScansState)
        self._clock = clock

    async def begin(self, scan: Scan) -> None:
        if self._running() is not None:
            raise ConflictError("scan_running", "a scan is running")
        self._state.scans[scan.scan_id] = scan
        self._state.last_start = self._clock.now()

    async def take(self, worker: WorkerId, term: timedelta) -> Scan | None:
        scan, now = self._running(), self._clock.now()
        if scan is None or (self._state.lease_until is not None and self._state.lease_until > now):
            return None
        self._state.worker, self._state.lease_until = worker, now + term
        return scan

    async def progress(self, scan: Scan, worker: WorkerId, term: timedelta) -> bool:
        running = self._running()
        if running is None or running.scan_id != scan.scan_id or self._state.worker != worker:
            return False
        self._state.scans[scan.scan_id] = scan
        if scan.status is ScanStatus.RUNNING:
            self._state.lease_until = self._clock.now() + term
        else:
            self._state.worker = self._state.lease_until = None
        return True

    async def release(self, scan_id: ScanId, worker: WorkerId) -> None:
        running = self._running()
        if running is not None and running.scan_id == scan_id and self._state.worker == worker:
            self._state.worker = self._state.lease_until = None

    async def get(self, scan_id: ScanId) -> Scan | None:
        return self._state.scans.get(scan_id)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Scan], int]:
        newest_first = list(reversed(self._state.scans.values()))
        return newest_first[offset : offset + limit], len(newest_first)

    async def counts(self) -> Mapping[ScanStatus, int]:
        statuses = [scan.status for scan in self._state.scans.values()]
        return {status: statuses.count(status) for status in ScanStatus}

    async def running(self) -> Scan | None:
        return self._running()

    async def since_last_start(self) -> timedelta | None:
        last = self._state.last_start
        return None if last is None else self._clock.now() - last

    async def purge(self, before: datetime) -> int:
        ended = list(self._state.scans.values())[:-1]
        old = [scan.scan_id for scan in ended if scan.ended is not None and scan.ended < before]
        for scan_id in old:
            del self._state.scans[scan_id]
        return len(old)

    def _running(self) -> Scan | None:
        scans = self._state.scans.values()
        return next((scan for scan in scans if scan.status is ScanStatus.RUNNING), None)
