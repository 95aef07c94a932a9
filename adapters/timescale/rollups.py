"""Readings summed up, in PostgreSQL or TimescaleDB."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from adapters.timescale.copied import array, copied_rows
from adapters.timescale.copy_format import integers
from adapters.timescale.marks import PAIR, finish_marks, mark_all, marks_of, take_marks
from adapters.timescale.neighbours import nearest_readings
from adapters.timescale.partitions import Partitions
from adapters.timescale.session import Session
from adapters.timescale.summary_rows import COLUMNS, stored_summaries
from adapters.timescale.tables.rollups import rollups
from domain.sensors.covering import Level, Span
from domain.sensors.model import SensorKey
from domain.sensors.rollup_ports import Marks, Neighbours, RollupStore
from domain.sensors.summaries import Summary

_INTEGERS: Final = {
    "first_us": "int8",
    "last_us": "int8",
    "covered_us": "int8",
    "count": "int4",
} | dict.fromkeys(("first_quality", "last_quality"), "int2")
_NAMES: Final = ", ".join(COLUMNS)
_UNNESTED: Final = ", ".join(
    f"unnest(${n}::text::{_INTEGERS[name]}[]) AS {name}"
    if name in _INTEGERS
    else f"unnest(${n}::{'bool' if name == 'estimated' else 'float8'}[]) AS {name}"
    for n, name in enumerate(COLUMNS, 4)
)
# The sensors are held until the end, so that none goes while its rows come; in order, as all who take rows.
# What is as it was stays as it is.
_UPSERT: Final = f"""WITH given AS (
  SELECT unnest($1::text::int[]) AS sensor_key, $2::int AS level, unnest($3::text::int[]) AS bucket,
    {_UNNESTED}),
known AS MATERIALIZED (
  SELECT key FROM sensors.sensors WHERE key IN (SELECT sensor_key FROM given) ORDER BY key FOR KEY SHARE)
INSERT INTO sensors.rollups AS stored (sensor_key, level, bucket, {_NAMES})
SELECT given.* FROM given JOIN known ON key = sensor_key ORDER BY sensor_key, bucket
ON CONFLICT (sensor_key, level, bucket) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
WHERE NOT stored.sealed AND ({", ".join(f"stored.{name}" for name in COLUMNS)})
  IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in COLUMNS)})"""  # noqa: S608 - constants
_REMOVE: Final = """DELETE FROM sensors.rollups AS stored
USING (SELECT unnest($1::text::int[]) AS key, unnest($3::text::int[]) AS bucket) AS given
WHERE stored.sensor_key = given.key AND stored.level = $2 AND stored.bucket = given.bucket
  AND NOT stored.sealed"""
_SEALED: Final = """SELECT key, given.bucket
FROM (SELECT unnest({0}) AS key, unnest({1}) AS bucket) AS given CROSS JOIN LATERAL (
  SELECT FROM sensors.rollups AS stored WHERE stored.sensor_key = given.key AND stored.level = 900
    AND stored.bucket = given.bucket AND stored.sealed OFFSET 0) AS stored"""


class TimescaleRollupStore(RollupStore):
    """Summaries are read by COPY, and go in as arrays."""

    def __init__(self, session: Session, partitions: Partitions) -> None:
        self._session = session
        self._driver = session.driver
        self._partitions = partitions

    async def stale(
        self, keys: Collection[SensorKey], low: int, high: int
    ) -> Mapping[SensorKey, Sequence[int]]:
        return await marks_of(self._driver, keys, low, high) if keys else {}

    async def summaries(
        self, wanted: Mapping[SensorKey, Sequence[Span]]
    ) -> Mapping[SensorKey, Sequence[Summary]]:
        return await stored_summaries(self._driver, wanted)

    async def neighbours(
        self, keys: Collection[SensorKey], start_us: int, end_us: int
    ) -> Mapping[SensorKey, Neighbours]:
        return await nearest_readings(self._driver, keys, start_us, end_us) if keys else {}

    async def take(self, limit: int) -> Marks | None:
        return await take_marks(self._driver, limit)

    async def replace(self, level: Level, summaries: Mapping[tuple[SensorKey, int], Summary | None]) -> None:
        gone = sorted(place for place, summary in summaries.items() if summary is None)
        if gone:
            keys, buckets = zip(*gone, strict=True)
            await self._driver.execute(_REMOVE, integers(keys), level.value, integers(buckets))
        there = [(place, summary) for place, summary in summaries.items() if summary is not None]
        if not there:
            return
        columns = zip(*(summary for _, summary in there), strict=True)
        await self._driver.execute(
            _UPSERT,
            integers(key for (key, _), _ in there),
            level.value,
            integers(bucket for (_, bucket), _ in there),
            *(
                integers(column) if name in _INTEGERS else column
                for name, column in zip(COLUMNS, columns, strict=True)
            ),
        )

    async def finish(self, taken: Marks, still_stale: Mapping[SensorKey, Sequence[int]]) -> None:
        await finish_marks(self._driver, taken, still_stale)

    async def mark_all(self, key: SensorKey) -> None:
        await mark_all(self._driver, key)

    async def sealed(self, quarters: Mapping[SensorKey, Collection[int]]) -> frozenset[tuple[SensorKey, int]]:
        asked = [(key, quarter) for key, numbers in quarters.items() for quarter in numbers]
        if not asked:
            return frozenset()
        keys, buckets = zip(*asked, strict=True)
        rows = await copied_rows(self._driver, _SEALED.format(array(keys), array(buckets)), PAIR)
        return frozenset((SensorKey(key), bucket) for key, bucket in rows)

    async def delete(self, key: SensorKey) -> None:
        await self._session.execute(rollups.delete().where(rollups.c.sensor_key == key))

    async def compress_readings(self, before: datetime) -> int:
        return await self._partitions.compress(before)

    async def drop_readings(self, before: datetime, limit: int) -> int:
        return await self._partitions.drop(before, limit)
