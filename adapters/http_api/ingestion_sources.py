"""``/ingestion/sources``, ``status`` and ``metrics``: where data come from, and how that goes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.params import QueryParameter

from adapters.web.authentication import requires
from adapters.web.parameters import DEFAULT_LIMIT, Limit, Offset, Page
from adapters.web.times import Instant
from domain.ingestion.configurations import FileFault
from domain.ingestion.files import FileStatus
from domain.ingestion.model import DeviceError, DeviceStatus, Latency
from domain.ingestion.scans import Scan, ScanStatus
from domain.ingestion.services.sources import Sources
from domain.ingestion.sources import DataSource, FtpServer, IngestionMetrics, IngestionStatus, SourceKind
from domain.operations.model import Role

KindFilter = Annotated[SourceKind | None, QueryParameter(description="Only sources of this kind.")]
StatusFilter = Annotated[DeviceStatus | None, QueryParameter(description="Only sources of this status.")]


class SourceErrorAnswer(msgspec.Struct, kw_only=True):
    """What went wrong last, and when."""

    code: str
    detail: str
    time: Instant


class SourceAnswer(msgspec.Struct, kw_only=True):
    """A device that is polled (`http`), or the FTP server.

    `last_seen` is the last answer of a device, or the end of the last scan that was completed;
    `lag_seconds` is how long ago that was. `next` is the next poll or scan. `online` after a success,
    `degraded` after one that failed (of a device: or missing values), `offline` after three in a row.
    """

    source_id: str
    kind: SourceKind
    name: str
    status: DeviceStatus
    status_since: Instant | None
    last_seen: Instant | None
    lag_seconds: float | None
    last_error: SourceErrorAnswer | None
    next: Instant | None


class RunningScanAnswer(msgspec.Struct, kw_only=True):
    """How far the scan is that is running."""

    scan_id: UUID
    started: Instant
    files_seen: int
    files_done: int
    bytes_done: int
    bytes_total: int
    current_file: str | None


class ProblemAnswer(msgspec.Struct, kw_only=True):
    """A fault, and where it is (a JSON pointer)."""

    pointer: str
    code: str
    detail: str


class ConfigurationFaultAnswer(msgspec.Struct, kw_only=True):
    """Why the configuration file, as it is now, is not in force; `since` is when that was noticed."""

    since: Instant
    errors: list[ProblemAnswer]


class IngestionStatusAnswer(msgspec.Struct, kw_only=True):
    """How many sources fare how, and files by how far they are."""

    time: Instant
    sources: Mapping[SourceKind, Mapping[DeviceStatus, int]]
    scan: RunningScanAnswer | None
    files: Mapping[FileStatus, int]
    configuration_fault: ConfigurationFaultAnswer | None


class LatencyOverDevicesAnswer(msgspec.Struct, kw_only=True):
    """Over the devices: the median of their medians, the 95th percentile of their 95th percentiles ..."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class PollingAnswer(msgspec.Struct, kw_only=True):
    """Sums over the configured devices; those of `/metrics` go over all that were ever polled."""

    devices: Mapping[DeviceStatus, int]
    polls: int
    successes: int
    failures: int
    success_rate: float | None
    latency_ms: LatencyOverDevicesAnswer
    readings_stored: int


class FtpAnswer(msgspec.Struct, kw_only=True):
    """The FTP server, and the scans of it that are kept."""

    configured: bool
    server: str | None
    status: DeviceStatus
    last_completed: Instant | None
    scans: int
    running: int
    completed: int
    failed: int


class FilesAnswer(msgspec.Struct, kw_only=True):
    """Files by how far they are, and what they gave when they were read last."""

    by_status: Mapping[FileStatus, int]
    bytes_read: int
    received: int
    created: int
    updated: int
    unchanged: int
    rejected: int


class IngestionMetricsAnswer(msgspec.Struct, kw_only=True):
    """What was done so far; it is kept over restarts."""

    polling: PollingAnswer
    ftp: FtpAnswer
    files: FilesAnswer


def _instant(time: datetime | None) -> Instant | None:
    return None if time is None else Instant.of(time)


def _error(error: DeviceError | None) -> SourceErrorAnswer | None:
    if error is None:
        return None
    return SourceErrorAnswer(code=error.code, detail=error.detail, time=Instant.of(error.time))


