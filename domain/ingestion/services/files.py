"""What people ask of meter files and collections."""

from collections.abc import Sequence

from domain.ingestion.errors import ftp_not_configured, unknown_file
from domain.ingestion.events import FileReadAgain
from domain.ingestion.files import (
    Collection,
    CollectionName,
    FileId,
    FileOrigin,
    FileStatus,
    MeterFile,
    RejectedLine,
)
from domain.ingestion.ftp_state import FtpPlan
from domain.ingestion.ports import IngestionUnitOfWork
from domain.shared.errors import ConflictError, NotFoundError
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory


class ReadFiles:
    """Shows files with their receipts and rejects, and lets one be read again."""

    def __init__(self, uow: IngestionUnitOfWork, plan: FtpPlan, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._plan = plan
        self._clock = clock
        self._ids = ids

    async def list(
        self, status: FileStatus | None, collection: CollectionName | None, limit: int, offset: int
    ) -> tuple[Sequence[MeterFile], int]:
        """Return a page of files, the one that something happened to last first, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.files.list(status, collection, limit, offset)

    async def get(self, file_id: FileId) -> MeterFile:
        """Return a file.

        Raises:
            NotFoundError: ``unknown_file``.

        """
        async with self._uow.begin() as tx:
            file = await tx.files.get(file_id)
        if file is None:
            raise unknown_file(file_id)
        return file

    async def rejects(self, file_id: FileId, limit: int, offset: int) -> tuple[Sequence[RejectedLine], int]:
        """Return a page of the lines that were refused when the file was read last, and their number.

        Raises:
            NotFoundError: ``unknown_file``.

        """
        async with self._uow.begin() as tx:
            if await tx.files.get(file_id) is None:
                raise unknown_file(file_id)
            return await tx.files.rejects(file_id, limit, offset)

    async def read_again(self, file_id: FileId, actor: Actor) -> MeterFile:
        """Let a file wait to be read from its first line again, by whichever worker comes to it.

        Raises:
            NotFoundError: ``unknown_file``.
            ConflictError: ``file_busy``: it is being read; ``content_gone``: its content is not kept here;
                ``ftp_not_configured``: it lies on a server that is not configured any more.

        """
        async with self._uow.begin() as tx:
            file = await tx.files.get(file_id)
            if file is None:
                raise unknown_file(file_id)
            if file.origin is FileOrigin.IMPORT:
                raise ConflictError(
                    "content_gone",
                    "this file was read on the command line and its content is not kept: import it again",
                )
            if file.origin is FileOrigin.FTP and self._plan.server is None:
                raise ftp_not_configured()
            waiting = await tx.files.read_again(file_id)
            if waiting is None:
                raise file_busy(file)
            tx.events.add(
                FileReadAgain(
                    event_id=EventId(self._ids.new()),
                    occurred_at=self._clock.now(),
                    actor=actor,
                    file_id=file_id,
                )
            )
        return waiting

    async def collections(self, limit: int, offset: int) -> tuple[Sequence[Collection], int]:
        """Return a page of collections by name, and the number of all."""
        async with self._uow.begin() as tx:
            return await tx.files.collections(limit, offset)

    async def collection(self, name: CollectionName) -> Collection:
        """Return a collection.

        Raises:
            NotFoundError: ``unknown_collection``.

        """
        async with self._uow.begin() as tx:
            collection = await tx.files.collection(name)
        if collection is None:
            raise NotFoundError("unknown_collection", f"there is no collection {name!r}")
        return collection


def file_busy(file: MeterFile) -> ConflictError:
    """Return the error for a file that somebody is reading."""
    return ConflictError(
        "file_busy", f"{file.path} is being read now; where its reader died, it is free again in a minute"
    )
