"""Marks of stale quarter-hours: a row of arrays for each batch, until it is worked off."""

# ruff: noqa: S608 - statements are put together from constants and integers

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from adapters.timescale.copied import array, copied_rows, row_layout
from adapters.timescale.copy_format import integers
from domain.sensors.model import SensorKey
from domain.sensors.rollup_ports import Marks

PAIR: Final = row_layout("i i")
LAST_QUARTER: Final = 2**31 - 1
# How many entries one row holds at most, and how many rows are looked at in search of the oldest entries.
_ENTRIES: Final = 20_000
_ROWS: Final = 2_000
_FEW: Final = 8
"""So few sensors are sooner found in an array than taken out of it."""

_TURN: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('sensors.rollups', 0))"
# Rows alike say the same, most likely: the same sensors send again and again.
_OLDEST: Final = f"""SELECT id FROM (
  SELECT id, sum(entries) OVER by_age - entries AS earlier,
    coalesce(sum(entries) FILTER (WHERE is_first)
      OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier_differing
  FROM (
    SELECT id, entries,
      row_number() OVER (PARTITION BY first_key, last_key, first_bucket, last_bucket, entries ORDER BY id) = 1
        AS is_first
    FROM (SELECT id, entries, first_key, last_key, first_bucket, last_bucket
      FROM sensors.stale_buckets ORDER BY id LIMIT {_ROWS}) AS oldest) AS alike
  WINDOW by_age AS (ORDER BY id)) AS counted
WHERE earlier_differing < $1::int8 AND earlier < 10 * $1::int8"""
# Nothing younger than a day is ever sealed.
_TAKEN: Final = """SELECT key, bucket FROM (
  SELECT DISTINCT key, bucket FROM (
    SELECT unnest(sensor_keys) AS key, unnest(buckets) AS bucket FROM sensors.stale_buckets
    WHERE id = ANY({})) AS entry OFFSET 0) AS touched
WHERE bucket > extract(epoch FROM now())::int / 900 - 96 OR (
  SELECT sealed FROM sensors.rollups AS stored WHERE stored.sensor_key = touched.key AND stored.level = 900
    AND stored.bucket = touched.bucket) IS NOT TRUE
ORDER BY key, bucket"""
_DELETE: Final = "DELETE FROM sensors.stale_buckets WHERE id = ANY($1::text::int8[])"
MARK_COLUMNS: Final = "sensor_keys, buckets, first_key, last_key, first_bucket, last_bucket, entries"
_MARK: Final = f"""INSERT INTO sensors.stale_buckets ({MARK_COLUMNS})
VALUES ($1::text::int[], $2::text::int[], $3, $4, $5, $6, $7)"""
# What waits is marked once more, since it may be worked off right now by the rules of before. 9600
# quarter-hours are a hundred days.
_MARK_ALL: Final = f"""INSERT INTO sensors.stale_buckets ({MARK_COLUMNS})
SELECT array_fill($1::int, ARRAY[count(*)::int]), array_agg(bucket ORDER BY bucket),
  $1, $1, min(bucket), max(bucket), count(*)
FROM (
  SELECT bucket FROM sensors.rollups WHERE sensor_key = $1 AND level = 900 AND NOT sealed
  UNION SELECT bucket FROM (
    SELECT unnest(sensor_keys) AS key, unnest(buckets) AS bucket FROM sensors.stale_buckets
    WHERE first_key <= $1 AND last_key >= $1) AS waiting WHERE key = $1) AS known
GROUP BY bucket / 9600 ORDER BY bucket / 9600"""
_ANY_BETWEEN: Final = """SELECT EXISTS (SELECT FROM (
  SELECT unnest(buckets) AS bucket FROM sensors.stale_buckets
  WHERE first_bucket < $2 AND last_bucket >= $1) AS entry WHERE bucket >= $1 AND bucket < $2)"""


