"""Reading files of the server that wait though no scan runs: somebody asked for them again."""

import logging
from datetime import datetime, timedelta
from typing import Final

from domain.ingestion.errors import FileServerError
from domain.ingestion.file_ports import FileServer
from domain.ingestion.files import FileOrigin
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.scan_progress import ScanProgress
from domain.ingestion.scans import Scan, ScanId, ScanTrigger
from domain.ingestion.services.fetch_file import FetchFile
from domain.shared.ports import Clock, IdFactory

_LOG: Final = logging.getLogger(__name__)
_AT_ONCE: Final = 100
_PAUSE: Final = timedelta(minutes=1)
"""A server that did not answer is left alone for so long, however many files wait."""


class RereadFiles:
    """Fetches and reads them; a scan that runs does that anyway."""

    def __init__(
        self,
        uow: IngestionUnitOfWork,
        server: FileServer | None,
        fetch: FetchFile,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._server = server
        self._fetch = fetch
        self._clock = clock
        self._ids = ids
        self._not_before: datetime | None = None

    async def __call__(self) -> None:
        """Read what waits, unless something has kept it from being read: then the next scan tries again.

        Raises:
            UnavailableError: the database is away.

        """
        if self._server is None or (self._not_before or self._clock.now()) > self._clock.now():
            return
        async with self._uow.begin() as tx:
            waiting = await tx.files.waiting(FileOrigin.FTP, _AT_ONCE, without_error=True)
            if not waiting or (await tx.scans.running()) is not None:
                return
        try:
            async with self._server.connect() as folder:
                for file in waiting:
                    await self._fetch(folder, file, self._untold())
        except FileServerError as gone:
            _LOG.warning("files are not read again now: %s", gone)
            self._not_before = self._clock.now() + _PAUSE
            for file in waiting:
                await self._fetch.put_off(file.file_id, gone.fault)

    def _untold(self) -> ScanProgress:
        """Return the progress of no scan, which nobody is told."""
        no_scan = Scan(
            scan_id=ScanId(self._ids.new()), trigger=ScanTrigger.REQUEST, started=self._clock.now()
        )
        return ScanProgress(no_scan)
