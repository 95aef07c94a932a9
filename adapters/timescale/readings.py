"""Readings in PostgreSQL or TimescaleDB."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from operator import eq, sub
from typing import Any, Final

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.sql import ColumnElement

from adapters.timescale.column_pages import column_page
from adapters.timescale.copy_format import COLUMNS, integers, packed
from adapters.timescale.marks import mark_row
from adapters.timescale.overlap import foretell, store_overlapping
from adapters.timescale.partitions import Partitions
from adapters.timescale.session import Deferred, Session
from adapters.timescale.sources import Sources
from adapters.timescale.tables.sensors import latest, readings, revisions
from domain.sensors.errors import OverlapError, StaleSensorsError
from domain.sensors.model import (
    QualityCode,
    Reading,
    ReadingBatch,
    ReadingColumns,
    Revision,
    SensorKey,
)
from domain.sensors.ports import ReadingStore
from domain.sensors.services.merging import stored_rows
from domain.shared.time import from_microseconds, to_microseconds

QUARTER_HOUR_US: Final = 900_000_000

_BETWEEN: Final = """SELECT time, value, quality FROM sensors.readings
WHERE sensor_key = $1 AND time >= $2 AND time < $3 ORDER BY time"""

# 2 is QualityCode.BAD.
_WITH_NEIGHBOURS: Final = """(SELECT time, value, quality FROM sensors.readings
  WHERE sensor_key = $1 AND time < $2 AND quality <> 2 ORDER BY time DESC LIMIT 1)
UNION ALL (SELECT time, value, quality FROM sensors.readings
  WHERE sensor_key = $1 AND time >= $2 AND time < $3)
UNION ALL (SELECT time, value, quality FROM sensors.readings
  WHERE sensor_key = $1 AND time >= $3 AND quality <> 2 ORDER BY time LIMIT 1)
ORDER BY time"""

# Sorted by sensor, so that two writers take the rows of `latest` in one order and never wait in a ring.
_WITH_COMMIT: Final = """incoming AS MATERIALIZED (
  SELECT key, version, timestamptz 'epoch' + time_us * interval '1 microsecond' AS time, value, quality
  FROM (SELECT unnest({0}::text::int[]) AS key, unnest({1}::text::int[]) AS version,
    unnest({2}::text::int8[]) AS time_us, unnest({3}::float8[]) AS value,
    unnest({4}::text::int2[]) AS quality) AS columns),
known AS MATERIALIZED (
  SELECT incoming.* FROM incoming CROSS JOIN LATERAL (
    -- OFFSET 0: one lookup a row, whatever the planner thinks of the size of either side.
    SELECT FROM sensors.sensors AS sensor
    WHERE sensor.key = incoming.key AND sensor.version = incoming.version OFFSET 0) AS sensor),
newest AS (
  INSERT INTO sensors.latest AS stored (sensor_key, time, value, quality)
  SELECT key, time, value, quality FROM known ORDER BY key
  ON CONFLICT (sensor_key) DO UPDATE
  SET time = excluded.time, value = excluded.value, quality = excluded.quality
  WHERE excluded.time >= stored.time),
marks AS (
  INSERT INTO sensors.stale_buckets (
    sensor_keys, buckets, first_key, last_key, first_bucket, last_bucket, entries)
  VALUES ({5}::text::int[], {6}::text::int[], {7}::int, {8}::int, {9}::int, {10}::int, {11}::int))"""
# Whoever drops readings has sealed what was summed up of them before: then these come too late.
_SEALED: Final = """
  SELECT FROM (SELECT unnest({}::text::int[]) AS key, unnest({}::text::int[]) AS first_bucket,
    unnest({}::text::int[]) AS last_bucket) AS old
  CROSS JOIN LATERAL (SELECT FROM sensors.rollups AS stored WHERE stored.sensor_key = old.key
    AND stored.level = 900 AND stored.bucket BETWEEN old.first_bucket AND old.last_bucket AND stored.sealed
    OFFSET 0) AS stored LIMIT 1"""
_OLD: Final = f", closed AS ({_SEALED.format('{12}', '{13}', '{14}')})"
_KNOWN: Final = """SELECT count(*) FROM (
  SELECT unnest($1::text::int[]) AS key, unnest($2::text::int[]) AS version) AS incoming
