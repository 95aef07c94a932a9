"""Scans of the FTP server: asked for, due, and looked at."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from domain.ingestion.errors import ftp_not_configured
from domain.ingestion.events import ScanRequested
from domain.ingestion.ftp_state import SCANS_LOOKED_AT, FtpPlan, pause_between
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanTrigger
from domain.shared.errors import ConflictError, NotFoundError
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory

SCANS_KEPT: Final = timedelta(days=90)
_SAME_START: Final = timedelta(seconds=30)


class Scans:
    """Lets scans begin, which a worker takes up, and shows how far they are."""

    def __init__(self, uow: IngestionUnitOfWork, plan: FtpPlan, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._plan = plan
        self._clock = clock
        self._ids = ids
        self._there_since = clock.now()

    async def request(self, actor: Actor) -> Scan:
        """Let a scan begin.

        Raises:
            ConflictError: ``scan_running``, ``ftp_not_configured``.

        """
        if self._plan.server is None:
            raise ftp_not_configured()
        now = self._clock.now()
        scan = Scan(scan_id=ScanId(self._ids.new()), trigger=ScanTrigger.REQUEST, started=now)
        async with self._uow.begin() as tx:
            await tx.scans.begin(scan)
            tx.events.add(
                ScanRequested(
                    event_id=EventId(self._ids.new()), occurred_at=now, actor=actor, scan_id=scan.scan_id
                )
            )
        return scan

    async def begin_at_start(self) -> None:
        """Let a scan begin with the service, unless another process has just done so."""
        if self._plan.server is None:
            return
        async with self._uow.begin() as tx:
            since = await tx.scans.since_last_start()
        if since is None or since >= _SAME_START:
            await self._begin(ScanTrigger.START)

    async def begin_if_due(self) -> None:
        """Let a scan begin where it is time for the next one.

        Without any the interval counts from the start of this process.
        """
        if self._plan.server is None or self._plan.interval is None:
            return
        async with self._uow.begin() as tx:
            since = await tx.scans.since_last_start()
            newest_first, _ = await tx.scans.list(SCANS_LOOKED_AT, 0)
        if since is None:
            since = self._clock.now() - self._there_since
        if since >= pause_between(newest_first, self._plan.interval):
            await self._begin(ScanTrigger.INTERVAL)

    async def _begin(self, trigger: ScanTrigger) -> None:
        scan = Scan(scan_id=ScanId(self._ids.new()), trigger=trigger, started=self._clock.now())
        with suppress(ConflictError):  # one runs already
            async with self._uow.begin() as tx:
                await tx.scans.begin(scan)

    async def list(self, limit: int, offset: int) -> tuple[Sequence[Scan], int]:
        """Return a page of scans, newest first, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.scans.list(limit, offset)

    async def get(self, scan_id: ScanId) -> Scan:
        """Return a scan.

        Raises:
            NotFoundError: ``unknown_scan``.

        """
        async with self._uow.begin() as tx:
            scan = await tx.scans.get(scan_id)
        if scan is None:
            raise NotFoundError("unknown_scan", f"there is no scan {scan_id}")
        return scan

    async def purge(self) -> int:
        """Delete scans that ended over 90 days ago, but the newest; return how many."""
        async with self._uow.begin() as tx:
            return await tx.scans.purge(self._clock.now() - SCANS_KEPT)
