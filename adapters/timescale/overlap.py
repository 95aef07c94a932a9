"""Storing readings of which some may be stored already.

They go into a temporary table first and are looked up from there: rows that stand already as they are, the
usual case, need no more than that.
"""

# ruff: noqa: S608 - statements are put together from constants of this file

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg

from adapters.timescale.copy_format import COLUMNS, packed
from domain.sensors.model import Outcome, ReadingBatch
from domain.shared.time import from_microseconds

# The identity goes on counting from one transaction to the next. TimescaleDB would think anew for each row
# about the chunks to look into, though the range of times leaves one or two, and would refuse to correct
# compressed readings of more than a hundred sensors at once; elsewhere this says nothing.
_STAGE: Final = """SET LOCAL timescaledb.enable_runtime_exclusion = off;
SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0;
CREATE TEMPORARY TABLE IF NOT EXISTS staged (
  time timestamptz, value float8, sensor_key int4, source_key int4, quality int2,
  position int8 GENERATED ALWAYS AS IDENTITY (CACHE 1000)) ON COMMIT DELETE ROWS"""

# OFFSET 0 keeps the lookup a lookup by the key: a join may be planned as a scan of whole partitions.
_STORED: Final = """LATERAL (
  SELECT stored.value, stored.quality, stored.source_key FROM sensors.readings AS stored
  WHERE stored.sensor_key = staged.sensor_key AND stored.time = staged.time
    AND stored.time BETWEEN $1 AND $2 OFFSET 0{}) AS stored"""
_SAME: Final = "(stored.value, stored.quality) = (staged.value, staged.quality)"

_COMPARE: Final = f"""SELECT min(position) AS first,
  array_agg(position ORDER BY position) FILTER (WHERE stored.value IS NULL) AS absent,
  array_agg(position ORDER BY position)
    FILTER (WHERE NOT ({_SAME} AND stored.source_key = staged.source_key)) AS different
FROM pg_temp.staged LEFT JOIN {_STORED.format("")} ON true"""

# In order of the key. A row that another transaction is storing is waited for, and then not inserted.
_INSERT: Final = """WITH absent AS (SELECT * FROM pg_temp.staged WHERE position = ANY($1::int8[])),
inserted AS (
  INSERT INTO sensors.readings (time, value, sensor_key, source_key, quality)
  SELECT time, value, sensor_key, source_key, quality FROM absent ORDER BY position
  ON CONFLICT (sensor_key, time) DO NOTHING RETURNING sensor_key, time)
SELECT CASE WHEN (SELECT count(*) FROM inserted) < cardinality($1) THEN
  (SELECT array_agg(position) FROM absent LEFT JOIN inserted USING (sensor_key, time)
    WHERE inserted.time IS NULL) END"""

# A statement of its own: the next one sees what those had written that it waited for.
_LOCK: Final = f"""SELECT count(stored.value)
FROM (SELECT * FROM pg_temp.staged WHERE position = ANY($3::int8[]) ORDER BY position) AS staged
CROSS JOIN {_STORED.format(" FOR UPDATE OF stored")}"""

# TimescaleDB locks no compressed rows; a change, of nothing, takes them out of the compressed part. One at a
# time, since it keeps no order.
_TURN: Final = """ROLLBACK TO SAVEPOINT locking;
SELECT pg_advisory_xact_lock(hashtextextended('sensors.readings: compressed', 0))"""
_UNCOMPRESS: Final = """UPDATE sensors.readings AS stored SET source_key = stored.source_key
FROM pg_temp.staged WHERE position = ANY($3::int8[]) AND stored.sensor_key = staged.sensor_key
  AND stored.time = staged.time AND stored.time BETWEEN $1 AND $2"""

_JUDGE: Final = f"""SELECT position, {_SAME} AS same FROM pg_temp.staged CROSS JOIN {_STORED.format("")}
WHERE position = ANY($3::int8[]) AND NOT ({_SAME} AND stored.source_key = staged.source_key)
  AND NOT EXISTS (SELECT FROM sensors.revisions AS earlier
    WHERE (earlier.sensor_key, earlier.time) = (staged.sensor_key, staged.time)
      AND (earlier.source_key, earlier.value, earlier.quality)
        = (staged.source_key, staged.value, staged.quality))"""

