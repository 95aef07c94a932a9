"""A real FTP server over a folder, and the client that is tried on it."""

import asyncio
import os
import ssl
import stat
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import aioftp
import trustme
from aioftp.common import Connection

from adapters.memory.surroundings import MemoryClock
from adapters.pollers.ftp.account import Encryption, FtpAccount, FtpLimits
from adapters.pollers.ftp.server import AioftpFileServer
from adapters.pollers.jitter import RandomJitter
from adapters.pollers.spool import SpoolFolder
from domain.ingestion.file_ports import LocalFile, RemoteFolder, RemotePage
from domain.ingestion.files import FoundFile
from tests.integration.ingestion.ftp.formats import EveryDat

USER = "meters"
PASSWORD = "s3cret-Pässword"
QUICK = FtpLimits(
    connecting=1.0,
    reply=1.0,
    idle=0.5,
    listing=2.0,
    transfer_grace=10.0,
    first_pause=0.01,
    longest_pause=0.02,
)
LONG_AGO = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """Who signs certificates, as a file that can be trusted."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    def server_context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names).configure_cert(context)
        return context

    def file(self, folder: Path) -> Path:
        path = folder / f"ca-{id(self)}.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return path


class FolderServer(aioftp.Server):
    """aioftp's server with AUTH TLS, and with commands left out where a test wants it so."""

    def __init__(
        self,
        folder: Path,
        *,
        unknown: Iterable[str] = (),
        explicit: ssl.SSLContext | None = None,
        implicit: ssl.SSLContext | None = None,
        encoding: str = "utf-8",
        password: str = PASSWORD,
    ) -> None:
        users = [aioftp.User(USER, password, base_path=folder)]
        super().__init__(users, ssl=implicit, encoding=encoding)
        self.asked: list[str] = []
        self.password = password
        self._explicit = explicit
        self.commands_mapping["auth"] = self.auth
        for command in unknown:
            del self.commands_mapping[command]

    async def begin(self, host: str = "127.0.0.1") -> int:
        await self.start(host, 0)
        if self._explicit is not None:
            self.ssl = self._explicit  # of the data connections: the control connection listens already
        return self.server_port

    async def parse_command(
        self, stream: aioftp.StreamIO, censor_commands: tuple[str] = ("pass",)
    ) -> tuple[str, str]:
        command, rest = await super().parse_command(stream, censor_commands)
        self.asked.append(f"{command.upper()} {rest}".strip())
        return command, rest

    async def auth(self, connection: Connection, rest: object) -> bool:
        del rest
        if self._explicit is None:
            connection.response("502", "no TLS here")
            return True
        await connection.command_connection.write(b"234 go on\r\n")
        # Whoever does not trust us leaves, and the reader of commands says so: of two failures at once one
        # would stay unheard, and be complained of.
        with suppress(OSError):
            await connection.command_connection.start_tls(self._explicit, None)
        return True


@asynccontextmanager
async def serving(server: FolderServer, host: str = "127.0.0.1") -> AsyncIterator[FtpAccount]:
    port = await server.begin(host)
    try:
        yield FtpAccount(host=host, port=port, username=USER, password=server.password)
    finally:
        await server.close()


def file_server(account: FtpAccount, spool: Path, limits: FtpLimits = QUICK) -> AioftpFileServer:
    return AioftpFileServer(
        account,
        SpoolFolder(spool),
        EveryDat(),
        MemoryClock(datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
        RandomJitter(),
        limits,
    )


def trusting(account: FtpAccount, encryption: Encryption, ca_file: Path) -> FtpAccount:
    return replace(account, encryption=encryption, ca_file=ca_file)


def put(folder: Path, name: str, content: bytes, modified: datetime = LONG_AGO) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    return path


async def pages_of(folder: RemoteFolder) -> list[RemotePage]:
    return [page async for page in folder.pages()]


async def files_of(folder: RemoteFolder) -> dict[str, FoundFile]:
    return {file.path: file for page in await pages_of(folder) for file in page.files}


async def content_of(local: LocalFile) -> bytes:
    return await asyncio.to_thread(lambda: b"".join(local.blocks()))


def left_in(spool: Path) -> list[Path]:
    return sorted(spool.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
