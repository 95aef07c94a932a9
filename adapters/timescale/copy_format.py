"""Columns as PostgreSQL takes them in: COPY's binary format, packed without an object per row; arrays."""

import sys
from array import array
from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Final

from domain.sensors.model import ReadingBatch
from domain.shared.columns import Floats, Integers

# https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_FIELDS: Final = 5
# Count of fields, then each field's length and value: time, value, sensor_key, source_key, quality.
_ROW: Final = Struct(">hiqidiiiiih")
_EMPTY_ROW: Final = _ROW.pack(_FIELDS, 8, 0, 8, 0.0, 4, 0, 4, 0, 2, 0)
_TIME_AT, _VALUE_AT, _SENSOR_AT, _SOURCE_AT, _QUALITY_AT = 6, 18, 30, 38, 46
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 UTC in µs since 1970: PostgreSQL counts from there."""

COLUMNS: Final = ("time", "value", "sensor_key", "source_key", "quality")


def packed(batch: ReadingBatch, source_keys: Mapping[str, int]) -> bytearray:
    """Return the batch as a binary COPY stream of `COLUMNS`."""
    rows = bytearray(_EMPTY_ROW) * len(batch)
    _place(rows, _TIME_AT, array("q", [time - _POSTGRES_EPOCH_US for time in batch.times_us]))
    _place(rows, _VALUE_AT, batch.values)
    _place(rows, _SENSOR_AT, _keys(batch))
    _place(rows, _SOURCE_AT, _sources(batch, source_keys))
    if any(batch.qualities):
        _place(rows, _QUALITY_AT, array("h", batch.qualities))
    rows[:0] = _HEADER
    rows += _TRAILER
    return rows


def integers(numbers: Iterable[int]) -> str:
    """Return an array of integers as PostgreSQL's text; asyncpg takes twice as long over a list."""
    return f"{{{str(list(numbers))[1:-1]}}}"


def _keys(batch: ReadingBatch) -> Integers:
    """Return the sensor's key of each row."""
    if len(batch.runs) == len(batch):
        return array("i", [run.key for run in batch.runs])
    keys = array("i")
    for run in batch.runs:
        keys.extend([run.key] * (run.stop - run.start))
    return keys


def _sources(batch: ReadingBatch, source_keys: Mapping[str, int]) -> Integers:
    """Return the source's key of each row."""
    found = {run.source for run in batch.runs}
    if len(found) == 1:
        return array("i", [source_keys[found.pop()]]) * len(batch)
    sources = array("i")
    for run in batch.runs:
        sources.extend([source_keys[run.source]] * (run.stop - run.start))
    return sources


def _place(rows: bytearray, offset: int, column: Integers | Floats) -> None:
    """Write a column into the rows, a byte of each value at a time, the highest first."""
    values, width = column.tobytes(), column.itemsize
    for byte in range(width):
        at = width - 1 - byte if sys.byteorder == "little" else byte
        rows[offset + byte :: _ROW.size] = values[at::width]
