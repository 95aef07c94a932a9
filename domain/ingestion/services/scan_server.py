"""Scanning the FTP server: one scan at a time, by whichever process takes it up."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.events import CollectionFound, FtpStatusChanged, ScanProgressed
from domain.ingestion.file_ports import FileServer, LocalFile, MeterFileFormats, RemoteFolder
from domain.ingestion.files import FileId, FileOrigin, FileStatus, FoundFile, MeterFile, collection_of
from domain.ingestion.ftp_state import OFFLINE_AFTER, FtpPlan, ftp_status
from domain.ingestion.model import Fault, WorkerId
from domain.ingestion.ports import IngestionTransaction, IngestionUnitOfWork
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger
from domain.ingestion.services.process_file import ClaimLostError, ProcessFile
from domain.shared.errors import ConflictError, UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

_LOG: Final = logging.getLogger(__name__)
SCAN_TERM: Final = timedelta(seconds=20)
"""How long a scan stays with a process that died, before another one goes on with it."""

SETTLED_AFTER: Final = timedelta(minutes=1)
_AT_ONCE: Final = 100
_TELL_EVERY: Final = 2.0
_LOOKS: Final = 3
_ANOTHER_TIME: Final = frozenset({"gone", "too_large"})
"""Faults after which a file that is found again is tried again."""

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
        process: ProcessFile,
        clock: Clock,
        ids: IdFactory,
        worker: WorkerId,
        plan: FtpPlan,
        rules: ScanRules | None = None,
    ) -> None:
        self._uow = uow
        self._server = server
        self._formats = formats
        self._process = process
        self._clock = clock
        self._ids = ids
        self._worker = worker
        self._plan = plan
        self._rules = rules or ScanRules()

    async def begin(self, trigger: ScanTrigger) -> None:
        """Let a scan begin that is due, if none runs."""
        scan = Scan(scan_id=ScanId(self._ids.new()), trigger=trigger, started=self._clock.now())
        with suppress(ConflictError):
            async with self._uow.begin() as tx:
                await tx.scans.begin(scan)

    async def begin_if_due(self) -> None:
        """Let a scan begin where the last one began longer ago than the interval, or there was none."""
        if self._plan.interval is None:
            return
        async with self._uow.begin() as tx:
            since = await tx.scans.since_last_start()
        if since is None or since >= self._plan.interval:
            await self.begin(ScanTrigger.INTERVAL)

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

        Raises:
            ConflictError: ``scan_running``, ``ftp_not_configured``.
            UnavailableError: the database is away.

        """
        if self._server is None:
            raise not_configured()
        scan = Scan(scan_id=ScanId(self._ids.new()), trigger=ScanTrigger.REQUEST, started=self._clock.now())
        async with self._uow.begin() as tx:
            await tx.scans.begin(scan)
            taken = await tx.scans.take(self._worker, SCAN_TERM)
        if taken is None or taken.scan_id != scan.scan_id:
            raise ConflictError("scan_running", "another process has just taken the scan up")
        return await self._run(self._server, scan, report)

    async def read_waiting(self) -> None:
        """Read files of the server that wait though no scan runs, since somebody asked for them."""
        if self._server is None:
            return
        async with self._uow.begin() as tx:
            waiting = [one for one in await tx.files.waiting(FileOrigin.FTP, _AT_ONCE) if one.error is None]
            if not waiting or (await tx.scans.running()) is not None:
                return
        try:
            async with self._server.connect() as folder:
                for file in waiting:
                    await self._read_one(folder, file, _Tracker(_no_scan(self._clock)))
        except FileServerError as gone:
            _LOG.warning("files are not read again now: %s", gone)
            for file in waiting:
                await self._put_off(file.file_id, gone.fault)

    async def _run(self, server: FileServer, scan: Scan, report: Report) -> Scan:
        tracker = _Tracker(scan)
        try:
            async with self._kept(tracker, report):
                try:
                    async with server.connect() as folder:
                        unsettled = await self._list(folder, tracker)
                        await self._read(folder, tracker)
                        await self._look_again(folder, unsettled, tracker)
                except FileServerError as error:
                    tracker.fail(error.fault)
        except _LeaseLostError:
            _LOG.warning("scan %s goes on in another process", scan.scan_id)
            return tracker.scan
        except BaseException:
            with suppress(UnavailableError):
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
        async with self._uow.begin() as tx:
            await tx.scans.release(scan_id, self._worker)

    @asynccontextmanager
    async def _kept(self, tracker: "_Tracker", report: Report) -> AsyncIterator[None]:
        """Note and tell the progress meanwhile; the work is cut off once another process has the scan."""
        work = asyncio.current_task()
        lost = False

        async def keep() -> None:
            nonlocal lost
            told: Scan | None = None
            while True:
                scan = tracker.scan
                report(scan)
                with suppress(UnavailableError):
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
            if lost and work is not None:
                work.uncancel()
                raise _LeaseLostError from None
            raise
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _list(self, folder: RemoteFolder, tracker: "_Tracker") -> list[FoundFile]:
        """Note what is there; return the files that may still be written."""
        unsettled: list[FoundFile] = []
        async for page in folder.pages():
            found = [one for one in page.files if self._formats.reads(one.path)]
            tracker.listed(page.is_new_folder, len(found))
            taken = await self._note(found, unsettled)
            tracker.skipped(len(found) - taken)
        async with self._uow.begin() as tx:
            waiting = await tx.files.waiting(FileOrigin.FTP, 1_000_000)
        tracker.to_read(sum(one.size for one in waiting))
        return unsettled

    async def _note(self, found: Sequence[FoundFile], unsettled: list[FoundFile] | None) -> int:
        """Note files that are new or changed and complete; return how many.

        Those that may still be written are put into ``unsettled``; where it is None, all count as complete.
        """
        if not found:
            return 0
        latest = self._clock.now() - SETTLED_AFTER
        async with self._uow.begin() as tx:
            known = await tx.files.known(FileOrigin.FTP, [one.path for one in found])
            wanted = [one for one in found if self._is_wanted(one, known.get(one.path))]
            if unsettled is not None:
                settled = [one for one in wanted if one.modified is not None and one.modified <= latest]
                unsettled.extend(one for one in wanted if one not in settled)
                wanted = settled
            changed = {known[one.path].file_id: one for one in wanted if one.path in known}
            if changed:
                await tx.files.found_again(changed, changed=True)
            await self._add(tx, [one for one in wanted if one.path not in known])
        return len(wanted)

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
        if (
            known.status is FileStatus.FAILED
            and known.error is not None
            and known.error.code in _ANOTHER_TIME
        ):
            return True
        return (found.size, found.modified) != (known.size, known.modified)

    async def _read(self, folder: RemoteFolder, tracker: "_Tracker") -> None:
        """Read all that waits, each file once."""
        tried: set[FileId] = set()
        while True:
            async with self._uow.begin() as tx:
                waiting = await tx.files.waiting(FileOrigin.FTP, _AT_ONCE + len(tried))
            waiting = [one for one in waiting if one.file_id not in tried]
            if not waiting:
                return
            for file in waiting:
                tried.add(file.file_id)
                await self._read_one(folder, file, tracker)

    async def _read_one(self, folder: RemoteFolder, file: MeterFile, tracker: "_Tracker") -> None:
        claimed = await self._process.claim(file.file_id)
        if claimed is None:
            return  # another process is reading it
        tracker.begins(claimed)
        ended: MeterFile | None = None
        with suppress(ClaimLostError):
            async with self._process.held(claimed):
                try:
                    found = FoundFile(claimed.path, claimed.size, claimed.modified)
                    local = await folder.fetch(found, tracker.arrived)
                except TransferError as error:
                    for_good = error.fault.code in _ANOTHER_TIME
                    status = FileStatus.FAILED if for_good else FileStatus.DISCOVERED
                    ended = await self._process.put_off(claimed, status, error.fault)
                else:
                    ended = await self._read_local(claimed, local, tracker)
        tracker.ends(claimed, ended)

    async def _read_local(self, file: MeterFile, local: LocalFile, tracker: "_Tracker") -> MeterFile:
        ended = await self._process(file, local, tracker.parsed)
        await local.discard()
        return ended

    async def _put_off(self, file_id: FileId, fault: Fault) -> None:
        claimed = await self._process.claim(file_id)
        if claimed is not None:
            with suppress(ClaimLostError):
                await self._process.put_off(claimed, FileStatus.DISCOVERED, fault)

    async def _look_again(
        self, folder: RemoteFolder, unsettled: Iterable[FoundFile], tracker: "_Tracker"
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
                await self._read(folder, tracker)

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


def not_configured() -> ConflictError:
    """Return the error where there is no FTP server to be scanned."""
    return ConflictError("ftp_not_configured", "no FTP server is configured: set FTP_SA4CPS_HOST")


def _no_scan(clock: Clock) -> Scan:
    return Scan(scan_id=ScanId(_NO_ID), trigger=ScanTrigger.REQUEST, started=clock.now())


class _Tracker:
    """The scan as it goes on. A byte counts half when it is here and half when it is read."""

    def __init__(self, scan: Scan) -> None:
        # One that was taken over counts anew: what was done before is skipped now.
        self.scan = Scan(scan_id=scan.scan_id, trigger=scan.trigger, started=scan.started)
        self._before = 0
        self._here = 0
        self._read = 0

    def listed(self, is_new_folder: bool, files: int) -> None:
        scan = self.scan
        self.scan = replace(scan, folders=scan.folders + is_new_folder, files_seen=scan.files_seen + files)

    def skipped(self, files: int) -> None:
        self.scan = replace(self.scan, files_skipped=self.scan.files_skipped + files)

    def settled(self, files: int) -> None:
        self.skipped(-files)

    def to_read(self, size: int) -> None:
        self.scan = replace(self.scan, bytes_total=self.scan.bytes_total + size)

    def begins(self, file: MeterFile) -> None:
        self._before, self._here, self._read = self.scan.bytes_done, 0, 0
        self.scan = replace(self.scan, current_file=file.path)

    def arrived(self, size: int) -> None:
        self._here += size
        self._count()

    def parsed(self, end_offset: int) -> None:
        self._read = end_offset
        self._count()

    def ends(self, file: MeterFile, ended: MeterFile | None) -> None:
        failed = ended is None or ended.status in {FileStatus.FAILED, FileStatus.DISCOVERED}
        self.scan = replace(
            self.scan,
            bytes_done=self._before + file.size,
            files_done=self.scan.files_done + 1,
            files_failed=self.scan.files_failed + failed,
        )

    def fail(self, fault: Fault) -> None:
        self.scan = replace(self.scan, error=fault)

    def ended(self, clock: Clock) -> Scan:
        status = ScanStatus.COMPLETED if self.scan.error is None else ScanStatus.FAILED
        return replace(self.scan, status=status, ended=clock.now(), current_file=None)

    def _count(self) -> None:
        self.scan = replace(self.scan, bytes_done=self._before + (self._here + self._read) // 2)
