"""Collections of meter files in PostgreSQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from adapters.timescale.file_rows import stored_path
from adapters.timescale.session import Session
from adapters.timescale.tables.files import collections
from domain.ingestion.files import Collection, CollectionName

# The page first: what is counted and gathered is for its collections only.
_PAGE: Final = """
SELECT page.*, held.*,
  ARRAY(SELECT DISTINCT one.meter FROM ingestion.collection_sensors AS one
    WHERE one.collection = page.name ORDER BY one.meter) AS meters,
  ARRAY(SELECT DISTINCT one.sensor_id FROM ingestion.collection_sensors AS one
    WHERE one.collection = page.name ORDER BY one.sensor_id) AS sensors
FROM (
  SELECT name, first_time, last_time FROM ingestion.collections
  WHERE $1::text IS NULL OR name = $1 ORDER BY name LIMIT $2 OFFSET $3
) AS page CROSS JOIN LATERAL (
  SELECT count(*) AS files, coalesce(sum(created + updated + unchanged), 0)::bigint AS readings
  FROM ingestion.files WHERE files.collection = page.name
) AS held ORDER BY page.name
"""


class TimescaleFileCollections:
    """The tables ``ingestion.collections`` and ``ingestion.collection_sensors``."""

    def __init__(self, session: Session) -> None:
        self._collections = session

    async def collections(self, limit: int, offset: int) -> tuple[Sequence[Collection], int]:
        counted = select(func.count()).select_from(collections)
        total = (await self._collections.execute(counted)).scalar_one()
        rows = await self._collections.driver.fetch(_PAGE, None, limit, offset)
        return [_collection(row) for row in rows], total

    async def collection(self, name: CollectionName) -> Collection | None:
        rows = await self._collections.driver.fetch(_PAGE, stored_path(name), 1, 0)
        return _collection(rows[0]) if rows else None


def _collection(row: Any) -> Collection:  # noqa: ANN401 - asyncpg is untyped
    return Collection(
        name=CollectionName(row["name"]),
        files=row["files"],
        meters=tuple(row["meters"]),
        sensors=tuple(row["sensors"]),
        readings=row["readings"],
        first_time=row["first_time"],
        last_time=row["last_time"],
    )
