"""What the database holds, past the application; and leases that lapse without anybody waiting for it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString

import psycopg


class Stored:
    """Asks as the owner of the database."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url

    async def rows(self, query: LiteralString, *arguments: object) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(self._rows, query, arguments)

    def _rows(self, query: LiteralString, arguments: Sequence[object]) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            cursor = connection.execute(query, arguments)
            return cursor.fetchall() if cursor.description else []

    async def one(self, query: LiteralString, *arguments: object) -> Any:  # noqa: ANN401 - of the query
        return (await self.rows(query, *arguments))[0][0]

    async def values(self, sensor_id: str) -> dict[datetime, float]:
        """Return a sensor's readings."""
        return dict(
            await self.rows(
                "SELECT time, value FROM sensors.readings WHERE sensor_key = "
                "(SELECT sensor_key FROM sensors.sensors WHERE sensor_id = %s)",
                sensor_id,
            )
        )

    async def revisions(self) -> int:
        """Return how many values were replaced by others."""
        count: int = await self.one("SELECT count(*) FROM sensors.revisions WHERE replaced_by IS NOT NULL")
        return count

    async def chunks_noted(self) -> int:
        noted: int = await self.one("SELECT coalesce(max(chunks), 0) FROM ingestion.files")
        return noted

    async def chunks_stored(self) -> int:
        stored: int = await self.one("SELECT count(*) FROM sensors.write_receipts")
        return stored

    async def let_leases_lapse(self) -> None:
        """Do what else takes 20 s for a scan, and a minute for a file."""
        await self.rows("UPDATE ingestion.scans SET lease_until = clock_timestamp() WHERE worker IS NOT NULL")
        await self.rows("UPDATE ingestion.files SET lease_until = clock_timestamp() WHERE worker IS NOT NULL")

    @asynccontextmanager
    async def files_locked(self) -> AsyncIterator[None]:
        """Let nobody note anything of a file meanwhile."""
        connection = await asyncio.to_thread(lambda: psycopg.connect(self._url))
        try:
            await asyncio.to_thread(connection.execute, "SELECT 1 FROM ingestion.files FOR UPDATE")
            yield
        finally:
            connection.close()

    async def end_all_connections(self) -> int:
        """Do to the application's connections what a restart of the server does."""
        ended = await self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return len(ended)
