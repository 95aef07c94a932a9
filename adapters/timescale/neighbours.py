"""The good readings nearest to a time range: from stored summaries where these can tell."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from adapters.timescale.copied import POSTGRES_EPOCH_US, array, copied_rows, row_layout, timestamp
from adapters.timescale.marks import marked
from domain.sensors.covering import Level
from domain.sensors.model import SensorKey
from domain.sensors.rollup_ports import Neighbours
from domain.sensors.summaries import Summary, single

_QUARTER_US: Final = Level.QUARTER_HOUR.length_us
_NONE: Final = -1

# A fresh summary is one that no mark speaks of, or whose readings are gone. Of a quarter-hour that the edge
# cuts it tells only if its last (first) reading lies beyond the edge; where the readings are gone, either end
# has to do. Then the mark that lies farthest from the edge, but nearer than that summary.
_NEAREST: Final = """WITH wanted AS (SELECT unnest({keys}) AS key),
marked AS MATERIALIZED ({marked}),
earlier AS MATERIALIZED (
  SELECT key, stored.* FROM wanted CROSS JOIN LATERAL (
    SELECT bucket, last_us < {start} AS ends, first_us, first_value, first_quality,
      last_us, last_value, last_quality
    FROM sensors.rollups AS stored
    WHERE sensor_key = wanted.key AND level = 900 AND bucket <= {start_quarter}
      AND (last_us < {start} OR sealed AND first_us < {start})
      AND (sealed OR NOT EXISTS (SELECT FROM marked
        WHERE marked.key = stored.sensor_key AND marked.bucket = stored.bucket))
    ORDER BY bucket DESC LIMIT 1) AS stored),
later AS MATERIALIZED (
  SELECT key, stored.* FROM wanted CROSS JOIN LATERAL (
    SELECT bucket, first_us >= {end} AS starts, first_us, first_value, first_quality,
      last_us, last_value, last_quality
    FROM sensors.rollups AS stored
    WHERE sensor_key = wanted.key AND level = 900 AND bucket >= {end_quarter}
      AND (first_us >= {end} OR sealed AND last_us >= {end})
      AND (sealed OR NOT EXISTS (SELECT FROM marked
        WHERE marked.key = stored.sensor_key AND marked.bucket = stored.bucket))
    ORDER BY bucket LIMIT 1) AS stored),
before AS (
  SELECT key, min(marked.bucket) AS bucket FROM marked LEFT JOIN earlier USING (key)
  WHERE marked.bucket <= {last_quarter} AND marked.bucket > coalesce(earlier.bucket, -1) GROUP BY key),
after AS (
  SELECT key, max(marked.bucket) AS bucket FROM marked LEFT JOIN later USING (key)
  WHERE marked.bucket >= {end_quarter} AND (later.bucket IS NULL OR marked.bucket < later.bucket)
  GROUP BY key)
SELECT key,
  coalesce(earlier.bucket, -1), coalesce(CASE WHEN ends THEN earlier.last_us ELSE earlier.first_us END, 0),
  coalesce(CASE WHEN ends THEN earlier.last_value ELSE earlier.first_value END, 0),
  coalesce(CASE WHEN ends THEN earlier.last_quality ELSE earlier.first_quality END, 0),
  coalesce(before.bucket, -1),
  coalesce(later.bucket, -1), coalesce(CASE WHEN starts THEN later.first_us ELSE later.last_us END, 0),
  coalesce(CASE WHEN starts THEN later.first_value ELSE later.last_value END, 0),
  coalesce(CASE WHEN starts THEN later.first_quality ELSE later.last_quality END, 0),
  coalesce(after.bucket, -1)
FROM wanted LEFT JOIN earlier USING (key) LEFT JOIN later USING (key)
  LEFT JOIN before USING (key) LEFT JOIN after USING (key)"""
_ROW: Final = row_layout("i i q d i i i q d i i")

# 2 is BAD. The bounds of all are there for the planner, who leaves out the partitions beyond them.
_READINGS: Final = """SELECT key, stored.time, stored.value, stored.quality
FROM (SELECT key, timestamptz 'epoch' + low * interval '1 microsecond' AS low,
    timestamptz 'epoch' + high * interval '1 microsecond' AS high
  FROM (SELECT unnest({0}) AS key, unnest({1}) AS low, unnest({2}) AS high) AS numbers OFFSET 0) AS span
CROSS JOIN LATERAL (
  SELECT time, value, quality FROM sensors.readings
  WHERE sensor_key = span.key AND time >= span.low AND time < span.high AND quality <> 2
    AND time >= {3} AND time < {4} ORDER BY time {5} LIMIT 1) AS stored"""
_READING: Final = row_layout("i q d h")


@dataclass(slots=True)
class _Side:
    """What is known on one side: the reading of a summary, and by sensor the times to look through."""

    found: dict[SensorKey, Summary]
    spans: list[tuple[SensorKey, int, int]]


async def nearest_readings(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    keys: Collection[SensorKey],
    start_us: int,
    end_us: int,
) -> dict[SensorKey, Neighbours]:
    """Return the good readings nearest to ``[start_us, end_us)`` of each of the sensors (at least one)."""
    start_quarter, end_quarter = start_us // _QUARTER_US, end_us // _QUARTER_US
    query = _NEAREST.format(
        keys=array(keys),
        marked=marked(keys),
        start=start_us,
        end=end_us,
        start_quarter=start_quarter,
        end_quarter=end_quarter,
        last_quarter=(start_us - 1) // _QUARTER_US,
    )
    before, after = _Side({}, []), _Side({}, [])
    for row in await copied_rows(driver, query, _ROW):
        key = SensorKey(row[0])
        summed, mark = row[1], row[5]
        if summed != _NONE:
            before.found[key] = single(*row[2:5])
        if start_us % _QUARTER_US and summed != start_quarter and mark == _NONE:
            mark = start_quarter
        if mark != _NONE:
            before.spans.append((key, mark * _QUARTER_US, start_us))
        summed, mark = row[6], row[10]
        if summed != _NONE:
            after.found[key] = single(*row[7:10])
        if end_us % _QUARTER_US and summed != end_quarter and mark == _NONE:
            mark = end_quarter
        if mark != _NONE:
            after.spans.append((key, end_us, (mark + 1) * _QUARTER_US))
    await _look(driver, before, "DESC")
    await _look(driver, after, "ASC")
    return {key: Neighbours(before.found.get(key), after.found.get(key)) for key in keys}


async def _look(driver: Any, side: _Side, order: str) -> None:  # noqa: ANN401
    """Take the readings of these times, nearer than those of the summaries, where there are any."""
    if not side.spans:
        return
    keys, lows, highs = zip(*side.spans, strict=True)
    query = _READINGS.format(
        array(keys),
        array(lows, "int8"),
        array(highs, "int8"),
        timestamp(min(lows)),
        timestamp(max(highs)),
        order,
    )
    for key, since_2000, value, quality in await copied_rows(driver, query, _READING):
        side.found[SensorKey(key)] = single(since_2000 + POSTGRES_EPOCH_US, value, quality)
