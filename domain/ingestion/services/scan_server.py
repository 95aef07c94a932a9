"""Scanning the FTP server: one scan at a time, by whichever process takes it up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.ingestion.errors import FileServerError, ftp_not_configured
from domain.ingestion.events import CollectionFound, FtpStatusChanged, ScanProgressed
from domain.ingestion.file_ports import FileServer, MeterFileFormats, RemoteFolder
from domain.ingestion.files import FileId, FileOrigin, FileStatus, FoundFile, MeterFile, collection_of
from domain.ingestion.ftp_state import OFFLINE_AFTER, ftp_status
from domain.ingestion.model import Fault, WorkerId
from domain.ingestion.ports import IngestionTransaction, IngestionUnitOfWork
from domain.ingestion.scan_progress import ScanProgress
from domain.ingestion.scans import Scan, ScanId, ScanTrigger
from domain.ingestion.services.fetch_file import FOR_GOOD, FetchFile
from domain.shared.errors import ConflictError, DomainError, UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

_LOG: Final = logging.getLogger(__name__)
SCAN_TERM: Final = timedelta(seconds=20)
"""How long a scan stays with a process that died, before another one goes on with it."""

SETTLED_AFTER: Final = timedelta(minutes=1)
_AT_ONCE: Final = 100
_TELL_EVERY: Final = 2.0
_LOOKS: Final = 3
_UNFINISHED: Final = (FileStatus.DISCOVERED, FileStatus.PROCESSING)

Report = Callable[[Scan], None]


@dataclass(frozen=True, slots=True)
class ScanRules:
    """How long to wait between two looks at a file that may still be written."""

    second_look: timedelta = timedelta(seconds=10)


def _nobody(_: Scan) -> None:
    """Tell nobody."""


class ScanServer:
    """Goes through the server, notes what is new or changed, and reads it."""

    def __init__(
        self,
        uow: IngestionUnitOfWork,
        server: FileServer | None,
        formats: MeterFileFormats,
        fetch: FetchFile,
        clock: Clock,
        ids: IdFactory,
        worker: WorkerId,
        rules: ScanRules,
    ) -> None:
        self._uow = uow
        self._server = server
        self._formats = formats
        self._fetch = fetch
        self._clock = clock
        self._ids = ids
        self._worker = worker
        self._rules = rules

    async def take(self) -> bool:
        """Do the scan that waits for a worker, to its end; return whether there was one."""
        if self._server is None:
            return False
        async with self._uow.begin() as tx:
            scan = await tx.scans.take(self._worker, SCAN_TERM)
        if scan is None:
            return False
        await self._run(self._server, scan, _nobody)
        return True

    async def run_now(self, report: Report = _nobody) -> Scan:
        """Do a scan in this process; return it as it ended.

        One that waits for a worker is done rather than a new one: where no worker runs, nobody else goes on
        with what was interrupted.

        Raises:
            ConflictError: ``scan_running``, ``ftp_not_configured``.
            UnavailableError: the database is away.

        """
        if self._server is None:
            raise ftp_not_configured()
        async with self._uow.begin() as tx:
            scan = await tx.scans.take(self._worker, SCAN_TERM)
            if scan is None:
                now = self._clock.now()
                new = Scan(scan_id=ScanId(self._ids.new()), trigger=ScanTrigger.REQUEST, started=now)
                await tx.scans.begin(new)
                scan = await tx.scans.take(self._worker, SCAN_TERM)
        if scan is None:
            raise ConflictError("scan_running", "another process has just taken the scan up")
        return await self._run(self._server, scan, report)

    async def _run(self, server: FileServer, scan: Scan, report: Report) -> Scan:
        tracker = ScanProgress(scan)
        try:
            async with self._kept(tracker, report):
                try:
                    async with server.connect() as folder:
                        unsettled = await self._list(folder, tracker)
                        left_out = {one.path for one in unsettled}
                        await self._read(folder, tracker, left_out)
                        await self._look_again(folder, unsettled, tracker, left_out)
                except FileServerError as error:
                    tracker.fail(error.fault)
        except _LeaseLostError:
            _LOG.warning("scan %s goes on in another process", scan.scan_id)
            return tracker.scan
        except DomainError as error:
            if isinstance(error, UnavailableError):
                await self._release(scan.scan_id)
                raise
            tracker.fail(Fault(error.code, error.detail))
        except Exception:  # noqa: BLE001 - logged whole
            # Begun anew it would end in the same way, again and again.
            _LOG.exception("scan %s failed inside", scan.scan_id)
            tracker.fail(Fault("internal_error", "the scan failed inside; the log says where"))
        except BaseException:
            await asyncio.shield(self._release(scan.scan_id))
            raise
        ended = tracker.ended(self._clock)
        await self._end(ended)
        report(ended)
        return ended

    async def _end(self, scan: Scan) -> None:
        async with self._uow.begin() as tx:
            before, _ = await tx.scans.list(OFFLINE_AFTER + 1, 0)
            if not await tx.scans.progress(scan, self._worker, SCAN_TERM):
                return
            after, _ = await tx.scans.list(OFFLINE_AFTER + 1, 0)
            tx.events.add(self._told(scan))
            previous, status = ftp_status(before), ftp_status(after)
            if status is not previous:
                tx.events.add(
                    FtpStatusChanged(
                        event_id=EventId(self._ids.new()),
                        occurred_at=self._clock.now(),
                        previous=previous,
                        status=status,
                        reason=scan.error.code if scan.error else None,
                    )
                )

    async def _release(self, scan_id: ScanId) -> None:
        with suppress(UnavailableError):  # then its lease lapses
            async with self._uow.begin() as tx:
                await tx.scans.release(scan_id, self._worker)

    @asynccontextmanager
    async def _kept(self, tracker: ScanProgress, report: Report) -> AsyncIterator[None]:
        """Note and tell the progress meanwhile; the work is cut off once another process has the scan."""
        work = asyncio.current_task()
        cancellations = work.cancelling() if work is not None else 0
        lost = False

        async def keep() -> None:
            nonlocal lost
            told: Scan | None = None
            while True:
                scan = tracker.scan
                report(scan)
                with suppress(DomainError):
                    async with self._uow.begin() as tx:
                        if not await tx.scans.progress(scan, self._worker, SCAN_TERM):
                            break
                        if scan != told:
                            tx.events.add(self._told(scan))
                    told = scan
                await asyncio.sleep(_TELL_EVERY)
            lost = True
            if work is not None:
                work.cancel()

        keeping = asyncio.create_task(keep(), name="progress of the scan")
        try:
            yield
        except asyncio.CancelledError:
            # Somebody else may have cancelled it too, who must not wait in vain.
            if lost and work is not None and work.uncancel() <= cancellations:
                raise _LeaseLostError from None
            raise
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})
            if not keeping.cancelled():
                keeping.result()

    async def _list(self, folder: RemoteFolder, tracker: ScanProgress) -> list[FoundFile]:
        """Note what is there; return the files that may still be written."""
        unsettled: list[FoundFile] = []
        async for page in folder.pages():
            found = [one for one in page.files if self._formats.reads(one.path)]
            tracker.listed(page.is_new_folder, len(found))
            taken = await self._note(found, unsettled)
            tracker.skipped(len(found) - taken)
        async with self._uow.begin() as tx:
            tracker.to_read(await tx.files.waiting_bytes(FileOrigin.FTP))
        return unsettled

    async def _note(self, found: Sequence[FoundFile], unsettled: list[FoundFile] | None) -> int:
        """Note files that are new or changed and complete; return how many of all are to be read.

        Those that may still be written are put into ``unsettled``; where it is None, all count as complete.
        """
        if not found:
            return 0
        latest = self._clock.now() - SETTLED_AFTER
        async with self._uow.begin() as tx:
            known = await tx.files.known(FileOrigin.FTP, [one.path for one in found])
            wanted: list[FoundFile] = []
            waiting = 0
            for one in found:
                file = known.get(one.path)
                if not self._is_wanted(one, file):
                    waiting += file is not None and file.status in _UNFINISHED
                elif unsettled is None or (one.modified is not None and one.modified <= latest):
                    wanted.append(one)
                else:
                    unsettled.append(one)
            changed = {known[one.path].file_id: one for one in wanted if one.path in known}
            if changed:
                await tx.files.found_again(changed, changed=True)
            await self._add(tx, [one for one in wanted if one.path not in known])
        return len(wanted) + waiting

    async def _add(self, tx: IngestionTransaction, new: Sequence[FoundFile]) -> None:
        if not new:
            return
        now = self._clock.now()
        collections = await tx.files.add(
            [
                MeterFile(
                    file_id=FileId(self._ids.new()),
                    origin=FileOrigin.FTP,
                    path=one.path,
                    collection=collection_of(one.path),
                    status=FileStatus.DISCOVERED,
                    size=one.size,
                    modified=one.modified,
                    discovered_at=now,
                )
                for one in new
            ]
        )
        for collection in collections:
            tx.events.add(
                CollectionFound(event_id=EventId(self._ids.new()), occurred_at=now, collection=collection)
            )

    @staticmethod
    def _is_wanted(found: FoundFile, known: MeterFile | None) -> bool:
        if known is None:
            return True
        if known.status is FileStatus.FAILED and known.error is not None and known.error.code in FOR_GOOD:
            return True
        return (found.size, found.modified) != (known.size, known.modified)

    async def _read(self, folder: RemoteFolder, tracker: ScanProgress, left_out: set[str]) -> None:
        """Read all that waits, each file once, but for these paths; those that were tried join them."""
        most = _AT_ONCE
        while True:
            async with self._uow.begin() as tx:
                waiting = await tx.files.waiting(FileOrigin.FTP, most)
            to_read = [one for one in waiting if one.path not in left_out]
            if not to_read and len(waiting) < most:
                return
            if not to_read:
                most *= 2
            for file in to_read:
                left_out.add(file.path)
                await self._fetch(folder, file, tracker)

    async def _look_again(
        self, folder: RemoteFolder, unsettled: Iterable[FoundFile], tracker: ScanProgress, left_out: set[str]
    ) -> None:
        """Take the files that have stopped changing; the others are left to the next scan."""
        left = list(unsettled)
        for _ in range(_LOOKS):
            if not left:
                return
            await asyncio.sleep(self._rules.second_look.total_seconds())
            now = [(before, await folder.look(before.path)) for before in left]
            settled = [after for before, after in now if after is not None and after == before]
            left = [after for before, after in now if after is not None and after != before]
            if settled:
                tracker.settled(await self._note(settled, None))
                tracker.to_read(sum(one.size for one in settled))
                left_out.difference_update(one.path for one in settled)
                await self._read(folder, tracker, left_out)

    def _told(self, scan: Scan) -> ScanProgressed:
        return ScanProgressed(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            scan_id=scan.scan_id,
            status=scan.status.value,
            folders=scan.folders,
            files_seen=scan.files_seen,
            files_done=scan.files_done,
            files_skipped=scan.files_skipped,
            bytes_done=scan.bytes_done,
            bytes_total=scan.bytes_total,
            current_file=scan.current_file,
            error=scan.error.code if scan.error else None,
        )


class _LeaseLostError(Exception):
    """Another process has taken the scan up."""