# A source that only repeats what stands is noted too: if it sends it again after a correction by another,
# that must not undo the correction.
_CONFIRM: Final = """INSERT INTO sensors.revisions (sensor_key, time, value, quality, source_key)
SELECT sensor_key, time, value, quality, source_key FROM pg_temp.staged WHERE position = ANY($1::int8[])"""

_REPLACE: Final = f"""WITH chosen AS (
  SELECT staged.*, stored.value AS old_value, stored.quality AS old_quality, stored.source_key AS old_source
  FROM pg_temp.staged CROSS JOIN {_STORED.format("")} WHERE position = ANY($3::int8[])),
earlier AS (
  INSERT INTO sensors.revisions (sensor_key, time, value, quality, source_key, replaced_by)
  SELECT sensor_key, time, old_value, old_quality, old_source, source_key FROM chosen)
UPDATE sensors.readings AS stored
SET value = chosen.value, quality = chosen.quality, source_key = chosen.source_key
FROM chosen WHERE stored.sensor_key = chosen.sensor_key AND stored.time = chosen.time
  AND stored.time BETWEEN $1 AND $2"""


async def store_overlapping(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    batch: ReadingBatch,
    source_keys: Mapping[str, int],
) -> bytes:
    """Store what is new, replace what differs and was not sent before; return one `Outcome` a row."""
    within = from_microseconds(batch.first_us), from_microseconds(batch.last_us)
    first, absent, different = await _compared(driver, batch, source_keys, within)
    outcomes = bytearray([Outcome.UNCHANGED]) * len(batch)
    if absent:
        for position in absent:
            outcomes[position - first] = Outcome.CREATED
        stored_meanwhile = await driver.fetchval(_INSERT, absent) or []
        for position in stored_meanwhile:
            outcomes[position - first] = Outcome.UNCHANGED
        different = [*(different or ()), *stored_meanwhile]
    if different:
        for position in await _correct(driver, different, within):
            outcomes[position - first] = Outcome.UPDATED
    return bytes(outcomes)


async def foretell(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    batch: ReadingBatch,
    source_keys: Mapping[str, int],
) -> bytes:
    """Return what `store_overlapping` would, and store nothing."""
    within = from_microseconds(batch.first_us), from_microseconds(batch.last_us)
    first, absent, different = await _compared(driver, batch, source_keys, within)
    outcomes = bytearray([Outcome.UNCHANGED]) * len(batch)
    for position in absent or ():
        outcomes[position - first] = Outcome.CREATED
    if different:
        for row in await driver.fetch(_JUDGE, *within, different):
            if not row["same"]:
                outcomes[row["position"] - first] = Outcome.UPDATED
    return bytes(outcomes)


async def _compared(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    batch: ReadingBatch,
    source_keys: Mapping[str, int],
    within: tuple[datetime, datetime],
) -> tuple[int, list[int] | None, list[int] | None]:
    """Stage the batch; return the position of its first row, and of those that are not stored or stand so."""
    await driver.execute(_STAGE)
    await driver.copy_to_table("staged", columns=COLUMNS, source=packed(batch, source_keys), format="binary")
    first, absent, different = await driver.fetchrow(_COMPARE, *within)
    return first, absent, different


async def _correct(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    positions: list[int],
    within: tuple[datetime, datetime],
) -> list[int]:
    """Replace the stored values, unless the source has sent these before; return what was replaced."""
    await driver.execute("SAVEPOINT locking")
    try:
        await driver.execute(_LOCK, *within, positions)
    except asyncpg.FeatureNotSupportedError:
        await driver.execute(_TURN)
        await driver.execute(_UNCOMPRESS, *within, positions)
    judged = await driver.fetch(_JUDGE, *within, positions)
    confirmed = [row["position"] for row in judged if row["same"]]
    replaced = [row["position"] for row in judged if not row["same"]]
    if confirmed:
        await driver.execute(_CONFIRM, confirmed)
    if replaced:
        await driver.execute(_REPLACE, *within, replaced)
    return replaced
