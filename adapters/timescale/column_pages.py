"""Readings as whole columns: four times as many in a second as rows, at a tenth of the work here.

The server joins each column into one value of the binary format, which an `array` takes as it is.
"""

import sys
from array import array
from datetime import datetime
from typing import Any, Final

from domain.sensors.model import ReadingColumns, SensorKey
from domain.shared.columns import Floats, Integers
from domain.shared.time import from_microseconds

_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 UTC in µs since 1970: PostgreSQL counts from there."""

# The limit stands in the text: one that the planner does not know can make it sort all that follows.
_PAGE: Final = """SELECT string_agg(timestamptz_send(time), ''::bytea ORDER BY time),
  string_agg(float8send(value), ''::bytea ORDER BY time),
  string_agg(int2send(quality), ''::bytea ORDER BY time)
FROM (SELECT time, value, quality FROM sensors.readings
  WHERE {where} ORDER BY time LIMIT {limit:d}) AS page"""


async def column_page(
    driver: Any,  # noqa: ANN401 - asyncpg is untyped
    key: SensorKey,
    start: datetime | None,
    end: datetime | None,
    after_us: int | None,
    limit: int,
) -> ReadingColumns:
    """Return up to ``limit`` readings in ``[start, end)`` and later than ``after_us``, oldest first."""
    conditions = ["sensor_key = $1"]
    bounds: list[datetime] = []
    after = None if after_us is None else from_microseconds(after_us + 1)
    lowest = max((bound for bound in (start, after) if bound is not None), default=None)
    for bound, compared in ((lowest, ">="), (end, "<")):
        if bound is not None:
            bounds.append(bound)
            conditions.append(f"time {compared} ${len(bounds) + 1}")
    query = _PAGE.format(where=" AND ".join(conditions), limit=limit)
    times, values, qualities = await driver.fetchrow(query, key, *bounds)
    if times is None:
        return ReadingColumns()
    return ReadingColumns(
        array("q", [time + _POSTGRES_EPOCH_US for time in _column(array("q"), times)]),
        _column(array("d"), values),
        array("b", _column(array("h"), qualities)),
    )


def _column(column: "Integers | Floats", sent: bytes) -> Any:  # noqa: ANN401 - as the column that was given
    column.frombytes(sent)
    if sys.byteorder == "little":
        column.byteswap()
    return column
