"""The rules of how the FTP server fares, by the scans that are kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.ingestion.model import DeviceError, DeviceStatus
from domain.ingestion.scans import Scan, ScanStatus

OFFLINE_AFTER: Final = 3
"""So many scans in a row that failed."""

_FIRST_PAUSE: Final = timedelta(minutes=1)
_DOUBLED: Final = 12

SCANS_LOOKED_AT: Final = 100
"""So many of the newest scans say how the server fares; since when is not known beyond them."""


@dataclass(frozen=True, slots=True)
class FtpPlan:
    """What is intended: the server's name for people, and how often it is looked through.

    ``server`` is None where none is configured, ``interval`` where it is looked through on request only.
    """

    server: str | None
    interval: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FtpState:
    """How the server fares.

    ``last_seen`` is the end of the newest scan that was completed; ``last_error`` that of the newest
    scan, None where it was completed; ``next_scan`` is not known while one runs.
    """

    status: DeviceStatus
    status_since: datetime | None
    last_seen: datetime | None
    last_error: DeviceError | None
    running: Scan | None
    last: Scan | None
    next_scan: datetime | None


def ftp_status(newest_first: Sequence[Scan]) -> DeviceStatus:
    """Return how the server fares by its newest scans; one that runs says nothing yet.

    As of devices: online after a completed scan, degraded after a failed one, offline after three.
    """
    failures = 0
    for scan in _ended(newest_first):
        if scan.status is ScanStatus.COMPLETED:
            return DeviceStatus.DEGRADED if failures else DeviceStatus.ONLINE
        failures += 1
        if failures >= OFFLINE_AFTER:
            return DeviceStatus.OFFLINE
    return DeviceStatus.DEGRADED if failures else DeviceStatus.UNKNOWN


def pause_between(newest_first: Sequence[Scan], interval: timedelta) -> timedelta:
    """Return how long after the start of the newest scan the next one is due.

    After failures in a row it is sooner than the interval: a minute, then twice as long each time.
    """
    failures = 0
    for scan in _ended(newest_first):
        if scan.status is ScanStatus.COMPLETED:
            break
        failures += 1
    if not failures:
        return interval
    pause: timedelta = _FIRST_PAUSE * 2 ** min(failures - 1, _DOUBLED)
    return min(interval, pause)


def ftp_state(newest_first: Sequence[Scan], interval: timedelta | None) -> FtpState:
    """Return how the server fares; the scans should be `SCANS_LOOKED_AT`, or all there are."""
    ended = _ended(newest_first)
    running = next((one for one in newest_first if one.status is ScanStatus.RUNNING), None)
    status = ftp_status(ended)
    since: datetime | None = None
    for number, scan in enumerate(ended):
        if ftp_status(ended[number:]) is not status:
            break
        since = scan.ended
    last = ended[0] if ended else None
    seen = next((one.ended for one in ended if one.status is ScanStatus.COMPLETED), None)
    error: DeviceError | None = None
    if last is not None and last.error is not None and last.status is ScanStatus.FAILED:
        error = DeviceError(last.error.code, last.error.detail, last.ended or last.started)
    idle = bool(newest_first) and running is None
    return FtpState(
        status=status,
        status_since=since,
        last_seen=seen,
        last_error=error,
        running=running,
        last=last,
        next_scan=newest_first[0].started + pause_between(newest_first, interval)
        if idle and interval
        else None,
    )


def _ended(newest_first: Sequence[Scan]) -> Sequence[Scan]:
    return [one for one in newest_first if one.status is not ScanStatus.RUNNING]
