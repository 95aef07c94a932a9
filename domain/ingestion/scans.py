"""Scans of the FTP server."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.ingestion.model import Fault

ScanId = NewType("ScanId", UUID)


class ScanStatus(StrEnum):
    """How far a scan is."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class ScanTrigger(StrEnum):
    """Why a scan began."""

    START = "start"
    INTERVAL = "interval"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One look through the server, and its progress.

    ``files_seen`` are the meter files in the listing, ``files_skipped`` those that are known and unchanged
    (or still being written), ``files_done`` those that were read; bytes are of files to be read.
    """

    scan_id: ScanId
    trigger: ScanTrigger
    started: datetime
    status: ScanStatus = ScanStatus.RUNNING
    ended: datetime | None = None
    folders: int = 0
    files_seen: int = 0
    files_done: int = 0
    files_skipped: int = 0
    files_failed: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    current_file: str | None = None
    error: Fault | None = None
