"""Where data come from, and how each source fares."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ingestion.configurations import FileFault
from domain.ingestion.device_state import percentiles
from domain.ingestion.files import FileStatus, FileTotals
from domain.ingestion.ftp_state import FtpState
from domain.ingestion.model import DeviceError, DeviceState, DeviceStatus, Latency
from domain.ingestion.scans import Scan, ScanStatus


class SourceKind(StrEnum):
    """How a source is reached."""

    HTTP = "http"
    FTP = "ftp"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A source and how it fares.

    ``source_id`` is the id of a device, or ``ftp``. ``last_seen`` is when it gave something usable last,
    ``lag`` how long ago that was; ``next`` is when it is asked again, None where that is not known.
    """

    source_id: str
    kind: SourceKind
    name: str
    status: DeviceStatus
    status_since: datetime | None
    last_seen: datetime | None
    lag: timedelta | None
    last_error: DeviceError | None
    next: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpServer:
    """The FTP server by its name for people, and how it fares."""

    name: str
    state: FtpState


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTotals:
    """Sums over devices since each was met for the first time."""

    polls: int = 0
    successes: int = 0
    failures: int = 0
    readings_stored: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share of polls that were answered, 0 to 1; None before the first."""
        return self.successes / self.polls if self.polls else None

    @classmethod
    def of(cls, states: Collection[DeviceState]) -> "PollTotals":
        """Return the sums of these devices."""
        return cls(
            polls=sum(state.polls for state in states),
            successes=sum(state.successes for state in states),
            failures=sum(state.failures for state in states),
            readings_stored=sum(state.readings_stored for state in states),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestionStatus:
    """How ingestion fares now. ``configuration_fault`` says why the configuration file is not in force."""

    time: datetime
    sources: Mapping[SourceKind, Mapping[DeviceStatus, int]]
    scan: Scan | None
    files: Mapping[FileStatus, int]
    configuration_fault: FileFault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestionMetrics:
    """What ingestion has done so far; ``scans`` are those that are kept. ``ftp`` is None without a server.

    ``devices``, ``polling`` and ``latency`` are of the configured devices. ``ever_polled`` counts those too
    that are not configured any more: it never falls.
    """

    devices: Mapping[DeviceStatus, int]
    polling: PollTotals
    latency: Latency | None
    ever_polled: PollTotals
    ftp: FtpServer | None
    scans: Mapping[ScanStatus, int]
    files: FileTotals


def by_status(statuses: Iterable[DeviceStatus]) -> Mapping[DeviceStatus, int]:
    """Return how many have each status; each is named."""
    found = list(statuses)
    return {status: found.count(status) for status in DeviceStatus}


def latency_over(states: Iterable[DeviceState]) -> Latency | None:
    """Return the median of the devices' medians, the 95th percentile of their 95th percentiles and so on."""
    latencies = [state.latency for state in states if state.latency is not None]
    medians = percentiles(one.p50 for one in latencies)
    high = percentiles(one.p95 for one in latencies)
    highest = percentiles(one.p99 for one in latencies)
    if medians is None or high is None or highest is None:
        return None
    return Latency(medians.p50, high.p95, highest.p99)
