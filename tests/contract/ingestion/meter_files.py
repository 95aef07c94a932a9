from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from domain.ingestion.files import (
    ChunkNote,
    CollectionName,
    CollectionSensor,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    MeterFile,
    RejectedLine,
    collection_of,
)
from domain.ingestion.model import WorkerId
from domain.ingestion.ports import IngestionUnitOfWork

NOW = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
TERM = timedelta(seconds=60)
LAPSED = timedelta(seconds=-1)
"""A claim for so long is over when it is made."""

ME, OTHER = WorkerId("me"), WorkerId("other")
ONE_SHA, OTHER_SHA = "ab" * 32, "cd" * 32


def new_file(path: str, origin: FileOrigin = FileOrigin.FTP, size: int = 100) -> MeterFile:
    return MeterFile(
        file_id=FileId(uuid4()),
        origin=origin,
        path=path,
        collection=collection_of(path),
        status=FileStatus.DISCOVERED,
        size=size,
        modified=NOW,
        discovered_at=NOW,
    )


def note(number: int, *, created: int = 1, rejected: Sequence[RejectedLine] = ()) -> ChunkNote:
    """The note of a chunk of ten bytes and two lines, whose readings are of the hour of its number."""
    return ChunkNote(
        number=number,
        end_offset=10 * (number + 1),
        lines=2,
        receipt=FileReceipt(
            received=created + 3 + len(rejected),
            created=created,
            updated=2,
            unchanged=1,
            rejected=len(rejected),
        ),
        rejected=rejected,
        first_time=NOW + timedelta(hours=number),
        last_time=NOW + timedelta(hours=number, minutes=45),
        sensors=[CollectionSensor("m1", "m1.a"), CollectionSensor("m1", f"m1.{number}")],
        name_meter=None,
    )


async def added(uow: IngestionUnitOfWork, *files: MeterFile) -> Sequence[CollectionName]:
    async with uow.begin() as tx:
        return await tx.files.add(files)


async def claimed(uow: IngestionUnitOfWork, file: MeterFile) -> MeterFile:
    async with uow.begin() as tx:
        held = await tx.files.claim(file.file_id, ME, TERM)
    assert held is not None
    return held


async def kept(uow: IngestionUnitOfWork, file: MeterFile) -> MeterFile:
    async with uow.begin() as tx:
        found = await tx.files.get(file.file_id)
    assert found is not None
    return found


async def noted(uow: IngestionUnitOfWork, file: MeterFile, *notes: ChunkNote) -> None:
    for one in notes:
        async with uow.begin() as tx:
            assert await tx.files.note_chunk(file, one, TERM)


async def was_read(
    uow: IngestionUnitOfWork,
    file: MeterFile,
    sha256: str = ONE_SHA,
    *notes: ChunkNote,
    status: FileStatus = FileStatus.PROCESSED,
    at: datetime = NOW,
) -> MeterFile:
    """A file from its discovery to its end."""
    await added(uow, file)
    held = await claimed(uow, file)
    async with uow.begin() as tx:
        assert await tx.files.identify(held, sha256, 100)
    await noted(uow, held, *notes)
    async with uow.begin() as tx:
        ended = await tx.files.end(held, status, at)
    assert ended is not None
    return ended
