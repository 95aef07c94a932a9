from dataclasses import replace
from itertools import pairwise

import pytest

from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.events import ScanProgressed
from domain.ingestion.scans import Scan, ScanStatus, ScanTrigger
from domain.ingestion.services import scan_server
from tests.unit.ingestion.files.world import A, B, Process, World, text

pytestmark = pytest.mark.usefixtures("small_chunks")


async def test_the_progress_is_reported_as_it_is_at_the_end(world: World, me: Process) -> None:
    world.put(A, text(1, 2))
    world.put(B, text(3))
    world.server.faults[B] = TransferError("refused", "not now")
    reported: list[Scan] = []
    scan = await me.scanner.run_now(reported.append)
    assert reported[0].status is ScanStatus.RUNNING
    assert reported[-1] == scan
    assert scan == replace(
        reported[0],
        current_file=None,
        status=ScanStatus.COMPLETED,
        ended=world.clock.now(),
        folders=2,
        files_seen=2,
        files_done=2,
        files_failed=1,
        bytes_done=57,
        bytes_total=57,
    )
    assert scan.trigger is ScanTrigger.REQUEST
    assert (await me.scans.get(scan.scan_id)) == scan


async def test_the_progress_is_told_while_it_runs(
    world: World, me: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_server, "_TELL_EVERY", 0.0)
    world.put(A, text(*range(40)))
    world.put(B, text(3))
    scan = await me.scan()
    told = world.told(ScanProgressed)
    assert {one.scan_id for one in told} == {scan.scan_id}
    assert [one.status for one in told] == ["running"] * (len(told) - 1) + ["completed"]
    done = [one.bytes_done for one in told]
    assert done == sorted(done)
    assert len(set(done)) > 3  # it moves within a file
    assert all(one.bytes_done <= one.bytes_total for one in told)
    assert {one.current_file for one in told} == {None, A, B}
    first = told[0]
    same = [replace(one, event_id=first.event_id, occurred_at=first.occurred_at) for one in told]
    assert all(one != other for one, other in pairwise(same))  # only what is new
    last = told[-1]
    assert (last.folders, last.files_seen, last.files_done, last.files_skipped) == (2, 2, 2, 0)
    assert (last.bytes_done, last.bytes_total, last.error) == (scan.bytes_total, scan.bytes_total, None)


async def test_the_end_of_a_failed_scan_is_told_with_its_fault(world: World, me: Process) -> None:
    world.server.away = FileServerError("login_refused", "who are you")
    await me.scan()
    last = world.told(ScanProgressed)[-1]
    assert (last.status, last.error) == ("failed", "login_refused")
