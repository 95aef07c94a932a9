"""What people see of all data sources together."""

from collections.abc import Sequence
from datetime import datetime

from domain.ingestion.files import MeterFile
from domain.ingestion.ftp_state import SCANS_LOOKED_AT, FtpPlan, ftp_state
from domain.ingestion.model import DeviceStatus
from domain.ingestion.ports import IngestionUnitOfWork
from domain.ingestion.services.configuration import Configurations
from domain.ingestion.services.devices import DeviceReport, ReportDevices
from domain.ingestion.sources import (
    DataSource,
    FtpServer,
    IngestionMetrics,
    IngestionStatus,
    PollTotals,
    SourceKind,
    by_status,
    latency_over,
)
from domain.shared.errors import InvalidError
from domain.shared.ports import Clock

_ALL = 1_000_000_000


class Sources:
    """Reports the configured devices and the FTP server, whichever process asks them.

    Without a configuration that can be read there are no devices, and `status` says why.
    """

    def __init__(
        self,
        devices: ReportDevices,
        uow: IngestionUnitOfWork,
        configurations: Configurations,
        plan: FtpPlan,
        clock: Clock,
    ) -> None:
        self._devices = devices
        self._uow = uow
        self._configurations = configurations
        self._plan = plan
        self._clock = clock

    async def page(
        self, limit: int, offset: int, kind: SourceKind | None = None, status: DeviceStatus | None = None
    ) -> tuple[Sequence[DataSource], int]:
        """Return a page: the FTP server, then the devices as configured; and the number of all that match."""
        now = self._clock.now()
        server = await self.ftp() if kind is not SourceKind.HTTP else None
        if server is not None and status not in {None, server.state.status}:
            server = None
        first = [] if server is None else [_server(server, now)]
        page = first[offset : offset + limit]
        if kind is SourceKind.FTP:
            return page, len(first)
        after = max(0, offset - len(first))
        try:
            # One at least, for the number of all.
            reports, total = await self._devices.page(max(1, limit - len(page)), after, status)
        except InvalidError:
            return page, len(first)
        devices = [_device(one, now) for one in reports[: limit - len(page)]]
        return [*page, *devices], len(first) + total

    async def ftp(self) -> FtpServer | None:
        """Return the FTP server and how it fares; None where none is configured."""
        if self._plan.server is None:
            return None
        async with self._uow.begin() as tx:
            newest_first, _ = await tx.scans.list(SCANS_LOOKED_AT, 0)
        return FtpServer(name=self._plan.server, state=ftp_state(newest_first, self._plan.interval))

    async def last_file(self) -> MeterFile | None:
        """Return the meter file that was read to its end last."""
        async with self._uow.begin() as tx:
            return await tx.files.last()

    async def status(self) -> IngestionStatus:
        """Return how many sources fare how, what is done now, and what keeps it from being done."""
        reports = await self._reports()
        server = await self.ftp()
        async with self._uow.begin() as tx:
            files = await tx.files.counts()
        return IngestionStatus(
            time=self._clock.now(),
            sources={
                SourceKind.HTTP: by_status(one.state.status for one in reports),
                SourceKind.FTP: by_status([] if server is None else [server.state.status]),
            },
            scan=None if server is None else server.state.running,
            files=files,
            configuration_fault=self._configurations.file_fault(),
        )

    async def metrics(self) -> IngestionMetrics:
        """Return the sums of what was done so far."""
        states = [one.state for one in await self._reports()]
        server = await self.ftp()
        async with self._uow.begin() as tx:
            ever_polled = await tx.device_statuses.totals()
            scans = await tx.scans.counts()
            files = await tx.files.totals()
        return IngestionMetrics(
            devices=by_status(state.status for state in states),
            polling=PollTotals.of(states),
            latency=latency_over(states),
            ever_polled=ever_polled,
            ftp=server,
            scans=scans,
            files=files,
        )

    async def _reports(self) -> Sequence[DeviceReport]:
        try:
            reports, _ = await self._devices.page(_ALL, 0)
        except InvalidError:
            return []
        return reports


def _device(report: DeviceReport, now: datetime) -> DataSource:
    state = report.state
    return DataSource(
        source_id=report.device.device_id,
        kind=SourceKind.HTTP,
        name=report.device.name,
        status=state.status,
        status_since=state.status_since,
        last_seen=state.last_seen,
        lag=None if state.last_seen is None else now - state.last_seen,
        last_error=state.last_error,
        next=state.next_poll,
    )


def _server(server: FtpServer, now: datetime) -> DataSource:
    state = server.state
    return DataSource(
        source_id="ftp",
        kind=SourceKind.FTP,
        name=server.name,
        status=state.status,
        status_since=state.status_since,
        last_seen=state.last_seen,
        lag=None if state.last_seen is None else now - state.last_seen,
        last_error=state.last_error,
        next=state.next_scan,
    )
