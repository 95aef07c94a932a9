"""Bringing one file from the server here, and reading it."""

from contextlib import suppress

from domain.ingestion.errors import ClaimLostError, TransferError
from domain.ingestion.file_ports import RemoteFolder
from domain.ingestion.files import FileId, FileStatus, FoundFile, MeterFile
from domain.ingestion.model import Fault
from domain.ingestion.scan_progress import ScanProgress
from domain.ingestion.services.process_file import ProcessFile

FOR_GOOD = frozenset({"gone", "too_large"})
"""Faults of a transfer after which a file is ``failed``: it is tried again once it is found again."""


class FetchFile:
    """Fetches and reads files that wait; what cannot be brought here now waits for another time."""

    def __init__(self, process: ProcessFile) -> None:
        self._process = process

    async def __call__(self, folder: RemoteFolder, file: MeterFile, progress: ScanProgress) -> None:
        """Take the file up, unless another process is reading it, and read it to its end.

        Raises:
            FileServerError: the server is gone; the file waits again.
            UnavailableError: the database is away; the file waits again.

        """
        claimed = await self._process.claim(file.file_id)
        if claimed is None:
            return
        progress.begins(claimed)
        ended: MeterFile | None = None
        with suppress(ClaimLostError):
            async with self._process.held(claimed):
                ended = await self._read(folder, claimed, progress)
        progress.ends(claimed, ended)

    async def _read(self, folder: RemoteFolder, file: MeterFile, progress: ScanProgress) -> MeterFile:
        found = FoundFile(file.path, file.size, file.modified)
        try:
            local = await folder.fetch(found, progress.arrived)
        except TransferError as error:
            status = FileStatus.FAILED if error.fault.code in FOR_GOOD else FileStatus.DISCOVERED
            return await self._process.put_off(file, status, error.fault)
        try:
            return await self._process(file, local, progress.parsed)
        finally:
            await local.discard()

    async def put_off(self, file_id: FileId, fault: Fault) -> None:
        """Let a file wait, with the fault that keeps it from being read now."""
        claimed = await self._process.claim(file_id)
        if claimed is not None:
            with suppress(ClaimLostError):
                await self._process.put_off(claimed, FileStatus.DISCOVERED, fault)
