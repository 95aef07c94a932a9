"""Range partitions for readings where there is no hypertable: made before they are needed."""

from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.timescale.compression import compress_old_readings
from adapters.timescale.database import Database
from adapters.timescale.retention import drop_old_readings

_WEEK: Final = timedelta(days=7)
_WEEKLY_FROM: Final = datetime(2020, 1, 6, tzinfo=UTC)


class Partitions:
    """Knows which partitions exist, as far as this process has asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[datetime] = set()

    async def ensure(self, low: datetime, high: datetime) -> None:
        """Make the partitions for ``[low, high]`` that are not there, in a transaction of their own."""
        wanted = starts(low, high)
        if wanted <= self._known:
            return
        async with self._database.transaction("sensors") as session:
            await session.driver.execute("SELECT sensors.ensure_partitions($1, $2)", low, high)
        self._known |= wanted

    async def drop(self, before: datetime, limit: int) -> int:
        """Drop up to ``limit`` that end by then, in transactions of their own; return how many went."""
        self._known.clear()
        return await drop_old_readings(self._database, before, limit)

    async def compress(self, before: datetime) -> int:
        """Compress those that end by then, where the database can; return how many are compressed now."""
        return await compress_old_readings(self._database, before)

    def forget(self) -> None:
        """Ask again, since partitions may have been dropped."""
        self._known.clear()


def starts(low: datetime, high: datetime) -> set[datetime]:
    """Return the starts of the partitions that cover ``[low, high]``, as the database lays them out."""
    found: set[datetime] = set()
    at = low
    while at <= high:
        if at >= _WEEKLY_FROM:
            at = _WEEKLY_FROM + (at - _WEEKLY_FROM) // _WEEK * _WEEK
            found.add(at)
            at += _WEEK
        else:
            at = datetime(at.year, 1, 1, tzinfo=UTC)
            found.add(at)
            at = min(at.replace(year=at.year + 1), _WEEKLY_FROM)
    return found
