"""Surrogate keys of the sources of readings."""

from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from adapters.timescale.database import Database
from adapters.timescale.tables.sensors import sources
from domain.sensors.model import Source

_NEW: Final = 0
"""The key of a source that has sent nothing: no source has it."""

_KEPT: Final = 10_000
"""Each file is a source: so many are kept at hand, then it begins anew."""


class Sources:
    """Sources by name and by key, kept at hand since they never change."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, int] = {}
        self._names: dict[int, Source] = {}

    async def keys(self, names: Collection[Source]) -> dict[str, int]:
        """Return the key of each source; new ones get one at once, in a transaction of their own."""
        known: dict[str, int] = {name: self._keys[name] for name in names if name in self._keys}
        missing = [name for name in names if name not in known]
        if missing:
            async with self._database.transaction("sensors") as session:
                await session.execute(
                    insert(sources).values([{"name": name} for name in missing]).on_conflict_do_nothing()
                )
                found = await session.execute(
                    select(sources.c.key, sources.c.name).where(sources.c.name.in_(missing))
                )
                known |= {name: key for key, name in self._kept((row.key, row.name) for row in found)}
        return known

    async def known(self, names: Collection[Source]) -> dict[str, int]:
        """Return the key of each source, 0 for new ones."""
        known: dict[str, int] = {name: self._keys.get(name, _NEW) for name in names}
        missing = [name for name, key in known.items() if key == _NEW]
        if missing:
            async with self._database.transaction("sensors") as session:
                found = await session.execute(
                    select(sources.c.key, sources.c.name).where(sources.c.name.in_(missing))
                )
                known |= {name: key for key, name in self._kept((row.key, row.name) for row in found)}
        return known

    async def names(self, keys: Collection[int]) -> dict[int, Source]:
        """Return the name of each key."""
        known = {key: self._names[key] for key in keys if key in self._names}
        missing = [key for key in keys if key not in known]
        if missing:
            async with self._database.transaction("sensors") as session:
                found = await session.execute(
                    select(sources.c.key, sources.c.name).where(sources.c.key.in_(missing))
                )
                known |= dict(self._kept((row.key, row.name) for row in found))
        return known

    def _kept(self, rows: Iterable[tuple[int, str]]) -> list[tuple[int, Source]]:
        if len(self._keys) >= _KEPT:
            self._keys.clear()
            self._names.clear()
        found = [(key, Source(name)) for key, name in rows]
        self._keys.update((name, key) for key, name in found)
        self._names.update(found)
        return found
