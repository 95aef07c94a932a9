"""Storing readings of which some may be stored already.

The rows go as arrays in place of a staging table: the plan is always one index lookup a row, and rows
that stand already as they are, the usual case, cost one round trip in all.
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, Self

from adapters.timescale.copy_format import key_column, source_column
from domain.sensors.model import Outcome, ReadingBatch
from domain.shared.columns import Floats, Integers
from domain.shared.time import from_microseconds

_INCOMING: Final = """(
  SELECT timestamptz 'epoch' + time_us * interval '1 microsecond' AS time, value, sensor_key, source_key,
    quality, position
  FROM unnest($1::int8[], $2::float8[], $3::int4[], $4::int4[], $5::int2[]) WITH ORDINALITY
    AS row(time_us, value, sensor_key, source_key, quality, position)) AS incoming"""
# OFFSET 0 keeps the lookup a lookup: a join may be planned as a scan of whole partitions.
_STORED: Final = """(
  SELECT stored.value, stored.quality, stored.source_key FROM sensors.readings AS stored
  WHERE stored.sensor_key = incoming.sensor_key AND stored.time = incoming.time
    AND stored.time BETWEEN $6 AND $7 OFFSET 0) AS stored"""

_COMPARE: Final = f"""SELECT array_agg(position) FILTER (WHERE stored.value IS NULL) AS absent,
  array_agg(position) FILTER (WHERE stored.value IS NOT NULL) AS different
FROM {_INCOMING} LEFT JOIN LATERAL {_STORED} ON true
WHERE (stored.value, stored.quality, stored.source_key)
  IS DISTINCT FROM (incoming.value, incoming.quality, incoming.source_key)"""

# In order of the key. A row that another transaction is storing is waited for, and is then not inserted.
_INSERT: Final = f"""WITH incoming AS (SELECT * FROM {_INCOMING} WHERE time BETWEEN $6 AND $7), inserted AS (
  INSERT INTO sensors.readings (time, value, sensor_key, source_key, quality)
  SELECT time, value, sensor_key, source_key, quality FROM incoming ORDER BY position
  ON CONFLICT (sensor_key, time) DO NOTHING RETURNING sensor_key, time)
SELECT CASE WHEN (SELECT count(*) FROM inserted) < (SELECT count(*) FROM incoming) THEN
  (SELECT array_agg(position) FROM incoming LEFT JOIN inserted USING (sensor_key, time)
    WHERE inserted.time IS NULL) END"""

# A statement of its own: the next one sees what those had written that it waited for.
_LOCK: Final = f"""SELECT count(stored.value) FROM {_INCOMING} CROSS JOIN LATERAL
  {_STORED.replace("OFFSET 0", "OFFSET 0 FOR UPDATE OF stored")}"""

_JUDGE: Final = f"""SELECT position, (stored.value, stored.quality) = (incoming.value, incoming.quality) AS same
FROM {_INCOMING} CROSS JOIN LATERAL {_STORED}
WHERE (stored.value, stored.quality, stored.source_key)
    <> (incoming.value, incoming.quality, incoming.source_key)
  AND NOT EXISTS (SELECT FROM sensors.revisions AS earlier
    WHERE (earlier.sensor_key, earlier.time) = (incoming.sensor_key, incoming.time)
      AND (earlier.source_key, earlier.value, earlier.quality)
        = (incoming.source_key, incoming.value, incoming.quality))"""

# A source that only repeats what stands is noted too: if it sends it again after a correction by another,
# that must not undo the correction.
_CONFIRM: Final = f"""INSERT INTO sensors.revisions (sensor_key, time, value, quality, source_key)
SELECT sensor_key, time, value, quality, source_key FROM {_INCOMING} WHERE time BETWEEN $6 AND $7"""

_REPLACE: Final = f"""WITH incoming AS MATERIALIZED (SELECT * FROM {_INCOMING}), earlier AS (
  INSERT INTO sensors.revisions (sensor_key, time, value, quality, source_key, replaced_by)
  SELECT incoming.sensor_key, incoming.time, stored.value, stored.quality, stored.source_key,
    incoming.source_key
  FROM incoming CROSS JOIN LATERAL {_STORED})
UPDATE sensors.readings AS stored
SET value = incoming.value, quality = incoming.quality, source_key = incoming.source_key
FROM incoming WHERE stored.sensor_key = incoming.sensor_key AND stored.time = incoming.time
  AND stored.time BETWEEN $6 AND $7"""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as the arguments of the statements, and their places in the batch."""

    times_us: Integers
    values: Floats
    keys: Integers
    sources: Integers
    qualities: Integers
    places: Sequence[int]

    def at(self, positions: Sequence[int]) -> Self:
        """Return the rows at these positions (counted from 1, in order)."""
        chosen = [position - 1 for position in positions]
        if len(chosen) == len(self.places):
            return self
        pick = itemgetter(*chosen, chosen[0])
        columns = (self.times_us, self.values, self.keys, self.sources, self.qualities)
        picked = [array(column.typecode, pick(column)[:-1]) for column in columns]
        return type(self)(*picked, places=pick(self.places)[:-1])

    def arguments(self, low: datetime, high: datetime) -> tuple[object, ...]:
        """Return the arguments of a statement."""
        return self.times_us, self.values, self.keys, self.sources, self.qualities, low, high


async def store_overlapping(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    batch: ReadingBatch,
    source_keys: Mapping[str, int],
) -> bytes:
    """Store what is new, replace what differs and was not sent before; return one `Outcome` a row."""
    rows = _Rows(
        batch.times_us,
        batch.values,
        key_column(batch),
        source_column(batch, source_keys),
        batch.qualities,
        range(len(batch)),
    )
    within = from_microseconds(min(batch.times_us)), from_microseconds(max(batch.times_us))
    outcomes = bytearray([Outcome.UNCHANGED]) * len(batch)
    absent, different = await driver.fetchrow(_COMPARE, *rows.arguments(*within))
    if absent:
        new = rows.at(sorted(absent))
        for place in new.places:
            outcomes[place] = Outcome.CREATED
        for position in await driver.fetchval(_INSERT, *new.arguments(*within)) or ():
            place = new.places[position - 1]
            outcomes[place] = Outcome.UNCHANGED
            different = [*(different or ()), place + 1]
    if different:
        for place in await _correct(driver, rows.at(sorted(different)), within):
            outcomes[place] = Outcome.UPDATED
    return bytes(outcomes)


async def _correct(driver: Any, rows: _Rows, within: tuple[datetime, datetime]) -> Sequence[int]:  # noqa: ANN401
    """Replace stored values by these, unless their source has sent them before; return what was replaced."""
    await driver.execute(_LOCK, *rows.arguments(*within))
    judged = await driver.fetch(_JUDGE, *rows.arguments(*within))
    confirmed = sorted(row["position"] for row in judged if row["same"])
    replaced = sorted(row["position"] for row in judged if not row["same"])
    if confirmed:
        await driver.execute(_CONFIRM, *rows.at(confirmed).arguments(*within))
    if not replaced:
        return ()
    chosen = rows.at(replaced)
    await driver.execute(_REPLACE, *chosen.arguments(*within))
    return chosen.places
