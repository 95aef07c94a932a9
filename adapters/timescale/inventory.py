"""Counts in PostgreSQL."""

from datetime import datetime
from typing import Final

from adapters.timescale.session import Session
from domain.sensors.inventory import Inventory, InventoryStore

# Sensor by sensor, since the index begins with it: the cost grows with what came in that time, and not with
# what is stored. A sensor whose newest reading is older is not even looked at.
_COUNT: Final = """
SELECT (SELECT count(*) FROM sensors.sensors) AS sensors,
  (SELECT count(*) FROM sensors.rooms) AS rooms,
  (SELECT coalesce(sum(counted.readings), 0)::bigint FROM sensors.latest
    JOIN LATERAL (
      SELECT count(*) AS readings FROM sensors.readings
      WHERE readings.sensor_key = latest.sensor_key AND readings.time >= $1 AND readings.time < $2
    ) AS counted ON true
    WHERE latest.time >= $1) AS readings
"""


class TimescaleInventoryStore(InventoryStore):
    """Counts rows."""

    def __init__(self, session: Session) -> None:
        self._driver = session.driver

    async def count(self, start: datetime, end: datetime) -> Inventory:
        row = await self._driver.fetchrow(_COUNT, start, end)
        return Inventory(sensors=row["sensors"], rooms=row["rooms"], readings=row["readings"])
