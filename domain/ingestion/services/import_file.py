"""Reading a file of this machine."""

from collections.abc import Callable

from domain.ingestion.errors import ClaimLostError
from domain.ingestion.file_ports import LocalFile
from domain.ingestion.files import FileOrigin, MeterFile
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.services.brought_files import BroughtFiles
from domain.ingestion.services.files import file_busy
from domain.ingestion.services.process_file import FilePreview, ProcessFile

ImportProgress = Callable[[int, int], None]
"""Told how many bytes are read, and of how many."""


class ImportFile:
    """Reads a file by the rules of the FTP monitor, in this process; what was cut off goes on."""

    def __init__(self, uow: IngestionUnitOfWork, brought: BroughtFiles, process: ProcessFile) -> None:
        self._uow = uow
        self._brought = brought
        self._process = process

    async def __call__(self, path: str, local: LocalFile, tell: ImportProgress) -> MeterFile:
        """Return the file as it is after it was read to its end.

        Args:
            path: where it belongs: ``/``, the collection, its name.
            local: its content.
            tell: told how far it is.

        Raises:
            ConflictError: ``file_busy``: another process is reading it.
            UnavailableError: the database is away for too long.

        """
        async with self._uow.begin() as tx:
            file = await self._brought.take_up(tx, FileOrigin.IMPORT, path, local)
        try:
            async with self._process.held(file):
                return await self._process(file, local, lambda done: tell(done, local.size))
        except ClaimLostError:
            raise file_busy(file) from None

    async def preview(self, path: str, local: LocalFile, tell: ImportProgress) -> FilePreview:
        """Return what reading it would do; nothing is written.

        Raises:
            UnavailableError: the database is away.

        """
        return await self._process.preview(
            FileOrigin.IMPORT, path, local, lambda done: tell(done, local.size)
        )
