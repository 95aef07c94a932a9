"""The neighbours' meter files on a real FTP server, served in the running event loop."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import aioftp

from adapters.simulator.building import DEFAULT_SEED
from adapters.simulator.meter_files import MeterFolder
from adapters.simulator.neighbours import NeighbourMeter, neighbour_meters

_HOST = "127.0.0.1"
_QUARTER = timedelta(minutes=15)
_DAYS = 28
_MOST_CONNECTIONS = 20
_IDLE_SECONDS = 600


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether it is neither a step of a connection nor its end, however that came."""
    error = record.exc_info[1] if record.exc_info else None
    ended = isinstance(error, ConnectionError | TimeoutError)
    # What uvloop says of a transport that was closed.
    ended = ended or (isinstance(error, RuntimeError) and "the handler is closed" in str(error))
    return record.levelno >= logging.WARNING and not ended


def _is_of_others(record: logging.LogRecord) -> bool:
    """Return whether it is no complaint of asyncio that aioftp did not ask how a connection's task ended."""
    return _is_news(record) or "aioftp/server.py" not in record.getMessage()


# The demo's log is about the dashboard; aioftp tells of each connection and command.
logging.getLogger("aioftp.server").addFilter(_is_news)
logging.getLogger("asyncio").addFilter(_is_of_others)


class _QuietServer(aioftp.Server):
    """Ends without complaint."""

    async def dispatcher(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled by `close` alone; a stream whose callback was cancelled complains (CPython before 3.12).
        with suppress(asyncio.CancelledError):
            await super().dispatcher(reader, writer)


class SimulatedFtpServer:
    """Serves the folder while its context is open; today's files grow with each quarter of an hour.

    `now` gives the aware time up to which the meters have written. The user may read and no more; its
    password is another one at each start.
    """

    def __init__(
        self, folder: Path, now: Callable[[], datetime], *, seed: int = DEFAULT_SEED, days: int = _DAYS
    ) -> None:
        self.username = "meters"
        self.password = secrets.token_urlsafe(24)
        self.meters: tuple[NeighbourMeter, ...] = neighbour_meters(seed)
        self._path = folder
        self._folder = MeterFolder(folder, self.meters)
        self._now = now
        self._days = days
        self._server: aioftp.Server | None = None

    @property
    def host(self) -> str:
        """The address of the server."""
        return _HOST

    @property
    def port(self) -> int:
        """The port, known while the context is open."""
        if self._server is None:
            raise RuntimeError("the simulated FTP server has no port before it is entered")
        return self._server.server_port

    @property
    def url(self) -> str:
        """The address as people write it, without the password."""
        return f"ftp://{self.host}:{self.port}/"

    async def write_files(self) -> None:
        """Bring the folder up to the present."""
        await asyncio.to_thread(self._folder.write, self._now(), self._days)

    async def __aenter__(self) -> Self:
        """Write the files, and listen on a free port of the loopback interface."""
        await self.write_files()
        user = aioftp.User(
            self.username,
            self.password,
            base_path=self._path,
            permissions=[aioftp.Permission("/", readable=True, writable=False)],
        )
        self._server = _QuietServer(
            [user], maximum_connections=_MOST_CONNECTIONS, idle_timeout=_IDLE_SECONDS, socket_timeout=60
        )
        await self._server.start(_HOST, 0)
        self._growing = asyncio.create_task(self._grow(), name="simulated meter files")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop writing and listening, and end the connections that are open."""
        self._growing.cancel()
        with suppress(asyncio.CancelledError):
            await self._growing
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def _grow(self) -> None:
        while True:
            now = self._now()
            passed = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
            await asyncio.sleep((_QUARTER - passed).total_seconds() + 0.1)
            await self.write_files()