JOIN sensors.sensors AS sensor USING (key, version)"""
_KNOWN_AND_OPEN: Final = f"{_KNOWN} WHERE NOT EXISTS ({_SEALED.format('$3', '$4', '$5')})"
_SURELY_OPEN_SECONDS: Final = 43_200
"""What is younger than a day is never dropped; half of it, since clocks may differ."""


class TimescaleReadingStore(ReadingStore):
    """Readings by COPY; newest values and marks of stale buckets go out with the commit."""

    def __init__(self, session: Session, partitions: Partitions, sources: Sources) -> None:
        self._session = session
        self._partitions = partitions
        self._sources = sources

    async def write(self, batch: ReadingBatch, *, overlapping: bool) -> bytes:
        await self._partitions.ensure(from_microseconds(batch.first_us), from_microseconds(batch.last_us))
        source_keys = await self._sources.keys({run.source for run in batch.runs})
        try:
            if overlapping:
                outcomes = await store_overlapping(self._session.driver, batch, source_keys)
            else:
                outcomes = await self._copy(batch, source_keys)
        except asyncpg.CheckViolationError as dropped:
            self._partitions.forget()  # a partition was dropped meanwhile
            raise StaleSensorsError from dropped
        self._defer(stored_rows(batch, outcomes))
        return outcomes

    async def preview(self, batch: ReadingBatch) -> bytes:
        source_keys = await self._sources.known({run.source for run in batch.runs})
        outcomes = await foretell(self._session.driver, batch, source_keys)
        stored = stored_rows(batch, outcomes)
        if len(stored):
            versions = {run.key: run.version for run in stored.runs}
            old = _old(*_touched(stored))
            known = await self._session.driver.fetchval(
                _KNOWN_AND_OPEN if old else _KNOWN, integers(versions), integers(versions.values()), *old
            )
            _expect(len(versions), known)
        return outcomes

    async def _copy(self, batch: ReadingBatch, source_keys: Mapping[str, int]) -> bytes:
        try:
            await self._session.driver.copy_to_table(
                "readings",
                schema_name="sensors",
                columns=COLUMNS,
                source=packed(batch, source_keys),
                format="binary",
            )
        except asyncpg.UniqueViolationError as overlap:
            raise OverlapError from overlap
        return bytes(len(batch))

    def _defer(self, stored: ReadingBatch) -> None:
        if not len(stored):
            return
        # Of one sensor the later run comes later.
        newest = {run.key: run for run in stored.runs}
        rows = [run.stop - 1 for run in newest.values()]
        keys, buckets = _touched(stored)
        expressions, result, old = _WITH_COMMIT, "SELECT count(*) FROM known", _old(keys, buckets)
        if old:
            expressions += _OLD
            result += " WHERE NOT EXISTS (SELECT FROM closed)"
        self._session.defer(
            Deferred(
                expressions,
                (
                    integers(newest),
                    integers([run.version for run in newest.values()]),
                    integers([stored.times_us[row] for row in rows]),
                    [stored.values[row] for row in rows],
                    integers([stored.qualities[row] for row in rows]),
                    *mark_row(keys, buckets),
                    *old,
                ),
                result=result,
                verify=partial(_expect, len(newest)),
            )
        )

    async def prepare(self, start: datetime, end: datetime) -> None:
        await self._partitions.ensure(start, end)

    async def page(
        self, key: SensorKey, start: datetime | None, end: datetime | None, after: datetime | None, limit: int
    ) -> Sequence[Reading]:
        where: list[ColumnElement[bool]] = [readings.c.sensor_key == key]
        if start is not None:
            where.append(readings.c.time >= start)
        if end is not None:
            where.append(readings.c.time < end)
        if after is not None:
            where.append(readings.c.time > after)
        found = await self._session.execute(
            select(readings.c.time, readings.c.value, readings.c.quality)
            .where(*where)
            .order_by(readings.c.time)
            .limit(limit)
        )
        return [Reading(row.time, row.value, QualityCode(row.quality).quality) for row in found]

    async def columns(
        self, key: SensorKey, start: datetime, end: datetime, *, neighbours: bool = False
    ) -> ReadingColumns:
        columns = ReadingColumns()
        rows: list[Any] = await self._session.driver.fetch(
            _WITH_NEIGHBOURS if neighbours else _BETWEEN, key, start, end
        )
        columns.times_us.extend([to_microseconds(row[0]) for row in rows])
        columns.values.extend([row[1] for row in rows])
        columns.qualities.extend([row[2] for row in rows])
        return columns

    async def column_page(
        self,
        key: SensorKey,
        start: datetime | None,
        end: datetime | None,
        after_us: int | None,
        limit: int,
    ) -> ReadingColumns:
        return await column_page(self._session.driver, key, start, end, after_us, limit)

    async def latest(self, keys: Collection[SensorKey] | None) -> Mapping[SensorKey, Reading]:
        query = select(latest.c.sensor_key, latest.c.time, latest.c.value, latest.c.quality)
        if keys is not None:
            query = query.where(latest.c.sensor_key == func.any(list(keys)))
        found = await self._session.execute(query)
        return {
            SensorKey(row.sensor_key): Reading(row.time, row.value, QualityCode(row.quality).quality)
            for row in found
        }

    async def any(self, key: SensorKey) -> bool:
        found = await self._session.execute(
            select(latest.c.sensor_key).where(latest.c.sensor_key == key).limit(1)
        )
        return found.first() is not None

    async def delete(self, key: SensorKey) -> None:
        for table in (readings, revisions):
            await self._session.execute(table.delete().where(table.c.sensor_key == key))
        await self._session.execute(latest.delete().where(latest.c.sensor_key == key))

    async def revisions(self, key: SensorKey, limit: int, offset: int) -> tuple[Sequence[Revision], int]:
        where = (revisions.c.sensor_key == key, revisions.c.replaced_by.is_not(None))
        total = (await self._session.execute(select(func.count()).where(*where))).scalar_one()
        found = (
            await self._session.execute(
                select(revisions).where(*where).order_by(revisions.c.id.desc()).limit(limit).offset(offset)
            )
        ).all()
        names = await self._sources.names(
            {row.source_key for row in found} | {row.replaced_by for row in found}
        )
        return [
            Revision(
                row.time,
                row.value,
                QualityCode(row.quality).quality,
                names[row.source_key],
                row.recorded_at,
                names[row.replaced_by],
            )
            for row in found
        ], total


def _touched(stored: ReadingBatch) -> tuple[list[int], list[int]]:
    """Return the sensors and quarter-hours of the rows, side by side."""
    times = stored.times_us
    first = [times[run.start] // QUARTER_HOUR_US for run in stored.runs]
    last = [times[run.stop - 1] // QUARTER_HOUR_US for run in stored.runs]
    if first == last:
        return [run.key for run in stored.runs], first
    keys: list[int] = []
    buckets: list[int] = []
    for run in stored.runs:
        touched = sorted({moment // QUARTER_HOUR_US for moment in times[run.start : run.stop]})
        keys.extend([run.key] * len(touched))
        buckets.extend(touched)
    return keys, buckets


def _old(keys: Sequence[int], buckets: Sequence[int]) -> tuple[str, ...]:
    """Return those whose readings may be gone, as three arrays; nothing if none.

    Quarter-hours of a sensor that follow each other are one: the sensor, the first and the last of them.
    """
    surely_open = int((time.time() - _SURELY_OPEN_SECONDS) * 1_000_000 // QUARTER_HOUR_US)
    if min(buckets) >= surely_open:
        return ()
    alike, steps = map(eq, keys, islice(keys, 1, None)), map(sub, islice(buckets, 1, None), buckets)
    ends = [row for row, (same, step) in enumerate(zip(alike, steps, strict=True)) if not same or step != 1]
    firsts, lasts = [0, *[row + 1 for row in ends]], [*ends, len(keys) - 1]
    old = [place for place, row in enumerate(firsts) if buckets[row] < surely_open]
    return (
        integers([keys[firsts[place]] for place in old]),
        integers([buckets[firsts[place]] for place in old]),
        integers([min(buckets[lasts[place]], surely_open) for place in old]),
    )


def _expect(sensors: int, known: int) -> None:
    if known != sensors:
        raise StaleSensorsError
