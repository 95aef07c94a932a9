from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from adapters.timescale.signals import TimescaleLeadership, TimescaleSignals
from tests.databases import MigratedDatabase
from tests.unit.events.machinery import Process
from tests.unit.events.samples import CODEC


class Site:
    """A database, and processes on it, each with connections of its own."""

    def __init__(self, migrated: MigratedDatabase, stack: AsyncExitStack) -> None:
        self.owner_url = migrated.owner_url
        self.service_url = migrated.service_url
        self._stack = stack

    def database(self) -> Database:
        database = Database(self.service_url, CODEC, pool_size=4)
        self._stack.push_async_callback(database.close)
        return database

    async def process(self, *handlers: Callable[[Any], Awaitable[None]], **options: Any) -> Process:  # noqa: ANN401
        database = self.database()
        leadership = TimescaleLeadership(database.url)
        self._stack.push_async_callback(leadership.close)
        process = Process(
            TimescaleOperationsUnitOfWork(database, CODEC),
            leadership,
            TimescaleSignals(database.url),
            handlers,
            **options,
        )
        database.on_commit(process.relay.wake)
        return await self._stack.enter_async_context(process.running())

    def as_owner(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), arguments)
            return cursor.fetchall() if cursor.description else []

    def waiting(self) -> int:
        """Return the number of entries that are neither done with nor parked."""
        ((count,),) = self.as_owner(
            "SELECT count(*) FROM ops.outbox WHERE dispatched_at IS NULL AND parked_at IS NULL"
        )
        return int(count)

    def terminate(self, application: str) -> int:
        """End the service's connections whose name begins so."""
        return len(
            self.as_owner(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name LIKE %s",
                f"{application}%",
            )
        )


@pytest.fixture
async def site(migrated: MigratedDatabase, database_url: str) -> AsyncIterator[Site]:
    assert database_url == migrated.service_url
    async with AsyncExitStack() as stack:
        yield Site(migrated, stack)
