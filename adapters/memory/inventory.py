"""Counts in memory."""

from datetime import datetime

from adapters.memory.database import MemorySession
from adapters.memory.readings import ReadingsState
from adapters.memory.sensors import SensorsState
from domain.sensors.inventory import Inventory, InventoryStore
from domain.shared.time import to_microseconds


class MemoryInventoryStore(InventoryStore):
    """Counts what the other stores hold."""

    def __init__(self, session: MemorySession) -> None:
        self._sensors = session.state(SensorsState)
        self._readings = session.state(ReadingsState)

    async def count(self, start: datetime, end: datetime) -> Inventory:
        start_us, end_us = to_microseconds(start), to_microseconds(end)
        times = [time for stored in self._readings.readings.values() for time in stored]
        return Inventory(
            sensors=len(self._sensors.sensors),
            rooms=len(self._sensors.rooms),
            readings=sum(start_us <= time < end_us for time in times),
        )
