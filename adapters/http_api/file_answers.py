"""Meter files, their receipts and rejects, as clients see them."""

from datetime import datetime
from typing import Self
from uuid import UUID

import msgspec

from adapters.web.times import Instant
from domain.ingestion.files import FileOrigin, FileReceipt, FileStatus, MeterFile, RejectedLine
from domain.ingestion.model import Fault
from domain.ingestion.services.process_file import FilePreview


class FileFaultAnswer(msgspec.Struct, kw_only=True):
    """What went wrong with a file, a transfer or a scan."""

    code: str
    detail: str


class FileReceiptAnswer(msgspec.Struct, kw_only=True):
    """What became of a file's values, and of its lines that hold none that can be read."""

    received: int
    created: int
    updated: int
    unchanged: int
    rejected: int


class RejectAnswer(msgspec.Struct, kw_only=True):
    """A line, or a value of it, that was refused; `text` is its beginning."""

    line: int
    text: str
    code: str
    detail: str

    @classmethod
    def of(cls, one: RejectedLine) -> Self:
        """Tell a rejected line."""
        return cls(line=one.line, text=one.text, code=one.code, detail=one.detail)


class MeterFileAnswer(msgspec.Struct, kw_only=True):
    """A meter file; `lines` and `bytes_read` say how much of it is read, times are those of its readings."""

    file_id: UUID
    path: str
    collection: str
    origin: FileOrigin
    status: FileStatus
    size: int
    sha256: str | None
    receipt: FileReceiptAnswer
    lines: int
    bytes_read: int
    first_time: Instant | None
    last_time: Instant | None
    duplicate_of: UUID | None
    error: FileFaultAnswer | None
    generation: int
    modified: Instant | None
    discovered_at: Instant
    started_at: Instant | None
    ended_at: Instant | None


class FilePreviewAnswer(msgspec.Struct, kw_only=True):
    """What reading the file would do; nothing of it is stored. `errors` are the first 20 rejects."""

    path: str
    size: int
    sha256: str
    receipt: FileReceiptAnswer
    meters: list[str]
    sensors: list[str]
    first_time: Instant | None
    last_time: Instant | None
    errors: list[RejectAnswer]
    error: FileFaultAnswer | None
    duplicate_of: UUID | None
    dry_run: bool = True


def instant(time: datetime | None) -> Instant | None:
    """Tell a time that may not be there."""
    return None if time is None else Instant.of(time)


def fault(one: Fault | None) -> FileFaultAnswer | None:
    """Tell a fault that may not be there."""
    return None if one is None else FileFaultAnswer(code=one.code, detail=one.detail)


def _receipt(receipt: FileReceipt) -> FileReceiptAnswer:
    return FileReceiptAnswer(
        received=receipt.received,
        created=receipt.created,
        updated=receipt.updated,
        unchanged=receipt.unchanged,
        rejected=receipt.rejected,
    )


def file_answer(file: MeterFile) -> MeterFileAnswer:
    """Tell a file."""
    return MeterFileAnswer(
        file_id=file.file_id,
        path=file.path,
        collection=file.collection,
        origin=file.origin,
        status=file.status,
        size=file.size,
        sha256=file.sha256,
        receipt=_receipt(file.receipt),
        lines=file.lines,
        bytes_read=file.offset,
        first_time=instant(file.first_time),
        last_time=instant(file.last_time),
        duplicate_of=file.duplicate_of,
        error=fault(file.error),
        generation=file.generation,
        modified=instant(file.modified),
        discovered_at=Instant.of(file.discovered_at),
        started_at=instant(file.started_at),
        ended_at=instant(file.ended_at),
    )


def preview_answer(preview: FilePreview) -> FilePreviewAnswer:
    """Tell what reading a file would do."""
    return FilePreviewAnswer(
        path=preview.path,
        size=preview.size,
        sha256=preview.sha256,
        receipt=_receipt(preview.receipt),
        meters=list(preview.meters),
        sensors=list(preview.sensors),
        first_time=instant(preview.first_time),
        last_time=instant(preview.last_time),
        errors=[RejectAnswer.of(one) for one in preview.errors],
        error=fault(preview.error),
        duplicate_of=preview.duplicate_of,
    )
