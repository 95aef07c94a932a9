"""PostgreSQL's binary COPY format for readings, packed without an object per row."""

from itertools import chain, repeat
from struct import Struct
from typing import Final

from domain.sensors.model import ReadingBatch

# https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_FIELDS: Final = 5
# Count of fields, then each field's length and value: time, value, sensor_key, source_key, quality.
_ROW: Final = Struct(">hiqidiiiiih")
_POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01 UTC in µs since 1970: PostgreSQL counts from there."""

COLUMNS: Final = ("time", "value", "sensor_key", "source_key", "quality")


def packed(batch: ReadingBatch, source_keys: dict[str, int]) -> bytes:
    """Return the batch as a binary COPY stream of `COLUMNS`."""
    keys = chain.from_iterable(repeat(run.key, run.stop - run.start) for run in batch.runs)
    sources = chain.from_iterable(repeat(source_keys[run.source], run.stop - run.start) for run in batch.runs)
    rows = map(
        _ROW.pack,
        repeat(_FIELDS),
        repeat(8),
        [time - _POSTGRES_EPOCH_US for time in batch.times_us],
        repeat(8),
        batch.values,
        repeat(4),
        keys,
        repeat(4),
        sources,
        repeat(2),
        batch.qualities,
    )
    return b"".join((_HEADER, *rows, _TRAILER))
