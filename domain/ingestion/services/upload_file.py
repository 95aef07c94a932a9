"""Meter files that come over the API."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Final

from domain.ingestion.errors import ClaimLostError
from domain.ingestion.events import FileUploaded
from domain.ingestion.file_ports import LocalFile, Spool
from domain.ingestion.files import ROOT, CollectionName, FileOrigin, MeterFile
from domain.ingestion.ports import IngestionTransaction, IngestionUnitOfWork
from domain.ingestion.services.brought_files import BroughtFiles
from domain.ingestion.services.files import file_busy
from domain.ingestion.services.process_file import FilePreview, ProcessFile
from domain.shared.events import Actor, EventId
from domain.shared.ports import Clock, IdFactory

PART: Final = 1 << 20
"""Bytes of a part of the content that is kept."""
_AT_ONCE: Final = 100


class UploadFile:
    """Keeps what is uploaded, and reads it: at once for who uploads it, later where it is asked for again."""

    def __init__(
        self,
        uow: IngestionUnitOfWork,
        spool: Spool,
        brought: BroughtFiles,
        process: ProcessFile,
        clock: Clock,
        ids: IdFactory,
    ) -> None:
        self._uow = uow
        self._spool = spool
        self._brought = brought
        self._process = process
        self._clock = clock
        self._ids = ids

    async def __call__(
        self, name: str, blocks: AsyncIterator[bytes], actor: Actor, collection: CollectionName = ROOT
    ) -> MeterFile:
        """Return the file as it is after it was read to its end.

        It is known with all of its content, or not at all; from then on it is read to its end, by another
        process where this one dies.

        Raises:
            ConflictError: ``file_busy``: the same path is being read.
            UnavailableError: ``disk_full``, or the database is away.

        """
        local = await self._spool.keep(blocks)
        try:
            async with self._uow.begin() as tx:
                file = await self._brought.take_up(tx, FileOrigin.UPLOAD, _path(collection, name), local)
                await _keep_content(tx, file, local)
                tx.events.add(
                    FileUploaded(
                        event_id=EventId(self._ids.new()),
                        occurred_at=self._clock.now(),
                        actor=actor,
                        file_id=file.file_id,
                        path=file.path,
                        sha256=local.sha256,
                    )
                )
            async with self._process.held(file):
                return await self._process(file, local)
        except ClaimLostError:
            raise file_busy(file) from None
        finally:
            await local.discard()

    async def preview(
        self, name: str, blocks: AsyncIterator[bytes], collection: CollectionName = ROOT
    ) -> FilePreview:
        """Return what would become of the file; nothing of it is kept.

        Raises:
            UnavailableError: ``disk_full``, or the database is away.

        """
        local = await self._spool.keep(blocks)
        try:
            return await self._process.preview(FileOrigin.UPLOAD, _path(collection, name), local)
        finally:
            await local.discard()

    async def read_waiting(self) -> None:
        """Read uploaded files that wait: somebody asked for them again, or their reader died.

        Raises:
            UnavailableError: ``disk_full``, or the database is away.

        """
        async with self._uow.begin() as tx:
            waiting = await tx.files.waiting(FileOrigin.UPLOAD, _AT_ONCE)
        for one in waiting:
            file = await self._process.claim(one.file_id)
            if file is None:
                continue
            try:
                async with self._process.held(file):
                    await self._read_kept(file)
            except ClaimLostError:
                continue  # another process reads it

    async def _read_kept(self, file: MeterFile) -> None:
        local = await self._spool.keep(self._kept(file))
        try:
            await self._process(file, local)
        finally:
            await local.discard()

    async def _kept(self, file: MeterFile) -> AsyncIterator[bytes]:
        number = 0
        while True:
            async with self._uow.begin() as tx:
                part = await tx.contents.part(file.file_id, number)
            if part is None:
                return
            yield part
            number += 1


async def _keep_content(tx: IngestionTransaction, file: MeterFile, local: LocalFile) -> None:
    await tx.contents.remove(file.file_id)
    parts = _parts(local.blocks())
    number = 0
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        await tx.contents.add(file.file_id, number, part)
        number += 1


def _parts(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in parts of one size, but for the last one."""
    held = bytearray()
    for block in blocks:
        held += block
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)


def _path(collection: CollectionName, name: str) -> str:
    return f"/{name}" if collection == ROOT else f"/{collection}/{name}"
