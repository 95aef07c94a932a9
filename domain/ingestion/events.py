"""What happens to devices, meter files, and the configuration."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.ingestion.model import DeviceId, DeviceStatus
from domain.shared.events import AuditedEvent, DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatusChanged(DomainEvent):
    """A device came to fare otherwise; ``reason`` is the code of the fault, None where there is none."""

    device_id: DeviceId
    previous: DeviceStatus
    status: DeviceStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IotConfigurationChanged(AuditedEvent):
    """Another version of the IoT configuration came into force: by the file, the API, or restoring one."""

    version: int
    origin: str
    added: tuple[DeviceId, ...]
    changed: tuple[DeviceId, ...]
    removed: tuple[DeviceId, ...]
    restored_from: int | None = None

    @property
    def subject(self) -> str:
        return str(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpStatusChanged(DomainEvent):
    """The FTP server came to fare otherwise; ``reason`` is the code of the fault, if there is one."""

    previous: DeviceStatus
    status: DeviceStatus
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanProgressed(DomainEvent):
    """A scan of the FTP server began, got further, or ended (``status``, with ``error`` a code)."""

    scan_id: UUID
    status: str
    folders: int
    files_seen: int
    files_done: int
    files_skipped: int
    bytes_done: int
    bytes_total: int
    current_file: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEnded(DomainEvent):
    """A meter file was read, or found not to be readable; times are those of its readings."""

    file_id: UUID
    path: str
    collection: str
    status: str
    received: int
    created: int
    updated: int
    unchanged: int
    rejected: int
    first_time: datetime | None
    last_time: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFound(DomainEvent):
    """A folder with meter files was seen for the first time."""

    collection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequested(AuditedEvent):
    """Somebody asked for a scan of the FTP server."""

    scan_id: UUID

    @property
    def subject(self) -> str:
        return str(self.scan_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUploaded(AuditedEvent):
    """Somebody uploaded a meter file."""

    file_id: UUID
    path: str
    sha256: str

    @property
    def subject(self) -> str:
        return str(self.file_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReadAgain(AuditedEvent):
    """Somebody asked for a file to be read again."""

    file_id: UUID

    @property
    def subject(self) -> str:
        return str(self.file_id)
