"""The loops of the file monitor: scans of the FTP server, and uploaded files that wait."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from domain.ingestion.services.reread_files import RereadFiles
from domain.ingestion.services.scan_requests import Scans
from domain.ingestion.services.scan_server import ScanServer
from domain.ingestion.services.upload_file import UploadFile
from domain.shared.errors import DomainError

_LOG: Final = logging.getLogger(__name__)
_EVERY: Final = 5.0


class FileMonitor:
    """Does what is due until it is cancelled. In every worker: which of them does a scan, leases decide."""

    def __init__(
        self,
        scans: Scans,
        server: ScanServer,
        reread: RereadFiles,
        uploads: UploadFile,
        *,
        scans_at_start: bool,
        every: float = _EVERY,
    ) -> None:
        self._scans = scans
        self._server = server
        self._reread = reread
        self._uploads = uploads
        self._scans_at_start = scans_at_start
        self._every = every
        self._wishes = (asyncio.Event(), asyncio.Event())

    def look_soon(self) -> None:
        """Look for what is to be done now, rather than at the next turn."""
        for wish in self._wishes:
            wish.set()

    async def run(self) -> None:
        """Scan and read until cancelled."""
        async with asyncio.TaskGroup() as loops:
            scan, upload = self._wishes
            loops.create_task(self._again("scanning", self._scan, scan), name="scans")
            loops.create_task(
                self._again("reading uploads", self._uploads.read_waiting, upload), name="uploads"
            )

    async def _scan(self) -> None:
        if self._scans_at_start:
            await self._scans.begin_at_start()
            self._scans_at_start = False
        await self._scans.begin_if_due()
        await self._server.take()
        await self._reread()

    async def _again(self, what: str, act: Callable[[], Awaitable[object]], wish: asyncio.Event) -> None:
        complaint: str | None = None
        while True:
            wish.clear()
            try:
                await act()
                if complaint is not None:
                    _LOG.info("%s works again", what)
                complaint = None
            except DomainError as error:
                if complaint != error.code:  # said once, not every few seconds of an outage
                    _LOG.warning("%s failed, and is tried again: %s", what, error.detail)
                complaint = error.code
            except Exception:  # noqa: BLE001 - a loop goes on, whatever went wrong in one turn
                _LOG.exception("%s failed inside, and is tried again", what)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await wish.wait()
