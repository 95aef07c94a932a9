"""Data connections from the server."""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final, Self

_GOODBYE: Final = 1.0
_BLOCK: Final = 1 << 16


class Incoming:
    """What the server sends, as it comes; each read has ``idle`` seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle

    @classmethod
    async def over(cls, connected: socket.socket, idle: float) -> Self:
        """Take over a connected socket."""
        reader, writer = await asyncio.open_connection(sock=connected)
        return cls(reader, writer, idle)

    async def read(self, most: int) -> bytes:
        """Return what came, nothing at the end."""
        async with asyncio.timeout(self._idle):
            return await self._reader.read(most)

    async def close(self) -> None:
        """Close it in good order."""
        await closed(self._writer)

    def abort(self) -> None:
        """Break it off."""
        self._writer.transport.abort()


class EncryptedIncoming(Incoming):
    """The same under TLS.

    Not by the event loop's own TLS: that of uvloop loses what is still to be read when the server has
    closed, as it does right after a file; and none of them resumes a session, which servers may insist on
    as proof that both connections are of one client.
    """

    _tls: ssl.SSLObject

    async def secure(self, control: ssl.SSLObject, host: str) -> None:
        """Shake hands as on the control connection, with the same verification.

        Raises:
            OSError: the handshake failed.

        """
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = control.context.wrap_bio(
            self._received, self._to_send, server_hostname=host, session=control.session
        )
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if not await self._exchange():
                    raise ConnectionResetError("the server closed in the handshake") from None
        await self._flush()

    async def read(self, most: int) -> bytes:
        async with asyncio.timeout(self._idle):
            while True:
                try:
                    return self._tls.read(most)
                except ssl.SSLWantReadError:
                    if not await self._exchange():
                        self._received.write_eof()
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    # Many servers end without TLS's own goodbye. Whether all came is told by the size and by
                    # the last reply on the control connection.
                    return b""

    async def close(self) -> None:
        with suppress(OSError):
            self._tls.unwrap()
        with suppress(OSError):
            await self._flush()
        await super().close()

    async def _exchange(self) -> bool:
        """Send what is to be sent and take what comes; False where the server has closed."""
        await self._flush()
        came = await self._reader.read(_BLOCK)
        self._received.write(came)
        return bool(came)

    async def _flush(self) -> None:
        if self._to_send.pending:
            self._writer.write(self._to_send.read())
            await self._writer.drain()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection without waiting long for the other side."""
    writer.close()
    try:
        async with asyncio.timeout(_GOODBYE):
            await writer.wait_closed()
    except (TimeoutError, OSError):
        writer.transport.abort()
