"""How much there is."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Numbers of sensors and rooms, and of readings whose time lies in the span that was asked for."""

    sensors: int
    rooms: int
    readings: int


class InventoryStore(Protocol):
    """Counts what is stored."""

    @abstractmethod
    async def count(self, start: datetime, end: datetime) -> Inventory:
        """Return the numbers; readings of ``[start, end)``, for which what is older costs nothing."""
