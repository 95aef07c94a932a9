"""The engine, and transactions in the role of one module."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from adapters.timescale.errors import translated
from adapters.timescale.session import Session
from domain.shared.errors import UnavailableError
from domain.shared.events import DomainEvent
from domain.shared.ports import EventCodec

_LOG: Final = logging.getLogger(__name__)
_CONNECT_TIMEOUT_SECONDS: Final = 5.0
_POOL_TIMEOUT_SECONDS: Final = 10.0
_SNAPSHOT: Final = " ISOLATION LEVEL REPEATABLE READ READ ONLY"
LOST: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.CrashShutdownError,
    InterfaceError,
    ConnectionError,
    TimeoutError,
    OSError,
)
"""What a connection raises once the server has gone."""


def service_url(url: str) -> URL:
    """Return the URL with the driver that the service uses."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    if "sslmode" not in parsed.query:
        return parsed
    # asyncpg takes libpq's word under another name.
    return parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": parsed.query["sslmode"]})


def _unavailable() -> UnavailableError:
    return UnavailableError("database_unavailable", "the database cannot be reached")


class Database:
    """Connections to one database; every transaction runs in the role of one module.

    The service logs in with a role that can do nothing (NOINHERIT); ``SET LOCAL ROLE`` gives it the
    rights of one module until the transaction ends. The role's name is ``<database>_<module>``.
    """

    def __init__(self, url: str, codec: EventCodec, *, pool_size: int = 10) -> None:
        parsed = service_url(url)
        self.name = parsed.database or ""
        self.url = parsed
        self._codec = codec
        self._pool_size = pool_size
        self._on_commit: list[Callable[[list[DomainEvent]], None]] = []
        # AUTOCOMMIT keeps SQLAlchemy from opening transactions of its own: BEGIN and SET LOCAL ROLE
        # go out together, in one round trip.
        self._engine: AsyncEngine = create_async_engine(
            parsed,
            isolation_level="AUTOCOMMIT",
            poolclass=AsyncAdaptedQueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_SECONDS,
            pool_reset_on_return=None,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_SECONDS,
                "command_timeout": 60,
                "server_settings": {
                    "application_name": "energy-dashboard",
                    "timezone": "UTC",
                    # A process that is stopped in the middle does not hold its locks for ever.
                    "idle_in_transaction_session_timeout": "60s",
                },
            },
        )

    def on_commit(self, callback: Callable[[list[DomainEvent]], None]) -> None:
        """Call back with the events of each transaction that committed (in this process)."""
        self._on_commit.append(callback)

    def role(self, module: str) -> str:
        """Return the quoted name of a module's role in this database."""
        quoted = f"{self.name}_{module}".replace('"', '""')
        return f'"{quoted}"'

    @asynccontextmanager
    async def transaction(self, module: str, *, snapshot: bool = False) -> AsyncIterator[Session]:
        """Run a transaction in the module's role: commit on a clean exit, else roll back.

        With ``snapshot`` it only reads, and every statement sees the same state.

        Raises:
            UnavailableError: ``database_unavailable`` where there is no connection to be had.

        """
        async with translated():
            connection, driver = await self._begin(module, _SNAPSHOT if snapshot else "")
            session = Session(connection, driver, self._codec)
            try:
                yield session
                await session.flush()
                await driver.execute("ROLLBACK" if session.rolled_back else "COMMIT")
            except BaseException:
                await asyncio.shield(self._abandon(connection, driver))
                raise
            await connection.close()
            if session.events and not session.rolled_back:
                for callback in self._on_commit:
                    callback(session.events)

    async def _begin(self, module: str, mode: str) -> tuple[AsyncConnection, Any]:
        begin = f"BEGIN{mode}; SET LOCAL ROLE {self.role(module)}"
        # After a restart of the server every pooled connection is dead: they are replaced one by one, since
        # disposing of the pool would leave behind those that others are using.
        for _ in range(self._pool_size + 1):
            connection: AsyncConnection | None = None
            try:
                connection = await self._engine.connect()
                driver = (await connection.get_raw_connection()).driver_connection
                await driver.execute(begin)  # type: ignore[union-attr]  # SQLAlchemy: None before connecting
            except LOST as lost:
                if connection is None:
                    raise _unavailable() from lost
                await self._drop(connection)
                continue
            except BaseException:
                if connection is not None:
                    await self._drop(connection)
                raise
            return connection, driver
        raise _unavailable()

    async def _drop(self, connection: AsyncConnection) -> None:
        await connection.invalidate()
        await connection.close()

    async def _abandon(self, connection: AsyncConnection, driver: Any) -> None:  # noqa: ANN401 - asyncpg is untyped
        try:
            await driver.execute("ROLLBACK")
        except (*LOST, asyncpg.PostgresError, DBAPIError):
            await connection.invalidate()
        await connection.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
