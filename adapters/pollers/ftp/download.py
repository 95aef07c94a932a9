"""Bringing one file here."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b
from typing import Final, NoReturn

import aioftp

from adapters.pollers.ftp.connection import FtpConnection
from adapters.pollers.ftp.faults import FAULTS, RestartRefusedError, explained, is_refusal, reply_code
from adapters.pollers.ftp.incoming import Incoming
from adapters.pollers.ftp.session import FtpSession
from adapters.pollers.ftp.wire import spellings
from adapters.pollers.spool import PartialFile, SpoolFolder
from domain.ingestion.errors import TransferError
from domain.ingestion.file_ports import LocalFile
from domain.ingestion.files import FoundFile

_BLOCK: Final = 1 << 18
_NO_FILE: Final = frozenset({"gone", "wrong_size", "changed", "disk_full", "refused"})
"""Faults after which what came is of no use."""


class _TooMuchError(Exception):
    """The server sends more than it said."""


class Download:
    """One file's way here: tries, and what is to be said of each failure."""

    def __init__(
        self,
        session: FtpSession,
        spool: SpoolFolder,
        look: Callable[[str], Awaitable[FoundFile | None]],
        found: FoundFile,
        arrived: Callable[[int], None],
    ) -> None:
        self._session = session
        self._limits = session.limits
        self._spool = spool
        self._look = look
        self._found = found
        self._arrived = arrived
        self._told = 0

    async def bring(self) -> LocalFile:
        """Return the file as it is on the server.

        What came of a file is kept for the next time, also that of another process, unless the server does
        not say when it was changed.

        Raises:
            TransferError, FileServerError: as `RemoteFolder.fetch` says.

        """
        found = self._found
        if found.size > self._limits.largest_file:
            raise TransferError("too_large", f"more than {self._limits.largest_file:,} bytes are not taken")
        part = await self._opened()
        try:
            await self._bring(part)
            self._tell(part)
            await self._confirm()
            return part.finished()
        except TransferError as error:
            if error.fault.code in _NO_FILE:
                part.discard()
            raise
        finally:
            part.close()

    async def _opened(self) -> PartialFile:
        found = self._found
        key = (self._session.account.name, found.path, found.size, found.modified)
        name = blake2b(repr(key).encode(), digest_size=20).hexdigest()
        return await asyncio.to_thread(self._spool.open_part, name, resume=found.modified is not None)

    async def _bring(self, part: PartialFile) -> None:
        allowed = self._limits.transfer_grace + self._found.size / self._limits.slowest
        failures = 0
        if part.size > self._found.size:
            part.restart()
        self._tell(part)
        try:
            async with asyncio.timeout(allowed):
                while (failure := await self._tried(part)) is not None:
                    failures += 1
                    if failures >= self._limits.tries:
                        raise failure
                    await self._session.pause(failures)
        except TimeoutError:
            raise TransferError(
                "timeout", f"after {allowed:g} s only {part.size:,} of {self._found.size:,} bytes are here"
            ) from None

    async def _tried(self, part: PartialFile) -> TransferError | None:
        """Get the rest; return why another try makes sense, None where all is here."""
        offset = part.size
        try:
            if offset < self._found.size:
                await self._transfer(part)
        except RestartRefusedError:
            part.restart()
            return TransferError("refused", "the server does not send a file from its middle")
        except _TooMuchError:
            if not offset:
                await self._wrong_size("more")
            # It may have taken the offset, and begun at the beginning all the same.
            part.restart()
            return TransferError("wrong_size", "the server does not send the rest of the file alone")
        except FAULTS as error:
            if is_refusal(error):
                await self._refused(error)
            return self._failure(error)
        if part.size < self._found.size:
            await self._wrong_size("less")
        return None

    async def _transfer(self, part: PartialFile) -> None:
        async with self._session.connection() as connection:
            incoming = await self._begun(connection, part.size)
            waiting = bytearray()
            try:
                while block := await incoming.read(_BLOCK):
                    waiting += block
                    self._check(part.size + len(waiting))
                    if len(waiting) >= _BLOCK:
                        await self._keep(part, waiting)
            except BaseException as error:
                incoming.abort()
                if not isinstance(error, (_TooMuchError, TransferError)):
                    await part.append(bytes(waiting))
                raise
            await self._keep(part, waiting)
            await connection.ended(incoming)

    def _check(self, size: int) -> None:
        if size > self._found.size:
            raise _TooMuchError

    async def _begun(self, connection: FtpConnection, offset: int) -> Incoming:
        first, *others = spellings(self._found.path)
        try:
            return await connection.transfer(f"RETR {connection.root}{first}", offset)
        except aioftp.StatusCodeError as refusal:
            if not is_refusal(refusal):
                raise
            for spelling in others:
                with suppress(aioftp.StatusCodeError):
                    return await connection.transfer(f"RETR {connection.root}{spelling}", offset)
            raise

    async def _keep(self, part: PartialFile, waiting: bytearray) -> None:
        block = bytes(waiting)
        waiting.clear()
        await part.append(block)
        self._tell(part)

    def _tell(self, part: PartialFile) -> None:
        """Say how much more is here than was told before: less, where it had to begin anew."""
        if part.size != self._told:
            self._arrived(part.size - self._told)
            self._told = part.size

    async def _confirm(self) -> None:
        found = self._found
        now = await self._look(found.path)
        if now is None:
            raise TransferError("gone", "the file is not there any more")
        if now != found:
            raise TransferError("changed", "the file changed while it was brought here")

    async def _wrong_size(self, word: str) -> NoReturn:
        await self._confirm()
        raise TransferError(
            "wrong_size", f"the server sends {word} than the {self._found.size:,} bytes that it lists"
        )

    async def _refused(self, error: BaseException) -> NoReturn:
        await self._confirm()
        raise TransferError("refused", f"the server refuses to send the file ({reply_code(error)})")

    def _failure(self, error: BaseException) -> TransferError:
        fault = explained(error, self._session.account.name).fault
        if reply_code(error).startswith("45"):
            return TransferError("refused", f"the server does not send the file now ({reply_code(error)})")
        code = fault.code if fault.code == "timeout" else "connection_lost"
        return TransferError(code, fault.detail)
