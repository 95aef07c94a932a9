"""Readings, replaced values and refused readings in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from adapters.memory.database import MemorySession
from domain.sensors.errors import OverlapError, StaleSensorsError
from domain.sensors.model import (
    KeptRejection,
    Outcome,
    QualityCode,
    Reading,
    ReadingBatch,
    ReadingColumns,
    ReceiptId,
    Rejected,
    Revision,
    SensorKey,
    SensorRun,
    Source,
)
from domain.sensors.ports import ReadingStore, RejectionStore
from domain.shared.ports import Clock
from domain.shared.time import from_microseconds, to_microseconds

QUARTER_HOUR_US = 900_000_000


@dataclass(frozen=True, slots=True)
class _Stored:
    value: float
    quality: int
    source: Source


@dataclass(slots=True)
class ReadingsState:
    """What the store of readings holds.

    ``stale`` are the (sensor, quarter-hour)s that writes touched, ``sealed`` those whose readings are gone.
    """

    readings: dict[SensorKey, dict[int, _Stored]] = field(default_factory=dict)
    sent: set[tuple[SensorKey, int, _Stored]] = field(default_factory=set)
    revisions: dict[SensorKey, list[Revision]] = field(default_factory=dict)
    latest: dict[SensorKey, Reading] = field(default_factory=dict)
    versions: dict[SensorKey, int] = field(default_factory=dict)
    stale: set[tuple[SensorKey, int]] = field(default_factory=set)
    sealed: set[tuple[SensorKey, int]] = field(default_factory=set)
    rejections: list[KeptRejection] = field(default_factory=list)


class MemoryReadingStore(ReadingStore):
    """Readings in dicts by sensor and time."""

    def __init__(self, session: MemorySession, clock: Clock) -> None:
        self._state = session.state(ReadingsState)
        self._clock = clock

    async def write(self, batch: ReadingBatch, *, overlapping: bool) -> bytes:
        outcomes = bytearray(len(batch))
        for run in batch.runs:
            self._check(batch, run)
            stored = self._state.readings.setdefault(run.key, {})
            for row in range(run.start, run.stop):
                outcomes[row] = self._write_one(batch, run, row, stored)
                if outcomes[row] != Outcome.CREATED and not overlapping:
                    raise OverlapError
        return bytes(outcomes)

    async def preview(self, batch: ReadingBatch) -> bytes:
        outcomes = bytearray(len(batch))
        for run in batch.runs:
            self._check(batch, run)
            stored = self._state.readings.get(run.key, {})
            for row in range(run.start, run.stop):
                new = _Stored(batch.values[row], batch.qualities[row], run.source)
                outcomes[row] = self._outcome(run, batch.times_us[row], new, stored)
        return bytes(outcomes)

    def _check(self, batch: ReadingBatch, run: SensorRun) -> None:
        if self._state.versions.get(run.key) != run.version:
            raise StaleSensorsError
        quarters = {time_us // QUARTER_HOUR_US for time_us in batch.times_us[run.start : run.stop]}
        if any((run.key, quarter) in self._state.sealed for quarter in quarters):
            raise StaleSensorsError

    def _outcome(self, run: SensorRun, time_us: int, new: _Stored, stored: dict[int, _Stored]) -> Outcome:
        old = stored.get(time_us)
        if (run.key, time_us, new) in self._state.sent:
            return Outcome.UNCHANGED
        if old is None:
            return Outcome.CREATED
        same = (old.value, old.quality) == (new.value, new.quality)
        return Outcome.UNCHANGED if same else Outcome.UPDATED

    def _write_one(
        self, batch: ReadingBatch, run: SensorRun, row: int, stored: dict[int, _Stored]
    ) -> Outcome:
        time_us = batch.times_us[row]
        new = _Stored(batch.values[row], batch.qualities[row], run.source)
        old = stored.get(time_us)
        outcome = self._outcome(run, time_us, new, stored)
        self._state.sent.add((run.key, time_us, new))
        if outcome is Outcome.UNCHANGED:
            return outcome
        stored[time_us] = new
        self._state.stale.add((run.key, time_us // QUARTER_HOUR_US))
        reading = _reading(time_us, new)
        latest = self._state.latest.get(run.key)
        if latest is None or reading.time >= latest.time:
            self._state.latest[run.key] = reading
        if old is None:
            return outcome
        self._state.revisions.setdefault(run.key, []).append(
            Revision(
                from_microseconds(time_us),
                old.value,
                QualityCode(old.quality).quality,
                old.source,
                self._clock.now(),
                run.source,
            )
        )
        return outcome

    async def prepare(self, start: datetime, end: datetime) -> None:
        """Do nothing: a dict has room."""

    async def page(
        self, key: SensorKey, start: datetime | None, end: datetime | None, after: datetime | None, limit: int
    ) -> Sequence[Reading]:
        found = [_reading(*one) for one in sorted(self._state.readings.get(key, {}).items(), key=_time)]
        return [
            reading
            for reading in found
            if (start is None or reading.time >= start)
            and (end is None or reading.time < end)
            and (after is None or reading.time > after)
        ][:limit]

    async def columns(
        self, key: SensorKey, start: datetime, end: datetime, *, neighbours: bool = False
    ) -> ReadingColumns:
        columns = ReadingColumns()
        first, last = to_microseconds(start), to_microseconds(end)
        rows = sorted(self._state.readings.get(key, {}).items(), key=_time)
        good = [time_us for time_us, stored in rows if stored.quality != QualityCode.BAD]
        wanted: set[int] = set()
        if neighbours:
            wanted |= set([time_us for time_us in good if time_us < first][-1:])
            wanted |= set([time_us for time_us in good if time_us >= last][:1])
        for time_us, stored in rows:
            if first <= time_us < last or time_us in wanted:
                columns.times_us.append(time_us)
                columns.values.append(stored.value)
                columns.qualities.append(stored.quality)
        return columns

    async def column_page(
        self,
        key: SensorKey,
        start: datetime | None,
        end: datetime | None,
        after_us: int | None,
        limit: int,
    ) -> ReadingColumns:
        after = None if after_us is None else from_microseconds(after_us)
        columns = ReadingColumns()
        for reading in await self.page(key, start, end, after, limit):
            columns.times_us.append(to_microseconds(reading.time))
            columns.values.append(reading.value)
            columns.qualities.append(QualityCode[reading.quality.name])
        return columns

    async def latest(self, keys: Collection[SensorKey] | None) -> Mapping[SensorKey, Reading]:
        latest = self._state.latest
        return {key: latest[key] for key in (latest if keys is None else keys) if key in latest}

    async def any(self, key: SensorKey) -> bool:
        return bool(self._state.readings.get(key))

    async def delete(self, key: SensorKey) -> None:
        self._state.readings.pop(key, None)
        self._state.revisions.pop(key, None)
        self._state.latest.pop(key, None)
        self._state.sent = {said for said in self._state.sent if said[0] != key}

    async def revisions(self, key: SensorKey, limit: int, offset: int) -> tuple[Sequence[Revision], int]:
        found = self._state.revisions.get(key, [])[::-1]
        return found[offset : offset + limit], len(found)


class MemoryRejectionStore(RejectionStore):
    """Refused readings in a list."""

    def __init__(self, session: MemorySession) -> None:
        self._state = session.state(ReadingsState)

    async def add(
        self, receipt_id: ReceiptId, source: Source, rejected: Sequence[Rejected], now: datetime
    ) -> None:
        kept = self._state.rejections
        for one in rejected:
            kept.append(
                KeptRejection(
                    rejection_id=kept[-1].rejection_id + 1 if kept else 1,
                    receipt_id=receipt_id,
                    received_at=now,
                    source=source,
                    rejected=one,
                )
            )

    async def list(
        self, receipt_id: ReceiptId | None, limit: int, offset: int
    ) -> tuple[Sequence[KeptRejection], int]:
        found = [
            one for one in self._state.rejections[::-1] if receipt_id is None or one.receipt_id == receipt_id
        ]
        return found[offset : offset + limit], len(found)

    async def purge(self, before: datetime) -> int:
        kept = [one for one in self._state.rejections if one.received_at >= before]
        purged = len(self._state.rejections) - len(kept)
        self._state.rejections = kept
        return purged


def _time(item: tuple[int, _Stored]) -> int:
    return item[0]


def _reading(time_us: int, stored: _Stored) -> Reading:
    return Reading(from_microseconds(time_us), stored.value, QualityCode(stored.quality).quality)
