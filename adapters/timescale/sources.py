"""Surrogate keys of the sources of readings."""

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.database import Database
from adapters.timescale.tables.sensors import sources
from domain.sensors.model import Source


class Sources:
    """Sources by name and by key, kept at hand: they are few and never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, int] = {}
        self._names: dict[int, Source] = {}

    async def keys(self, names: Collection[Source]) -> dict[str, int]:
        """Return the key of each source; new ones get one at once, in a transaction of their own."""
        missing = [name for name in names if name not in self._keys]
        if missing:
            async with self._database.transaction("sensors") as session:
                await session.execute(
                    insert(sources).values([{"name": name} for name in missing]).on_conflict_do_nothing()
                )
                found = await session.execute(
                    select(sources.c.key, sources.c.name).where(sources.c.name.in_(missing))
                )
                self._keep((row.key, row.name) for row in found)
        return self._keys

    async def names(self, keys: Collection[int]) -> dict[int, Source]:
        """Return the name of each key."""
        missing = [key for key in keys if key not in self._names]
        if missing:
            async with self._database.transaction("sensors") as session:
                found = await session.execute(
                    select(sources.c.key, sources.c.name).where(sources.c.key.in_(missing))
                )
                self._keep((row.key, row.name) for row in found)
        return self._names

    def _keep(self, rows: Iterable[tuple[int, str]]) -> None:
        for key, name in rows:
            self._keys[name] = key
            self._names[key] = Source(name)
