"""The database that a benchmark runs on, filled and asked in process."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
from dishka import AsyncContainer

from adapters.embedded.postgres import EmbeddedPostgres
from app.container import make_container
from app.serving import calm_collector
from app.settings import Settings
from tests.databases import MigratedDatabase, migrated_database

Result = TypeVar("Result")


@contextmanager
def database_server(url: str | None) -> Iterator[str]:
    """Give the server of the URL (its superuser's), else an embedded one for the time of the block."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "data") as embedded:
        yield embedded


@contextmanager
def fresh_database(server_url: str) -> Iterator[MigratedDatabase]:
    """Give a new database on the server; it is dropped at the end."""
    with migrated_database(server_url) as database:
        yield database


def in_process(database: MigratedDatabase, act: Callable[[AsyncContainer], Awaitable[Result]]) -> Result:
    """Run with the use cases of the product, bound as the server binds them."""

    async def run() -> Result:
        container = make_container(Settings(database_url=database.service_url))
        try:
            return await act(container)
        finally:
            await container.close()

    calm_collector()
    return asyncio.run(run())


def settle(database: MigratedDatabase) -> None:
    """Begin alike: statistics as autovacuum would have them soon, and nothing left to be written."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        for table in ("sensors.readings", "sensors.rollups", "sensors.sensors"):
            connection.execute(f"VACUUM ANALYZE {table}".encode())
        connection.execute("CHECKPOINT")
