"""What is bound for ingestion: one line a binding."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta

from dishka import AnyOf, Provider, Scope, provide

from adapters.pollers.configuration_file import ConfigurationFile
from adapters.pollers.file_monitor import FileMonitor
from adapters.pollers.ftp.account import Encryption, FtpAccount
from adapters.pollers.ftp.server import AioftpFileServer
from adapters.pollers.host_guard import HostGuard
from adapters.pollers.http_client import GuardedHttpClient
from adapters.pollers.http_device import HttpDeviceReader
from adapters.pollers.jitter import RandomJitter
from adapters.pollers.meter_files.formats import SuffixedMeterFileFormats
from adapters.pollers.schedule import Poller
from adapters.pollers.spool import SpoolFolder
from app.bridges import IngestionFiles, SensorsReadingSink
from app.clock import ProcessName
from app.settings import Settings
from app.storage import default_data_dir
from domain.ingestion.configuration_ports import HostRules, WatchedFile
from domain.ingestion.file_ports import FileServer, MeterFileFormats, Spool
from domain.ingestion.ftp_state import FtpPlan
from domain.ingestion.model import WorkerId
from domain.ingestion.ports import (
    DeviceReader,
    IngestionUnitOfWork,
    IotConfigurationSource,
    Jitter,
    ReadingSink,
)
from domain.ingestion.ports import UnitCatalog as IngestionUnitCatalog
from domain.ingestion.reading_buffer import ReadingBuffer
from domain.ingestion.services.brought_files import BroughtFiles
from domain.ingestion.services.check_configuration import CheckConfiguration
from domain.ingestion.services.configuration import Configurations
from domain.ingestion.services.configuration_history import ConfigurationHistory
from domain.ingestion.services.devices import ReportDevices
from domain.ingestion.services.fetch_file import FetchFile
from domain.ingestion.services.files import ReadFiles
from domain.ingestion.services.fleet import Fleet
from domain.ingestion.services.import_file import ImportFile
from domain.ingestion.services.poll_now import PollNow
from domain.ingestion.services.polling import PollDevice
from domain.ingestion.services.process_file import FileRules, ProcessFile
from domain.ingestion.services.reread_files import RereadFiles
from domain.ingestion.services.saving import SavePolls
from domain.ingestion.services.scan_requests import Scans
from domain.ingestion.services.scan_server import ScanRules, ScanServer
from domain.ingestion.services.sources import Sources
from domain.ingestion.services.upload_file import UploadFile
from domain.shared.ports import Clock


class IngestionProvider(Provider):
    """Polling devices."""

    scope = Scope.APP

    jitter = provide(RandomJitter, provides=Jitter)
    reader = provide(HttpDeviceReader, provides=DeviceReader)
    sink = provide(SensorsReadingSink, provides=ReadingSink)
    poll_device = provide(PollDevice)
    save_polls = provide(SavePolls)
    poll_now = provide(PollNow)
    devices = provide(ReportDevices)
    sources = provide(Sources)
    brought_files = provide(BroughtFiles)
    fetch_file = provide(FetchFile)
    import_file = provide(ImportFile)
    process_file = provide(ProcessFile)
    read_files = provide(ReadFiles)
    reread_files = provide(RereadFiles)
    scan_server = provide(ScanServer)
    scans = provide(Scans)
    upload_file = provide(UploadFile)
    overview_files = provide(IngestionFiles)
    check_configuration = provide(CheckConfiguration)
    configuration_history = provide(ConfigurationHistory)

    @provide
    def buffer(self) -> ReadingBuffer:
        """Hold what was read until it is stored."""
        return ReadingBuffer()

    @provide
    def watched_file(self, settings: Settings) -> WatchedFile:
        """Watch the file of the settings."""
        return ConfigurationFile(settings.iots_config)

    @provide
    def configurations(
        self,
        uow: IngestionUnitOfWork,
        check: CheckConfiguration,
        history: ConfigurationHistory,
        file: WatchedFile,
        clock: Clock,
    ) -> Configurations:
        """Keep each change of the file, and of the API, as a version."""
        return Configurations(uow, check, history, file, clock)

    @provide
    def configuration(self, configurations: Configurations) -> IotConfigurationSource:
        """Poll what the newest version says."""
        return configurations

    @provide
    def spool(self, settings: Settings) -> AnyOf[SpoolFolder, Spool]:
        """Keep copies of files beside the data while they are read."""
        return SpoolFolder((settings.data_dir or default_data_dir()) / "spool")

    @provide
    def meter_file_formats(self, units: IngestionUnitCatalog) -> MeterFileFormats:
        """Read the formats that there are."""
        return SuffixedMeterFileFormats(units)

    @provide
    def file_rules(self, settings: Settings) -> FileRules:
        """Take local times in meter files for times of the site."""
        return FileRules(settings.timezone)

    @provide
    def file_server(
        self,
        settings: Settings,
        spool: SpoolFolder,
        formats: MeterFileFormats,
        clock: Clock,
        jitter: Jitter,
    ) -> FileServer | None:
        """Reach the FTP server of the settings, if they name one."""
        if settings.ftp_sa4cps_host is None:
            return None
        account = FtpAccount(
            host=settings.ftp_sa4cps_host,
            port=settings.ftp_port,
            username=settings.ftp_sa4cps_username,
            password=settings.ftp_sa4cps_password,
            remote_path=settings.ftp_sa4cps_remote_path,
            encryption=Encryption(settings.ftp_sa4cps_tls.value),
            ca_file=settings.ftp_sa4cps_ca_file,
        )
        return AioftpFileServer(account, spool, formats, clock, jitter)

    @provide
    def ftp_plan(self, settings: Settings, server: FileServer | None) -> FtpPlan:
        """Look through the FTP server as often as the settings say."""
        if server is None:
            return FtpPlan(None, None)
        return FtpPlan(server.name, timedelta(seconds=settings.ftp_check_interval))

    @provide
    def scan_rules(self) -> ScanRules:
        """Look twice at a file that may still be written."""
        return ScanRules()

    @provide
    def file_monitor(
        self, settings: Settings, scans: Scans, server: ScanServer, reread: RereadFiles, uploads: UploadFile
    ) -> FileMonitor:
        """Scan at the start, unless the settings say otherwise."""
        return FileMonitor(scans, server, reread, uploads, scans_at_start=not settings.ftp_skip_initial_scan)

    @provide
    def host_guard(self, settings: Settings) -> AnyOf[HostGuard, HostRules]:
        """Allow the hosts that the settings allow, and no others."""
        return HostGuard(settings.poller_allowed_hosts)

    @provide
    async def client(self, guard: HostGuard) -> AsyncIterator[GuardedHttpClient]:
        """Reach the hosts that are allowed."""
        client = GuardedHttpClient(guard, os.environ)
        yield client
        await client.close()

    @provide
    def worker(self, process: ProcessName) -> WorkerId:
        """Hold leases and claims in the name of this process."""
        return WorkerId(process)

    @provide
    def fleet(
        self, configuration: IotConfigurationSource, uow: IngestionUnitOfWork, worker: WorkerId
    ) -> Fleet:
        """Share the devices out among the workers."""
        return Fleet(worker, configuration, uow)

    @provide
    def poller(self, fleet: Fleet, poll: PollDevice, save: SavePolls, clock: Clock, jitter: Jitter) -> Poller:
        """Ask each device in its own rhythm."""
        return Poller(fleet, poll, save, clock, jitter)


class LookingProvider(Provider):
    """For a command that polls what a file says, while the service goes on with what is in force."""

    scope = Scope.APP

    @provide(override=True)
    def configurations(
        self,
        uow: IngestionUnitOfWork,
        check: CheckConfiguration,
        history: ConfigurationHistory,
        file: WatchedFile,
        clock: Clock,
    ) -> Configurations:
        """Make no version of a file that has changed."""
        return Configurations(uow, check, history, file, clock, records=False)
