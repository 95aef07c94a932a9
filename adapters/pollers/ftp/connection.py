"""One connection to an FTP server: aioftp's client, with what it leaves to chance made certain."""

import asyncio
import socket
import ssl
from contextlib import suppress
from typing import Final

import aioftp
from aioftp.common import Code

from adapters.pollers.ftp.account import Encryption, FtpAccount, FtpLimits
from adapters.pollers.ftp.faults import FAULTS, ReplyTooLongError, RestartRefusedError, reply_code
from adapters.pollers.ftp.incoming import EncryptedIncoming, Incoming, closed
from adapters.pollers.ftp.wire import ENCODING, from_wire, to_wire
from domain.ingestion.errors import FileServerError

_MOST_REPLY_LINES: Final = 500
_MOST_ADDRESSES: Final = 4
_GOODBYE: Final = 1.0
_MOST_PORT: Final = 65535
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class FtpConnection(aioftp.Client):
    """A logged-in connection in the remote path.

    Data connections go to the address of the control connection, whatever the server says. With TLS they
    are encrypted and verified alike; their handshake follows the server's consent to the transfer, as most
    servers want it (aioftp's own comes before, and waits for ever with them).
    """

    root: str
    """The remote path as the server calls it, in wire text, without a slash at its end."""

    def __init__(self, account: FtpAccount, limits: FtpLimits, tls: ssl.SSLContext | None) -> None:
        # No time-outs of its own: before Python 3.12 they swallow a cancellation that comes with data.
        super().__init__(encoding=ENCODING)
        self._account = account
        self._limits = limits
        self._tls = tls
        self._reply_lines = 0
        self._has_epsv = True
        self.has_mlsd = True

    async def open(self) -> None:
        """Connect, log in, and go to the remote path.

        Raises:
            FileServerError: ``login_refused``, ``tls_failed`` or ``no_such_folder``.
            OSError, AIOFTPException, ValueError, IndexError: whatever else goes wrong on the way.

        """
        async with asyncio.timeout(self._limits.connecting):
            await self.connect(self._account.host, self._account.port)
            if self._account.encryption is Encryption.EXPLICIT:
                await self._secure()
            await self._log_in()
            if self._account.encryption is not Encryption.OFF:
                await self._protect_data()
            # Some servers send names in UTF-8 only when asked to; others do not know the command.
            await self.command("OPTS UTF8 ON", "xxx")
            await self.command("TYPE I", "2xx")
            await self._enter()

    async def transfer(self, command: str, offset: int = 0) -> Incoming:
        """Begin a transfer from the server; the caller ends it with `ended` or drops the connection.

        Raises:
            RestartRefusedError: the server takes no offset.
            StatusCodeError: the server refuses the command.

        """
        async with asyncio.timeout(self._limits.reply):
            data = await self._data_socket()
            try:
                if offset:
                    await self._restart_at(offset)
                await self.command(command, "1xx")
                return await self._incoming(data)
            except BaseException:
                data.close()
                raise

    async def ended(self, incoming: Incoming) -> None:
        """Wait for the server's word that the transfer was whole."""
        async with asyncio.timeout(self._limits.reply):
            await incoming.close()
            await self.command(None, "2xx")

    async def leave(self) -> None:
        """Say goodbye, if the server listens."""
        with suppress(TimeoutError, *FAULTS):
            async with asyncio.timeout(_GOODBYE):
                await self.command("QUIT", "2xx")
        await self.drop()

    async def drop(self) -> None:
        """Close the connection, in whatever state it is."""
        if self._stream is not None:
            await closed(self._stream.writer)

    async def parse_response(self) -> tuple[Code, list[str]]:
        """Read a reply, which may not go on for ever."""
        self._reply_lines = 0
        return await super().parse_response()

    async def parse_line(self) -> tuple[Code, str]:
        """Read a line of a reply; its length is bounded by the stream."""
        self._reply_lines += 1
        if self._reply_lines > _MOST_REPLY_LINES:
            raise ReplyTooLongError("a reply has too many lines")
        return await super().parse_line()

    async def _open_connection(self, host: str, port: int) -> Streams:
        implicit = self._tls if self._account.encryption is Encryption.IMPLICIT else None
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        failure: OSError = OSError("no address")
        for address in list(dict.fromkeys(str(one[4][0]) for one in found))[:_MOST_ADDRESSES]:
            try:
                return await asyncio.open_connection(
                    address, port, ssl=implicit, server_hostname=host if implicit else None
                )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        raise failure

    async def _secure(self) -> None:
        try:
            await self.command("AUTH TLS", "234")
        except aioftp.StatusCodeError:
            raise FileServerError(
                "tls_failed", f"{self._account.name}: it does not offer explicit TLS"
            ) from None
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                # Replies that somebody slipped in before the encryption would count as the server's.
                if await self.stream.reader.read(1):
                    raise ReplyTooLongError("more than a reply came before TLS began")
        if self._tls is None:
            raise RuntimeError("explicit TLS has no context")
        await self.stream.start_tls(self._tls, self._account.host)

    async def _log_in(self) -> None:
        try:
            await self.login(to_wire(self._account.username), to_wire(self._account.password))
        except aioftp.StatusCodeError as error:
            if reply_code(error).startswith("5"):
                raise FileServerError(
                    "login_refused", f"{self._account.name}: it refuses user name and password"
                ) from None
            raise

    async def _protect_data(self) -> None:
        try:
            await self.command("PBSZ 0", "2xx")
            await self.command("PROT P", "2xx")
        except aioftp.StatusCodeError:
            # Servers with implicit TLS may not know the commands; an unencrypted data connection is refused
            # in any case, since our side insists on the handshake.
            if self._account.encryption is Encryption.EXPLICIT:
                raise FileServerError(
                    "tls_failed", f"{self._account.name}: it does not encrypt data connections"
                ) from None

    async def _enter(self) -> None:
        try:
            await self.command(f"CWD {to_wire(self._account.remote_path)}", "2xx")
        except aioftp.StatusCodeError as error:
            if reply_code(error).startswith("5"):
                raise FileServerError(
                    "no_such_folder",
                    f"{self._account.name}: there is no folder {self._account.remote_path!r} for this user",
                ) from None
            raise
        _, lines = await self.command("PWD", "257")
        quoted = lines[-1].partition('"')[2].rpartition('"')[0].replace('""', '"')
        if not quoted.startswith("/") or not from_wire(quoted).isprintable():
            raise ReplyTooLongError("the server does not say where we are")
        self.root = quoted.rstrip("/")

    async def _restart_at(self, offset: int) -> None:
        try:
            await self.command(f"REST {offset}", "350")
        except aioftp.StatusCodeError as error:
            if reply_code(error).startswith("5"):
                raise RestartRefusedError from None
            raise

    async def _passive_port(self) -> int:
        if self._has_epsv:
            try:
                _, port = await self._do_epsv()
            except aioftp.StatusCodeError as error:
                if not reply_code(error).startswith("5"):
                    raise
                self._has_epsv = False
            else:
                return port
        # The address in the answer is not looked at: a server could send us anywhere.
        _, port = await self._do_pasv()
        return port

    async def _data_socket(self) -> socket.socket:
        port = await self._passive_port()
        if not 0 < port <= _MOST_PORT:
            raise ValueError("no port")
        control = self.stream.writer.get_extra_info("socket")
        peer = self.stream.writer.get_extra_info("peername")
        data = socket.socket(control.family, socket.SOCK_STREAM)
        try:
            data.setblocking(False)  # noqa: FBT003 - the socket module's signature
            await asyncio.get_running_loop().sock_connect(data, (peer[0], port, *peer[2:]))
        except BaseException:
            data.close()
            raise
        return data

    async def _incoming(self, data: socket.socket) -> Incoming:
        control = self.stream.writer.get_extra_info("ssl_object")
        if control is None:
            return await Incoming.over(data, self._limits.idle)
        incoming = await EncryptedIncoming.over(data, self._limits.idle)
        try:
            await incoming.secure(control, self._account.host)
        except BaseException:
            incoming.abort()
            raise
        return incoming
