"""The FTP server of meter files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.pollers.ftp.account import FtpAccount, FtpLimits
from adapters.pollers.ftp.folder import AioftpRemoteFolder
from adapters.pollers.ftp.session import FtpSession
from adapters.pollers.spool import SpoolFolder
from domain.ingestion.file_ports import FileServer, MeterFileFormats, RemoteFolder
from domain.ingestion.ports import Jitter
from domain.shared.ports import Clock


class AioftpFileServer(FileServer):
    """Reaches the server by aioftp: FTP, or FTPS with verified certificates."""

    def __init__(
        self,
        account: FtpAccount,
        spool: SpoolFolder,
        formats: MeterFileFormats,
        clock: Clock,
        jitter: Jitter,
        limits: FtpLimits | None = None,
    ) -> None:
        self._account = account
        self._spool = spool
        self._formats = formats
        self._clock = clock
        self._jitter = jitter
        self._limits = limits or FtpLimits()

    @property
    def name(self) -> str:
        return self._account.name

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[RemoteFolder]:
        session = FtpSession(self._account, self._limits, self._jitter)
        await session.open()
        try:
            yield AioftpRemoteFolder(session, self._spool, self._formats, self._clock)
        finally:
            await session.close()
