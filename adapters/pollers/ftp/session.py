"""A connection that is made anew where it breaks."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from adapters.pollers.ftp.account import FtpAccount, FtpLimits
from adapters.pollers.ftp.connection import FtpConnection
from adapters.pollers.ftp.faults import FAULTS, LASTING, explained, is_refusal
from adapters.pollers.ftp.tls import tls_of
from domain.ingestion.errors import FileServerError
from domain.ingestion.ports import Jitter

T = TypeVar("T")


class FtpSession:
    """Hands out the connection, to one user at a time."""

    def __init__(self, account: FtpAccount, limits: FtpLimits, jitter: Jitter) -> None:
        self.account = account
        self.limits = limits
        self._jitter = jitter
        self._tls: ssl.SSLContext | None = None
        self._connection: FtpConnection | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect now.

        Raises:
            FileServerError: the server cannot be reached, or does not let us in.

        """
        self._tls = await asyncio.to_thread(tls_of, self.account)
        async with self.connection():
            pass

    async def close(self) -> None:
        """Say goodbye."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.leave()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[FtpConnection]:
        """Lend the connection; it is dropped where anything but a refusal comes out of the block.

        Raises:
            FileServerError: there was none, and none could be made.

        """
        async with self._lock:
            if self._connection is None:
                self._connection = await self._connected()
            try:
                yield self._connection
            except BaseException as error:
                if not is_refusal(error):
                    broken, self._connection = self._connection, None
                    await broken.drop()
                raise

    async def retried(self, work: Callable[[FtpConnection], Awaitable[T]]) -> T:
        """Do work that can be done again, until it succeeds or too many tries have failed.

        Raises:
            StatusCodeError: the server refused it.
            FileServerError: the server is gone, or does not do it.

        """
        failures = 0
        while True:
            try:
                async with self.connection() as connection:
                    return await work(connection)
            except FileServerError:
                raise
            except FAULTS as error:
                failures += 1
                if is_refusal(error):
                    raise
                if failures >= self.limits.connect_tries:
                    raise explained(error, self.account.name) from None
            await self.pause(failures)

    async def pause(self, failures: int) -> None:
        """Wait, the longer the more has failed, and never in step with others."""
        pause = min(self.limits.longest_pause, self.limits.first_pause * 2.0 ** (failures - 1))
        await asyncio.sleep(pause * (0.5 + self._jitter.fraction() / 2))

    async def _connected(self) -> FtpConnection:
        failures = 0
        while True:
            connection = FtpConnection(self.account, self.limits, self._tls)
            try:
                await connection.open()
            except FAULTS as error:
                failure = explained(error, self.account.name)
            except FileServerError as error:
                failure = error
            except BaseException:
                await connection.drop()
                raise
            else:
                return connection
            await connection.drop()
            failures += 1
            if failure.fault.code in LASTING or failures >= self.limits.connect_tries:
                raise failure from None
            await self.pause(failures)
