"""Files that somebody brings, rather than files that are found."""

from domain.ingestion.events import CollectionFound
from domain.ingestion.file_ports import LocalFile
from domain.ingestion.files import FileId, FileOrigin, FileStatus, MeterFile, collection_of
from domain.ingestion.model import WorkerId
from domain.ingestion.ports import IngestionTransaction
from domain.ingestion.services.files import file_busy
from domain.ingestion.services.process_file import CLAIM_TERM
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

_UNFINISHED = (FileStatus.DISCOVERED, FileStatus.PROCESSING)


class BroughtFiles:
    """Takes them up in this process. The same path again is the same file, which is read anew."""

    def __init__(self, clock: Clock, ids: IdFactory, worker: WorkerId) -> None:
        self._clock = clock
        self._ids = ids
        self._worker = worker

    async def take_up(
        self, tx: IngestionTransaction, origin: FileOrigin, path: str, local: LocalFile
    ) -> MeterFile:
        """Return the file, claimed; where an earlier try was cut off, it goes on from there.

        Raises:
            ConflictError: ``file_busy``, ``file_exists``.
            InvalidError: ``path_too_long``.

        """
        file = (await tx.files.known(origin, [path])).get(path)
        if file is None:
            file = await self._add(tx, origin, path, local)
        elif file.status not in _UNFINISHED:
            await tx.files.read_again(file.file_id)
        claimed = await tx.files.claim(file.file_id, self._worker, CLAIM_TERM)
        if claimed is None:
            raise file_busy(file)
        return claimed

    async def _add(
        self, tx: IngestionTransaction, origin: FileOrigin, path: str, local: LocalFile
    ) -> MeterFile:
        now = self._clock.now()
        file = MeterFile(
            file_id=FileId(self._ids.new()),
            origin=origin,
            path=path,
            collection=collection_of(path),
            status=FileStatus.DISCOVERED,
            size=local.size,
            modified=None,
            discovered_at=now,
        )
        for collection in await tx.files.add([file]):
            tx.events.add(
                CollectionFound(event_id=EventId(self._ids.new()), occurred_at=now, collection=collection)
            )
        return file
