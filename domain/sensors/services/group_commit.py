"""Requests that wait together share a transaction; each gets its own answer after the commit."""

import asyncio
from array import array
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from domain.sensors.errors import OverlapError
from domain.sensors.events import ReadingsStored
from domain.sensors.model import Outcome, ReadingBatch, ReceiptId, Rejected, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.merging import Spans, merged, stored_rows
from domain.shared.errors import UnavailableError
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

ROWS_PER_TRANSACTION: Final = 10_000
_WRITERS: Final = 2
_EXPECT_OVERLAP_FOR: Final = 20
"""So many batches of a source that overlapped once are taken to overlap as well."""
_MAX_HINTS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A checked batch with what was refused of the same request."""

    receipt_id: ReceiptId
    source: Source
    batch: ReadingBatch
    rejected: Sequence[Rejected]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A write, and who waits for its outcomes."""

    write: Write
    done: asyncio.Future[bytes]


class _OverlapHints:
    """Which sources send what is stored already, as far as they were seen lately."""

    def __init__(self) -> None:
        self._left: OrderedDict[Source, int] = OrderedDict()

    def expected_of(self, sources: Collection[Source]) -> bool:
        return any(source in self._left for source in sources)

    def overlapped(self, sources: Collection[Source]) -> None:
        for source in sources:
            self._left[source] = _EXPECT_OVERLAP_FOR
            self._left.move_to_end(source)
        while len(self._left) > _MAX_HINTS:
            self._left.popitem(last=False)

    def all_new(self, sources: Collection[Source]) -> None:
        for source in sources:
            left = self._left.pop(source, 0) - 1
            if left > 0:
                self._left[source] = left


class GroupCommit:
    """Stores batches. What waits while a transaction runs goes into the next one together.

    Of two writes in one process that hold the same sensor and time, the one that came first is stored first.
    """

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._waiting: deque[_Waiting] = deque()
        self._running: dict[asyncio.Task[None], Spans] = {}
        self._hints = _OverlapHints()

    async def write(self, write: Write) -> bytes:
        """Return one `Outcome` a row once the batch is stored.

        A caller that is cancelled before its batch's turn takes it back; afterwards it is stored all the same.

        Raises:
            StaleSensorsError: a sensor was changed or deleted since the batch was checked.

        """
        waiting = _Waiting(write, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._running) < _WRITERS:
            self._start_writer()
        return await waiting.done

    async def preview(self, write: Write) -> bytes:
        """Return what `write` would, and store nothing."""
        return await self._store([write], write.batch, overlapping=True, dry_run=True)

    def _start_writer(self) -> None:
        task = asyncio.create_task(self._write_all())
        self._running[task] = Spans()
        task.add_done_callback(self._running.pop)

    async def _write_all(self) -> None:
        writer = asyncio.current_task()
        while writer is not None and (group := self._next_group()):
            ...
