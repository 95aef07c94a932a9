"""Reading one meter file, chunk by chunk."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from domain.ingestion.chunk_outcomes import TimeSpan, final_fault, final_status, receipt_of
from domain.ingestion.errors import ClaimLostError, UnreadableFileError
from domain.ingestion.events import FileEnded
from domain.ingestion.file_ports import FileFacts, LocalFile, MeterFileFormats
from domain.ingestion.files import (
    ChunkNote,
    CollectionSensor,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    MeterFile,
    ParsedChunk,
    RejectedLine,
    collection_of,
)
from domain.ingestion.model import ChunkKey, Fault, WorkerId, WriteOutcome
from domain.ingestion.ports import IngestionUnitOfWork, ReadingSink
from domain.shared.errors import ConflictError, UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__name__)
CLAIM_TERM: Final = timedelta(seconds=60)
"""How long a file stays with a process that died, before another one may take it up."""

Progress = Callable[[int], None]
"""Told how many bytes of the file are read."""

_TRIES: Final = 8
_SHOWN_ERRORS: Final = 20


def _nowhere(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreview:
    """What reading a file would do: the receipt, its meters and sensors, and the first errors."""

    path: str
    size: int
    sha256: str
    receipt: FileReceipt
    meters: tuple[str, ...]
    sensors: tuple[str, ...]
    first_time: datetime | None
    last_time: datetime | None
    errors: tuple[RejectedLine, ...]
    error: Fault | None
    duplicate_of: FileId | None


@dataclass(frozen=True, slots=True)
class FileRules:
    """How files are read: times that name no zone are local to ``timezone``.

    A chunk that cannot be stored is tried again after ``first_pause``, then after twice as long each time.
    """

    timezone: ZoneInfo
    first_pause: timedelta = timedelta(seconds=0.5)


class ProcessFile:
    """Reads files that are claimed, and previews others.

    A chunk is stored with a receipt in one transaction of the sensors module, then noted in one of this
    module. Where the process dies between the two, the chunk is sent again and its receipt comes back.
    """

    def __init__(
        self,
        uow: IngestionUnitOfWork,
        sink: ReadingSink,
        formats: MeterFileFormats,
        clock: Clock,
        ids: IdFactory,
        worker: WorkerId,
        rules: FileRules,
    ) -> None:
        self._uow = uow
        self._sink = sink
        self._formats = formats
        self._clock = clock
        self._ids = ids
        self._worker = worker
        self._rules = rules

    async def claim(self, file_id: FileId) -> MeterFile | None:
        """Take a file up; None where it does not wait."""
        async with self._uow.begin() as tx:
            return await tx.files.claim(file_id, self._worker, CLAIM_TERM)

    @asynccontextmanager
    async def held(self, file: MeterFile) -> AsyncIterator[None]:
        """Keep a claim while something takes long; whoever leaves it by an error lets others try at once."""
        keeping = asyncio.create_task(self._keep(file), name=f"claim of {file.path}")
        try:
            yield
        except BaseException as left:
            if not isinstance(left, ClaimLostError):
                await asyncio.shield(self._give_back(file))
            raise
        finally:
            keeping.cancel()

    async def _keep(self, file: MeterFile) -> None:
        while True:
            await asyncio.sleep(CLAIM_TERM.total_seconds() / 3)
            with suppress(UnavailableError):
                async with self._uow.begin() as tx:
                    await tx.files.renew(file, CLAIM_TERM)

    async def _give_back(self, file: MeterFile) -> None:
        with suppress(UnavailableError):
            async with self._uow.begin() as tx:
                await tx.files.end(file, FileStatus.DISCOVERED, self._clock.now(), error=file.error)

    async def put_off(self, file: MeterFile, status: FileStatus, fault: Fault) -> MeterFile:
        """End a claim without having read the file.

        Raises:
            ClaimLostError: another process has taken it up.

        """
        return await self._end(file, status, error=fault)

    async def __call__(self, file: MeterFile, local: LocalFile, read: Progress = _nowhere) -> MeterFile:
        """Read a claimed file to its end, from the first chunk that is not noted.

        Raises:
            ClaimLostError: another process has taken it up.
            UnavailableError: the database is away for too long; the file is taken up again later.

        """
        async with self._uow.begin() as tx:
            identified = await tx.files.identify(file, local.sha256, local.size)
            if identified is None:
                raise ClaimLostError
            file = identified
            first = await tx.files.same_content(file, self._formats.name_meter(file.path))
        if first is not None and file.chunks == 0:
            return await self._end(file, FileStatus.DUPLICATE, duplicate_of=first)
        fault: Fault | None = None
        try:
            async for number, chunk in self._chunks(file.path, local):
                if number >= file.chunks:
                    file = await self._store(file, number, chunk)
                read(chunk.end_offset)
        except UnreadableFileError as unreadable:
            fault = unreadable.fault
        except (UnavailableError, ClaimLostError):
            raise
        except Exception:  # noqa: BLE001 - logged whole; one file must not stop the others
            # Taken up again it would end in the same way, and keep other files from being read.
            _LOG.exception("%s failed inside", file.path)
            fault = Fault("internal_error", "reading it failed inside; the log says where")
        fault = final_fault(file.receipt, fault)
        return await self._end(file, final_status(file.receipt, fault), error=fault)

    async def preview(
        self, origin: FileOrigin, path: str, local: LocalFile, read: Progress = _nowhere
    ) -> FilePreview:
        """Return what reading the file would do; nothing is written.

        Raises:
            UnavailableError: the database is away.

        """
        receipt = FileReceipt()
        meters: dict[str, None] = {}
        sensors: dict[str, None] = {}
        errors: list[RejectedLine] = []
        span = TimeSpan()
        fault: Fault | None = None
        try:
            async for _, chunk in self._chunks(path, local):
                outcome = await self._sink.preview(chunk.batch) if len(chunk.batch) else _NOTHING
                part, rejected = receipt_of(chunk, outcome)
                receipt += part
                errors += rejected[: _SHOWN_ERRORS - len(errors)]
                span.widen(chunk, outcome)
                for registration in chunk.batch.registrations:
                    meters[registration.device_id] = sensors[registration.sensor_id] = None
                read(chunk.end_offset)
        except UnreadableFileError as unreadable:
            fault = unreadable.fault
        duplicate_of = await self._first_of(origin, path, local)
        if duplicate_of:  # nothing of it is read
            receipt = FileReceipt()
        return FilePreview(
            path=path,
            size=local.size,
            sha256=local.sha256,
            receipt=receipt,
            meters=tuple(meters),
            sensors=tuple(sensors),
            first_time=span.first,
            last_time=span.last,
            errors=tuple(errors),
            error=final_fault(receipt, fault),
            duplicate_of=duplicate_of,
        )

    async def _first_of(self, origin: FileOrigin, path: str, local: LocalFile) -> FileId | None:
        # As it would be known once it is there.
        new = MeterFile(
            file_id=FileId(self._ids.new()),
            origin=origin,
            path=path,
            collection=collection_of(path),
            status=FileStatus.DISCOVERED,
            size=local.size,
            modified=None,
            discovered_at=self._clock.now(),
        )
        async with self._uow.begin() as tx:
            known = await tx.files.known(origin, [path])
            asked = replace(known.get(path, new), sha256=local.sha256)
            return await tx.files.same_content(asked, self._formats.name_meter(path))

    async def _chunks(self, path: str, local: LocalFile) -> AsyncIterator[tuple[int, ParsedChunk]]:
        parsed = self._formats.chunks(FileFacts(path, self._rules.timezone), local.blocks())
        number = 0
        # Parsing takes time that belongs to others: not in the event loop.
        while (chunk := await asyncio.to_thread(_next, parsed)) is not None:
            yield number, chunk
            number += 1

    async def _store(self, file: MeterFile, number: int, chunk: ParsedChunk) -> MeterFile:
        key = ChunkKey(f"{file.origin.value}:{file.path}", f"{file.sha256}.{file.generation}.{number}")
        outcome = (
            await self._retried(lambda: self._sink.write_chunk(chunk.batch, key))
            if len(chunk.batch)
            else _NOTHING
        )
        receipt, rejected = receipt_of(chunk, outcome)
        span = TimeSpan()
        span.widen(chunk, outcome)
        note = ChunkNote(
            number=number,
            end_offset=chunk.end_offset,
            lines=chunk.lines,
            receipt=receipt,
            rejected=rejected,
            first_time=span.first,
            last_time=span.last,
            sensors=[CollectionSensor(one.device_id, one.sensor_id) for one in chunk.batch.registrations],
            name_meter=self._formats.name_meter(file.path) if chunk.by_name else None,
        )
        await self._retried(lambda: self._note(file, note))
        return replace(file, chunks=number + 1, offset=chunk.end_offset, receipt=file.receipt + receipt)

    async def _note(self, file: MeterFile, note: ChunkNote) -> None:
        async with self._uow.begin() as tx:
            if not await tx.files.note_chunk(file, note, CLAIM_TERM):
                raise ClaimLostError

    async def _retried(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """Do what can be done twice without harm until the database is there, or was away for too long."""
        for attempt in range(_TRIES):
            try:
                return await work()
            except (UnavailableError, ConflictError):
                if attempt + 1 == _TRIES:
                    raise
                await asyncio.sleep(self._rules.first_pause.total_seconds() * 2**attempt)
        raise AssertionError  # the last try returns or raises

    async def _end(
        self,
        file: MeterFile,
        status: FileStatus,
        *,
        duplicate_of: FileId | None = None,
        error: Fault | None = None,
    ) -> MeterFile:
        now = self._clock.now()
        async with self._uow.begin() as tx:
            ended = await tx.files.end(file, status, now, duplicate_of=duplicate_of, error=error)
            if ended is None:
                raise ClaimLostError
            if status is not FileStatus.DISCOVERED:
                tx.events.add(self._event(ended, now))
        return ended

    def _event(self, file: MeterFile, now: datetime) -> FileEnded:
        return FileEnded(
            event_id=EventId(self._ids.new()),
            occurred_at=now,
            file_id=file.file_id,
            path=file.path,
            collection=file.collection,
            status=file.status.value,
            received=file.receipt.received,
            created=file.receipt.created,
            updated=file.receipt.updated,
            unchanged=file.receipt.unchanged,
            rejected=file.receipt.rejected,
            first_time=file.first_time,
            last_time=file.last_time,
            error=file.error.code if file.error else None,
        )


_NOTHING: Final = WriteOutcome(created=0, updated=0, unchanged=0, rejected=0)


def _next(parsed: Iterator[ParsedChunk]) -> ParsedChunk | None:
    # A StopIteration cannot be raised into a coroutine.
    return next(parsed, None)