def _source(source: DataSource) -> SourceAnswer:
    return SourceAnswer(
        source_id=source.source_id,
        kind=source.kind,
        name=source.name,
        status=source.status,
        status_since=_instant(source.status_since),
        last_seen=_instant(source.last_seen),
        lag_seconds=None if source.lag is None else source.lag.total_seconds(),
        last_error=_error(source.last_error),
        next=_instant(source.next),
    )


def _scan(scan: Scan | None) -> RunningScanAnswer | None:
    if scan is None:
        return None
    return RunningScanAnswer(
        scan_id=scan.scan_id,
        started=Instant.of(scan.started),
        files_seen=scan.files_seen,
        files_done=scan.files_done,
        bytes_done=scan.bytes_done,
        bytes_total=scan.bytes_total,
        current_file=scan.current_file,
    )


def _fault(fault: FileFault | None) -> ConfigurationFaultAnswer | None:
    if fault is None:
        return None
    problems = [
        ProblemAnswer(pointer=one.pointer, code=one.code, detail=one.detail) for one in fault.problems
    ]
    return ConfigurationFaultAnswer(since=Instant.of(fault.since), errors=problems)


def _status(status: IngestionStatus) -> IngestionStatusAnswer:
    return IngestionStatusAnswer(
        time=Instant.of(status.time),
        sources=status.sources,
        scan=_scan(status.scan),
        files=status.files,
        configuration_fault=_fault(status.configuration_fault),
    )


def _latency(latency: Latency | None) -> LatencyOverDevicesAnswer:
    if latency is None:
        return LatencyOverDevicesAnswer()
    return LatencyOverDevicesAnswer(p50=latency.p50, p95=latency.p95, p99=latency.p99)


def _ftp(server: FtpServer | None, scans: Mapping[ScanStatus, int]) -> FtpAnswer:
    return FtpAnswer(
        configured=server is not None,
        server=None if server is None else server.name,
        status=DeviceStatus.UNKNOWN if server is None else server.state.status,
        last_completed=None if server is None else _instant(server.state.last_seen),
        scans=sum(scans.values()),
        running=scans[ScanStatus.RUNNING],
        completed=scans[ScanStatus.COMPLETED],
        failed=scans[ScanStatus.FAILED],
    )


def _metrics(metrics: IngestionMetrics) -> IngestionMetricsAnswer:
    polling, files = metrics.polling, metrics.files
    return IngestionMetricsAnswer(
        polling=PollingAnswer(
            devices=metrics.devices,
            polls=polling.polls,
            successes=polling.successes,
            failures=polling.failures,
            success_rate=polling.success_rate,
            latency_ms=_latency(metrics.latency),
            readings_stored=polling.readings_stored,
        ),
        ftp=_ftp(metrics.ftp, metrics.scans),
        files=FilesAnswer(
            by_status=files.files,
            bytes_read=files.bytes_read,
            received=files.receipt.received,
            created=files.receipt.created,
            updated=files.receipt.updated,
            unchanged=files.receipt.unchanged,
            rejected=files.receipt.rejected,
        ),
    )


class IngestionSourcesController(Controller):
    """All data sources together."""

    path = "/ingestion"
    tags = ("Ingestion",)
    guards = (requires(Role.VIEWER),)

    @get("/sources", summary="List data sources")
    @inject
    async def list_sources(
        self,
        sources: FromDishka[Sources],
        kind: KindFilter = None,
        status: StatusFilter = None,
        limit: Limit = DEFAULT_LIMIT,
        offset: Offset = 0,
    ) -> Page[SourceAnswer]:
        """Return the FTP server, if there is one, then the devices in the order of the configuration."""
        found, total = await sources.page(limit, offset, kind, status)
        return Page(items=[_source(one) for one in found], total=total, limit=limit, offset=offset)

    @get("/status", summary="How ingestion fares")
    @inject
    async def status(self, sources: FromDishka[Sources]) -> IngestionStatusAnswer:
        """Return how many sources fare how, the running scan, and whether the configuration file is sound."""
        return _status(await sources.status())

    @get("/metrics", summary="What ingestion has done")
    @inject
    async def metrics(self, sources: FromDishka[Sources]) -> IngestionMetricsAnswer:
        """Return the sums of polls, scans and files so far."""
        return _metrics(await sources.metrics())
