"""Rules that wait less than in production, so that tests do."""

from dataclasses import replace

from dishka import Provider, Scope, provide

from adapters.pollers.file_monitor import FileMonitor
from adapters.pollers.ftp.account import FtpAccount
from adapters.pollers.ftp.server import AioftpFileServer
from adapters.pollers.jitter import RandomJitter
from adapters.pollers.spool import SpoolFolder
from domain.ingestion.file_ports import FileServer, MeterFileFormats
from domain.ingestion.services.reread_files import RereadFiles
from domain.ingestion.services.scan_requests import Scans
from domain.ingestion.services.scan_server import ScanServer
from domain.ingestion.services.upload_file import UploadFile
from domain.shared.ports import Clock
from tests.integration.ingestion.ftp.world import QUICK


class QuickTurns(Provider):
    """Workers look often for what is to be done."""

    scope = Scope.APP

    @provide(override=True)
    def file_monitor(
        self, scans: Scans, server: ScanServer, reread: RereadFiles, uploads: UploadFile
    ) -> FileMonitor:
        return FileMonitor(scans, server, reread, uploads, scans_at_start=False, every=0.2)


class ImpatientClient(Provider):
    """The client waits for no server for long."""

    scope = Scope.APP

    def __init__(self, account: FtpAccount) -> None:
        super().__init__()
        self._account = account

    @provide(override=True)
    def file_server(self, spool: SpoolFolder, formats: MeterFileFormats, clock: Clock) -> FileServer | None:
        limits = replace(QUICK, tries=3)
        return AioftpFileServer(self._account, spool, formats, clock, RandomJitter(), limits)
