"""Dropping readings a partition at a time; what was summed up of them stays."""

from datetime import datetime
from typing import Final

from adapters.timescale.database import Database
from adapters.timescale.marks import any_marks
from domain.sensors.covering import Level
from domain.shared.time import to_microseconds

_QUARTER_US: Final = Level.QUARTER_HOUR.length_us
_SEALING_SECONDS: Final = 900.0

_OLD: Final = """SELECT starts_at, ends_at FROM sensors.reading_partitions()
WHERE ends_at <= $1 AND ends_at <= now() - interval '1 day' ORDER BY starts_at"""
_CLOSE: Final = "SELECT sensors.close_readings($1, $2)"
_SEAL: Final = """UPDATE sensors.rollups AS stored SET sealed = true FROM sensors.sensors AS sensor
WHERE stored.sensor_key = sensor.key AND level = 900 AND bucket >= $1 AND bucket < $2 AND NOT sealed"""
_DROP: Final = "SELECT sensors.drop_readings($1, $2)"
_FORGET: Final = "DELETE FROM sensors.revisions WHERE time >= $1 AND time < $2"


async def drop_old_readings(database: Database, before: datetime, limit: int) -> int:
    """Drop up to ``limit`` partitions that end by then and that no mark touches; return how many went.

    Each goes in a transaction of its own, so that writers of one are not held up by another.
    """
    async with database.transaction("sensors") as session:
        old = await session.driver.fetch(_OLD, before)
    dropped = 0
    for low, high in old:
        if dropped >= limit:
            break
        dropped += await _drop(database, low, high)
    return dropped


async def _drop(database: Database, low: datetime, high: datetime) -> bool:
    """Drop one, unless writers or readers are busy with it, or there is something to be summed up yet.

    Once it is closed, whoever wrote to it has committed, and a later statement sees the marks of it; who
    comes after that finds it gone, and what they bring for sealed quarter-hours is refused. Where only
    dropping fails, the seals stay: nothing changes there any more.
    """
    quarters = to_microseconds(low) // _QUARTER_US, to_microseconds(high) // _QUARTER_US
    async with database.transaction("sensors") as session:
        if not await session.driver.fetchval(_CLOSE, low, high):
            return False
        if await any_marks(session.driver, *quarters):
            return False
        await session.driver.execute(_SEAL, *quarters, timeout=_SEALING_SECONDS)
        if not await session.driver.fetchval(_DROP, low, high):
            return False
        await session.driver.execute(_FORGET, low, high, timeout=_SEALING_SECONDS)
    return True
