"""Counting what there is."""

from datetime import timedelta
from typing import Final

from domain.sensors.inventory import Inventory
from domain.sensors.ports import SensorsUnitOfWork
from domain.shared.ports import Clock

_SPAN: Final = timedelta(hours=1)


class TakeInventory:
    """Counts sensors, rooms and the readings of the last hour."""

    def __init__(self, uow: SensorsUnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self) -> Inventory:
        """Return the numbers of now; BAD readings count as well, for they came."""
        now = self._clock.now()
        async with self._uow.begin() as tx:
            return await tx.inventory.count(now - _SPAN, now)
