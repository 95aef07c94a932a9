"""What became of the chunks of a file: pure reckoning."""

from datetime import datetime

from domain.ingestion.files import FileReceipt, FileStatus, ParsedChunk, RejectedLine
from domain.ingestion.model import Fault, WriteOutcome
from domain.shared.time import from_microseconds


def final_fault(receipt: FileReceipt, fault: Fault | None) -> Fault | None:
    """Return what is wrong with a file whose reading came to this: it broke off, or all of it was refused."""
    if fault is None and receipt.received and receipt.received == receipt.rejected:
        return Fault("nothing_stored", "everything in it was refused; its rejects say why")
    return fault


def final_status(receipt: FileReceipt, fault: Fault | None) -> FileStatus:
    """Return how a file ends whose reading came to this, with its final fault."""
    if fault is not None and receipt.received == receipt.rejected:
        return FileStatus.FAILED
    return FileStatus.PARTIAL if fault is not None or receipt.rejected else FileStatus.PROCESSED


def receipt_of(chunk: ParsedChunk, outcome: WriteOutcome) -> tuple[FileReceipt, list[RejectedLine]]:
    """Return what became of a chunk, and its rejected lines in their order."""
    receipt = FileReceipt(
        received=len(chunk.batch) + len(chunk.rejected),
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        rejected=outcome.rejected + len(chunk.rejected),
    )
    rejected = list(chunk.rejected)
    for one in outcome.refused:
        line = chunk.line_numbers[one.index]
        text = chunk.texts[line - chunk.first_line]
        rejected.append(RejectedLine(line, text, one.code, f"{one.sensor_id}: {one.detail}"))
    rejected.sort(key=lambda one: one.line)
    return receipt, rejected


class TimeSpan:
    """The first and the last time of the readings that were taken."""

    def __init__(self) -> None:
        self.first: datetime | None = None
        self.last: datetime | None = None

    def widen(self, chunk: ParsedChunk, outcome: WriteOutcome) -> None:
        """Take in the readings of a chunk."""
        refused = {one.index for one in outcome.refused}
        times = chunk.batch.times_us
        taken = [time for row, time in enumerate(times) if row not in refused] if refused else times
        if not len(taken):
            return
        first, last = from_microseconds(min(taken)), from_microseconds(max(taken))
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
