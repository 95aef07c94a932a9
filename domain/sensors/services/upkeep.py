"""What keeps the storage of readings in order."""

from datetime import timedelta
from typing import Final

from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.ports import Clock

REJECTIONS_KEPT: Final = timedelta(days=30)
_AHEAD: Final = timedelta(days=28)
_PARTITIONS_AT_ONCE: Final = 1


class Upkeep:
    """Use cases for jobs; each can be repeated without harm."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def prepare_storage(self) -> None:
        """Make room for the readings of the coming weeks, so that no write has to wait for it."""
        now = self._clock.now()
        async with self._uow.begin() as tx:
            await tx.readings.prepare(now, now + _AHEAD)

    async def remove_readings(self, older_than: timedelta) -> int:
        """Drop partitions of readings whose time is over so long ago; return how many.

        Their sums stay and are final. A partition of which something has to be summed up yet waits.
        """
        before = self._clock.now() - older_than
        dropped = 0
        while True:
            async with self._uow.begin() as tx:
                some = await tx.rollups.drop_readings(before, _PARTITIONS_AT_ONCE)
            dropped += some
            if some < _PARTITIONS_AT_ONCE:
                return dropped

    async def compress_readings(self, older_than: timedelta) -> int:
        """Compress partitions of readings whose time is over so long ago; return how many are compressed."""
        async with self._uow.begin() as tx:
            return await tx.rollups.compress_readings(self._clock.now() - older_than)

    async def purge_rejections(self) -> int:
        """Delete refused readings, and the receipts of chunks with them, after 30 days.

        Returns how many refused readings went.
        """
        before = self._clock.now() - REJECTIONS_KEPT
        async with self._uow.begin() as tx:
            await tx.write_receipts.purge(before)
            return await tx.rejections.purge(before)
