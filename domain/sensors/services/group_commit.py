"""Requests that wait together share a transaction; each gets its own answer after the commit."""

import asyncio
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Final

from domain.sensors.errors import OverlapError
from domain.sensors.events import ReadingsStored
from domain.sensors.model import Outcome, ReadingBatch, ReceiptId, Rejected, SensorRun, Source
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.events import EventId
from domain.shared.ports import Clock, IdFactory

ROWS_PER_TRANSACTION: Final = 10_000
_WRITERS: Final = 2
_EXPECT_OVERLAP_FOR: Final = 20
"""So many batches of a source that overlapped once are taken to overlap as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A checked batch with what was refused of the same request."""

    receipt_id: ReceiptId
    source: Source
    batch: ReadingBatch
    rejected: Sequence[Rejected]


class GroupCommit:
    """Stores batches. What waits while a transaction runs goes into the next one together."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock, ids: IdFactory) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._waiting: deque[tuple[Write, asyncio.Future[bytes]]] = deque()
        self._writers: set[asyncio.Task[None]] = set()
        self._expect_overlap: dict[Source, int] = {}

    async def write(self, write: Write) -> bytes:
        """Return one `Outcome` a row once the batch is stored.

        Raises:
            StaleSensorsError: a sensor was changed or deleted since the batch was checked.

        """
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, done))
        if len(self._writers) < _WRITERS:
            task = asyncio.create_task(self._drain())
            self._writers.add(task)
            task.add_done_callback(self._writers.discard)
        return await done

    async def preview(self, write: Write) -> bytes:
        """Return what `write` would, and store nothing."""
        return await self._store([write], write.batch, overlapping=True, dry_run=True)

    async def _drain(self) -> None:
        while self._waiting:
            group = self._next_group()
            writes = [write for write, _ in group]
            try:
                outcomes = await self._write_group(writes)
            except BaseException as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
                if isinstance(error, asyncio.CancelledError):
                    raise
                continue
            for (_, done), outcome in zip(group, outcomes, strict=True):
                if not done.done():
                    done.set_result(outcome)

    def _next_group(self) -> list[tuple[Write, asyncio.Future[bytes]]]:
        group = [self._waiting.popleft()]
        rows = len(group[0][0].batch)
        spans: dict[int, list[tuple[int, int]]] | None = None
        while self._waiting:
            batch = self._waiting[0][0].batch
            rows += len(batch)
            if rows > ROWS_PER_TRANSACTION:
                break
            if spans is None:
                spans = {}
                _take_spans(spans, group[0][0].batch)
            # Two requests with the same sensor and time go one after the other, as they came.
            if not _take_spans(spans, batch):
                break
            group.append(self._waiting.popleft())
        return group

    async def _write_group(self, writes: list[Write]) -> list[bytes]:
        batch, parts = merged([write.batch for write in writes])
        sources = {write.source for write in writes}
        overlapping = any(self._expect_overlap.get(source, 0) > 0 for source in sources)
        try:
            outcomes = await self._store(writes, batch, overlapping=overlapping)
        except OverlapError:
            self._expect_overlap.update(dict.fromkeys(sources, _EXPECT_OVERLAP_FOR))
            outcomes = await self._store(writes, batch, overlapping=True)
        if overlapping and outcomes.count(Outcome.CREATED) == len(outcomes):
            for source in sources & self._expect_overlap.keys():
                self._expect_overlap[source] -= 1
                if self._expect_overlap[source] <= 0:
                    del self._expect_overlap[source]
        return [_outcomes_of(part, outcomes) for part in parts]

    async def _store(
        self, writes: list[Write], batch: ReadingBatch, *, overlapping: bool, dry_run: bool = False
    ) -> bytes:
        outcomes = b""
        async with self._uow.begin() as tx:
            if len(batch):
                outcomes = await tx.readings.write(batch, overlapping=overlapping)
                if event := self._stored(batch, outcomes):
                    tx.events.add(event)
            for write in writes:
                if write.rejected:
                    await tx.rejections.add(write.receipt_id, write.source, write.rejected, self._clock.now())
            if dry_run:
                tx.roll_back()
        return outcomes

    def _stored(self, batch: ReadingBatch, outcomes: bytes) -> ReadingsStored | None:
        if outcomes.count(Outcome.CREATED) == len(outcomes):
            rows = batch
        else:
            rows = selected(batch, [outcome != Outcome.UNCHANGED for outcome in outcomes])
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


def _take_spans(spans: dict[int, list[tuple[int, int]]], batch: ReadingBatch) -> bool:
    """Take the batch's times into ``spans``; False, and nothing taken, where they overlap."""
    times = batch.times_us
    taken = [(run.key, times[run.start], times[run.stop - 1]) for run in batch.runs]
    for key, first, last in taken:
        if any(first <= end and start <= last for start, end in spans.get(key, ())):
            return False
    for key, first, last in taken:
        spans.setdefault(key, []).append((first, last))
    return True


@dataclass(frozen=True, slots=True)
class _Part:
    """Where the rows of one batch stand in a merged one: (start there, start here, count)."""

    rows: int
    places: list[tuple[int, int, int]]


def merged(batches: Sequence[ReadingBatch]) -> tuple[ReadingBatch, list[_Part]]:
    """Merge batches that do not overlap into one in order."""
    if len(batches) == 1:
        return batches[0], [_Part(len(batches[0]), [(0, 0, len(batches[0]))])]
    entries = sorted(
        chain.from_iterable(
            [(run.key, batch.times_us[run.start], number, run) for run in batch.runs]
            for number, batch in enumerate(batches)
        ),
        key=itemgetter(0, 1),
    )
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    parts = [_Part(len(batch), []) for batch in batches]
    for key, _, number, run in entries:
        batch = batches[number]
        start = len(times_us)
        times_us.extend(batch.times_us[run.start : run.stop])
        values.extend(batch.values[run.start : run.stop])
        qualities.extend(batch.qualities[run.start : run.stop])
        runs.append(SensorRun(key, run.version, run.source, start, len(times_us)))
        parts[number].places.append((start, run.start, run.stop - run.start))
    return ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities), parts


def _outcomes_of(part: _Part, outcomes: bytes) -> bytes:
    if len(part.places) == 1 and part.rows == len(outcomes):
        return outcomes
    own = bytearray(part.rows)
    for there, here, count in part.places:
        own[here : here + count] = outcomes[there : there + count]
    return bytes(own)


def selected(batch: ReadingBatch, keep: Sequence[bool]) -> ReadingBatch:
    """Return the rows to keep as a batch."""
    times_us, values, qualities = array("q"), array("d"), array("b")
    runs: list[SensorRun] = []
    for run in batch.runs:
        start = len(times_us)
        for row in range(run.start, run.stop):
            if keep[row]:
                times_us.append(batch.times_us[row])
                values.append(batch.values[row])
                qualities.append(batch.qualities[row])
        if len(times_us) > start:
            runs.append(SensorRun(run.key, run.version, run.source, start, len(times_us)))
    return ReadingBatch(runs=runs, times_us=times_us, values=values, qualities=qualities)
