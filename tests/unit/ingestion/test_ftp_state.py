from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.ingestion.ftp_state import FtpState, ftp_state, ftp_status, pause_between
from domain.ingestion.model import DeviceError, DeviceStatus, Fault
from domain.ingestion.scans import Scan, ScanId, ScanStatus, ScanTrigger

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOOK = timedelta(minutes=5)


def scans(outcomes: str) -> Sequence[Scan]:
    """Return scans, newest first, one an hour up to noon: ``c`` was completed, ``f`` failed, ``r`` runs."""
    found = []
    for number, outcome in enumerate(outcomes):
        scan = Scan(
            scan_id=ScanId(uuid4()),
            trigger=ScanTrigger.INTERVAL,
            started=NOON - number * HOUR,
            files_seen=number,
        )
        if outcome == "c":
            scan = replace(scan, status=ScanStatus.COMPLETED, ended=scan.started + TOOK)
        elif outcome == "f":
            fault = Fault("timeout", f"no answer to scan {number}")
            scan = replace(scan, status=ScanStatus.FAILED, ended=scan.started + TOOK, error=fault)
        found.append(scan)
    return found


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ("", DeviceStatus.UNKNOWN),
        ("r", DeviceStatus.UNKNOWN),
        ("c", DeviceStatus.ONLINE),
        ("cfff", DeviceStatus.ONLINE),
        ("rc", DeviceStatus.ONLINE),
        ("f", DeviceStatus.DEGRADED),
        ("fc", DeviceStatus.DEGRADED),
        ("ff", DeviceStatus.DEGRADED),
        ("ffc", DeviceStatus.DEGRADED),
        ("fff", DeviceStatus.OFFLINE),
        ("fffc", DeviceStatus.OFFLINE),
        ("rffff", DeviceStatus.OFFLINE),
        ("rff", DeviceStatus.DEGRADED),
    ],
)
def test_the_newest_scans_say_how_the_server_fares(outcomes: str, status: DeviceStatus) -> None:
    assert ftp_status(scans(outcomes)) is status
    assert ftp_state(scans(outcomes), HOUR).status is status


@pytest.mark.parametrize(
    ("outcomes", "hours_ago"),
    [("c", 0), ("ccc", 2), ("rccf", 2), ("ffc", 1), ("fffc", 0), ("ffffc", 1), ("fcf", 0), ("cfff", 0)],
)
def test_since_when_it_fares_so(outcomes: str, hours_ago: int) -> None:
    assert ftp_state(scans(outcomes), HOUR).status_since == NOON - hours_ago * HOUR + TOOK


def test_before_the_first_scan_nothing_is_known() -> None:
    assert ftp_state([], HOUR) == FtpState(
        status=DeviceStatus.UNKNOWN,
        status_since=None,
        last_seen=None,
        last_error=None,
        running=None,
        last=None,
        next_scan=None,
    )


def test_after_a_failure_its_fault_and_the_last_success_are_told() -> None:
    newest, _, completed = found = scans("ffc")
    state = ftp_state(found, HOUR)
    assert state.last is newest
    assert state.last_error == DeviceError("timeout", "no answer to scan 0", NOON + TOOK)
    assert state.last_seen == completed.ended == NOON - 2 * HOUR + TOOK
    assert state.next_scan == NOON + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("outcomes", "minutes"),
    [("", 60), ("c", 60), ("cf", 60), ("f", 1), ("rf", 1), ("fc", 1), ("ff", 2), ("ffff", 8), ("f" * 90, 60)],
)
def test_after_failures_the_next_scan_comes_sooner_and_sooner_no_more(outcomes: str, minutes: int) -> None:
    assert pause_between(scans(outcomes), HOUR) == timedelta(minutes=minutes)
    assert pause_between(scans("f"), timedelta(seconds=5)) == timedelta(seconds=5)


def test_after_a_success_there_is_no_fault_any_more() -> None:
    state = ftp_state(scans("cf"), None)
    assert (state.last_error, state.last_seen) == (None, NOON + TOOK)
    assert state.next_scan is None  # only on request


def test_while_one_runs_the_one_before_speaks() -> None:
    running, failed = found = scans("rf")
    state = ftp_state(found, HOUR)
    assert (state.running, state.last) == (running, failed)
    assert state.last_error is not None
    assert state.next_scan is None
