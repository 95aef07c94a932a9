"""Compressing readings a chunk at a time, where TimescaleDB keeps them."""

from datetime import datetime
from typing import Final

from adapters.timescale.database import Database

_OLD: Final = """SELECT starts_at, ends_at FROM sensors.reading_partitions()
WHERE ends_at <= $1 AND EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') ORDER BY starts_at"""
_COMPRESS: Final = "SELECT sensors.compress_readings($1, $2)"
_COMPRESSING_SECONDS: Final = 1800.0


async def compress_old_readings(database: Database, before: datetime) -> int:
    """Compress what ended by then, late rows too; return how many chunks are compressed now.

    Each goes in a transaction of its own; one that is in use waits for the next run.
    """
    async with database.transaction("sensors") as session:
        old = await session.driver.fetch(_OLD, before)
    compressed = 0
    for low, high in old:
        async with database.transaction("sensors") as session:
            compressed += await session.driver.fetchval(_COMPRESS, low, high, timeout=_COMPRESSING_SECONDS)
    return compressed
