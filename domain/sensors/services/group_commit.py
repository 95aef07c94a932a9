"""Requests that wait together share a transaction; each gets its own answer after the commit."""

import asyncio
from array import array
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from domain.sensors.errors import OverlapError
from domain.sensors.events import ReadingsStored
from domain.sensors.model import Outcome, ReadingBatch, Receipt, ReceiptId, Rejected, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.receipt_ports import ChunkName, ChunkReceipt
from domain.sensors.services.merging import Merged, Spans, merged, stored_rows
from domain.sensors.services.refusals import in_order
from domain.shared.errors import UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

ROWS_PER_TRANSACTION: Final = 10_000
MAX_HINTS: Final = 1_000
EXPECT_OVERLAP_FOR: Final = 20
_WRITERS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A checked batch with what was refused of the same request.

    ``repeated`` rows only said the same twice; the receipt of a ``chunk`` is stored with it, once.
    """

    receipt_id: ReceiptId
    source: Source
    batch: ReadingBatch
    rejected: Sequence[Rejected]
    repeated: int = 0
    chunk: ChunkName | None = None

    def receipt(self, outcomes: bytes) -> Receipt:
        """Return what became of the request, given one `Outcome` for each row of the batch."""
        return Receipt(
            receipt_id=self.receipt_id,
            received=len(self.batch) + self.repeated + len(self.rejected),
            created=outcomes.count(Outcome.CREATED),
            updated=outcomes.count(Outcome.UPDATED),
            unchanged=outcomes.count(Outcome.UNCHANGED) + self.repeated,
            rejected=len(self.rejected),
            errors=in_order(self.rejected),
        )


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write, and the outcomes that its caller waits for."""

    write: Write
    done: asyncio.Future[bytes]


class OverlapHints:
    """Which sources lately sent what was stored already: their next batches are taken to do so too."""

    def __init__(self) -> None:
        self._left: OrderedDict[Source, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def expect_overlap(self, sources: Collection[Source]) -> bool:
        """Return whether one of them is likely to."""
        return any(source in self._left for source in sources)

    def overlapped(self, sources: Collection[Source]) -> None:
        """Note that they did; the source that did so longest ago is forgotten where there are too many."""
        for source in sources:
            self._left[source] = EXPECT_OVERLAP_FOR
            self._left.move_to_end(source)
        while len(self._left) > MAX_HINTS:
            self._left.popitem(last=False)

    def all_new(self, sources: Collection[Source]) -> None:
        """Note that they did not, although it was expected; after some batches it no longer is."""
        for source in sources:
            if source in self._left:
                self._left[source] -= 1
                if not self._left[source]:
                    del self._left[source]


class GroupCommit:
    """Stores batches. What waits while a transaction runs goes into the next one together.

    Of two writes in this process that hold the same sensor and time, the one that came first is stored
    first.
    """

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._hints = OverlapHints()
        self._waiting: deque[_Waiting] = deque()
        self._running: list[Spans] = []
        """What the transactions of this moment store."""
        self._writers = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, write: Write) -> bytes:
        """Return one `Outcome` a row once the batch is stored.

        A caller that is cancelled takes the batch back, unless it is being stored already.

        Raises:
            StaleSensorsError: a sensor was changed or deleted since the batch was checked.
            ChunkStoredError: the chunk is stored already.

        """
        waiting = _Waiting(write, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writers < _WRITERS:
            self._writers += 1
            task = asyncio.create_task(self._write_waiting())
            self._tasks.add(task)  # the loop itself would let it be collected
            task.add_done_callback(self._tasks.discard)
        return await waiting.done

    async def preview(self, write: Write) -> bytes:
        """Return what `write` would, and store nothing."""
        if not len(write.batch):
            return b""
        async with self._uow.begin() as tx:
            return await tx.readings.preview(write.batch)

    async def _write_waiting(self) -> None:
        try:
            while True:
                group, spans = self._next_group()
                if not group:
                    break
                self._running.append(spans)
                try:
                    await self._settle(group)
                finally:
                    self._running.remove(spans)
        finally:
            self._writers -= 1

    def _next_group(self) -> tuple[list[_Waiting], Spans]:
        group: list[_Waiting] = []
        spans = Spans()
        rows = 0
        while self._waiting:
            batch = self._waiting[0].write.batch
            if self._waiting[0].done.done():
                self._waiting.popleft()  # its caller has gone
                continue
            rows += len(batch)
            if group and rows > ROWS_PER_TRANSACTION:
                break
            # The writer that holds the same sensor and time goes on with this one.
            if any(held.overlap(batch) for held in (spans, *self._running)):
                break
            spans.add(batch)
            group.append(self._waiting.popleft())
        return group, spans

    async def _settle(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self._write_group([one.write for one in group])
        except asyncio.CancelledError:
            for one in group:
                one.done.cancel()
            raise
        except UnavailableError as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001 - it is raised where the write was asked for
            if len(group) == 1:
                _fail(group, error)
                return
            for one in group:  # what is wrong with one must not fail the others
                await self._settle([one])
        else:
            for one, own in zip(group, outcomes, strict=True):
                if not one.done.done():
                    one.done.set_result(own)

    async def _write_group(self, writes: list[Write]) -> list[bytes]:
        whole = merged([write.batch for write in writes])
        sources = {write.source for write in writes}
        overlapping = self._hints.expect_overlap(sources)
        try:
            outcomes = await self._store(writes, whole, overlapping=overlapping)
        except OverlapError:
            self._hints.overlapped(sources)
            outcomes = await self._store(writes, whole, overlapping=True)
        if overlapping and all(own.count(Outcome.CREATED) == len(own) for own in outcomes):
            self._hints.all_new(sources)
        return outcomes

    async def _store(self, writes: list[Write], whole: Merged, *, overlapping: bool) -> list[bytes]:
        batch, outcomes = whole.batch, b""
        async with self._uow.begin() as tx:
            if len(batch):
                outcomes = await tx.readings.write(batch, overlapping=overlapping)
                if event := self._stored(stored_rows(batch, outcomes)):
                    tx.events.add(event)
            of_writes = whole.outcomes_of_parts(outcomes)
            # One time for both, so that they are purged together.
            now = self._clock.now()
            for write in writes:
                if write.rejected:
                    await tx.rejections.add(write.receipt_id, write.source, write.rejected, now)
            receipts = [
                ChunkReceipt(write.source, write.chunk, write.receipt(own))
                for write, own in zip(writes, of_writes, strict=True)
                if write.chunk is not None
            ]
            if receipts:
                await tx.write_receipts.add(receipts, now)
        return of_writes

    def _stored(self, rows: ReadingBatch) -> ReadingsStored | None:
        if not len(rows):
            return None
        return ReadingsStored(
            event_id=EventId(self._ids.new()),
            occurred_at=self._clock.now(),
            sensor_keys=array("q", [run.key for run in rows.runs]),
            counts=array("q", [run.stop - run.start for run in rows.runs]),
            times_us=rows.times_us,
            values=rows.values,
            qualities=rows.qualities,
        )


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.done.done():
            one.done.set_exception(error)
