"""The one seat of the relay (an advisory lock), and signals between processes (LISTEN and NOTIFY)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import asyncpg
from sqlalchemy import URL

from adapters.timescale.database import LOST
from domain.operations.model import SignalsRestored
from domain.operations.ports import Leadership, Seat, Signals
from domain.shared.errors import UnavailableError

_CONNECT_SECONDS: Final = 5.0
_PING_SECONDS: Final = 5.0
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 5.0
_CHANNEL: Final = "energy_dashboard_events"
_TAKE_SEAT: Final = "SELECT pg_try_advisory_lock(hashtext('energy_dashboard.relay'))"
_GONE: Final = (*LOST, asyncpg.PostgresError)


async def _connect(url: URL, name: str) -> Any:  # noqa: ANN401 - asyncpg is untyped
    _, options = url.get_dialect()().create_connect_args(url)
    return await asyncpg.connect(
        **options, timeout=_CONNECT_SECONDS, server_settings={"application_name": f"energy-dashboard {name}"}
    )


class _Connection:
    """A connection that is kept open, and the moment when it ended."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401
        self.driver = driver
        self.ended = asyncio.Event()
        self.in_use = asyncio.Lock()
        driver.add_termination_listener(lambda _: self.ended.set())

    async def run(self, statement: str, *arguments: object) -> Any:  # noqa: ANN401
        """Return the statement's value; a connection that does not answer in time is at its end."""
        async with self.in_use:
            try:
                return await self.driver.fetchval(statement, *arguments, timeout=_PING_SECONDS)
            except _GONE:
                self.driver.terminate()
                self.ended.set()
                raise

    async def close(self) -> None:
        try:
            await self.driver.close(timeout=1)
        except _GONE:
            self.driver.terminate()


class TimescaleSeat(Seat):
    """Holds while its connection does: the server frees the lock once that is gone."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def lost(self) -> None:
        while not self._connection.ended.is_set():
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await self._connection.ended.wait()
            except TimeoutError:
                # A peer that vanished without a word is only noticed by asking.
                try:
                    await self._connection.run("SELECT 1")
                except _GONE:
                    return

    async def leave(self) -> None:
        await self._connection.close()


class TimescaleLeadership(Leadership):
    """One seat a database, on a connection of its own (past any pooler that shares sessions)."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._waiting: _Connection | None = None

    async def take(self) -> Seat | None:
        try:
            if self._waiting is None or self._waiting.ended.is_set():
                self._waiting = _Connection(await _connect(self._url, "relay"))
            if not await self._waiting.run(_TAKE_SEAT):
                return None
        except _GONE as away:
            self._waiting = None
            raise UnavailableError("database_unavailable", "the database cannot be reached") from away
        connection, self._waiting = self._waiting, None
        return TimescaleSeat(connection)

    async def close(self) -> None:
        """Close the connection that waits for the seat."""
        if self._waiting is not None:
            await self._waiting.close()
            self._waiting = None


class TimescaleSignals(Signals):
    """NOTIFY on one channel, outside of any transaction; LISTEN on a connection that is opened anew."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: _Connection | None = None

    async def send(self, text: str) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.run("SELECT pg_notify($1, $2)", _CHANNEL, text)
        except _GONE:
            # Whoever waits for it polls as well.
            return

    async def listen(self) -> AsyncGenerator[str | SignalsRestored]:
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                connection = _Connection(await _connect(self._url, "signals"))
            except _GONE:
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            else:
                async with aclosing(self._heard(connection)) as heard:
                    async for signal in heard:
                        wait = _FIRST_WAIT_SECONDS
                        yield signal
            await asyncio.sleep(wait)

    async def _heard(self, connection: _Connection) -> AsyncGenerator[str | SignalsRestored]:
        """Yield until the connection ends, and close it."""
        heard: asyncio.Queue[str | None] = asyncio.Queue()
        connection.driver.add_termination_listener(lambda _: heard.put_nowait(None))
        try:
            await connection.driver.add_listener(_CHANNEL, lambda *notice: heard.put_nowait(notice[-1]))
            self._connection = connection
            yield SignalsRestored()
            while True:
                try:
                    async with asyncio.timeout(_PING_SECONDS):
                        text = await heard.get()
                except TimeoutError:
                    await connection.run("SELECT 1")
                    continue
                if text is None:
                    return
                yield text
        except _GONE:
            return
        finally:
            self._connection = None
            await connection.close()