def marked(keys: Collection[SensorKey], low: int = 0, high: int = LAST_QUARTER) -> str:
    """Return a query for ``key, bucket`` of the marks of these sensors (at least one) in ``[low, high)``."""
    between = f"first_bucket < {high} AND last_bucket >= {low}"
    wanted = array(keys)
    # Live data is of one quarter-hour, mostly: then there is only one array to look into.
    if len(keys) <= _FEW:
        of_one = f"""SELECT key, first_bucket AS bucket
FROM unnest({wanted}) AS key CROSS JOIN sensors.stale_buckets
WHERE first_bucket = last_bucket AND {between}
  AND key BETWEEN first_key AND last_key AND key = ANY(sensor_keys)"""
    else:
        of_one = f"""SELECT key, bucket FROM (
  SELECT unnest(sensor_keys) AS key, first_bucket AS bucket FROM (
    SELECT DISTINCT sensor_keys, first_bucket FROM sensors.stale_buckets
    WHERE first_bucket = last_bucket AND {between}) AS differing) AS entry WHERE key = ANY({wanted})"""
    return f"""{of_one}
UNION SELECT key, bucket FROM (
  SELECT unnest(sensor_keys) AS key, unnest(buckets) AS bucket FROM sensors.stale_buckets
  WHERE first_bucket < last_bucket AND {between}
    AND first_key <= {max(keys)} AND last_key >= {min(keys)}) AS entry
WHERE key = ANY({wanted}) AND bucket >= {low} AND bucket < {high}"""


async def marks_of(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    keys: Collection[SensorKey],
    low: int,
    high: int,
) -> dict[SensorKey, list[int]]:
    """Return the marked quarter-hours of the sensors in ``[low, high)``, sorted."""
    return by_sensor(await copied_rows(driver, marked(keys, low, high) + " ORDER BY key, bucket", PAIR))


async def take_marks(driver: Any, limit: int) -> Marks | None:  # noqa: ANN401
    """Take the oldest marks if nobody else is at it; see `RollupStore.take`."""
    if not await driver.fetchval(_TURN):
        return None
    ids = [row["id"] for row in await driver.fetch(_OLDEST, limit)]
    if not ids:
        return None
    rows = await copied_rows(driver, _TAKEN.format(array(ids, "int8")), PAIR)
    return Marks(ids, by_sensor(rows))


async def finish_marks(driver: Any, taken: Marks, still_stale: Mapping[SensorKey, Sequence[int]]) -> None:  # noqa: ANN401
    """Delete those and put back these."""
    entries = [(key, quarter) for key in sorted(still_stale) for quarter in still_stale[key]]
    for start in range(0, len(entries), _ENTRIES):
        keys, buckets = zip(*entries[start : start + _ENTRIES], strict=True)
        await driver.execute(_MARK, *mark_row(keys, buckets))
    await driver.execute(_DELETE, integers(taken.ids))


def mark_row(keys: Sequence[int], buckets: Sequence[int]) -> tuple[str, str, int, int, int, int, int]:
    """Return the values of `MARK_COLUMNS` for quarter-hours; the keys are sorted."""
    return integers(keys), integers(buckets), keys[0], keys[-1], min(buckets), max(buckets), len(keys)


async def mark_all(driver: Any, key: SensorKey) -> None:  # noqa: ANN401
    """Mark every quarter-hour of the sensor that is not sealed."""
    await driver.execute(_MARK_ALL, key)


async def any_marks(driver: Any, low: int, high: int) -> bool:  # noqa: ANN401
    """Return whether any quarter-hour in ``[low, high)`` is marked."""
    return bool(await driver.fetchval(_ANY_BETWEEN, low, high))


def by_sensor(rows: Any) -> dict[SensorKey, list[int]]:  # noqa: ANN401
    """Group pairs, which are sorted, by their first."""
    return {
        SensorKey(key): [bucket for _, bucket in group]
        for key, group in groupby(rows, key=lambda row: row[0])
    }
