import logging
from datetime import timedelta

import pytest

from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.events import FileEnded, FtpStatusChanged, ScanProgressed
from domain.ingestion.files import FileStatus
from domain.ingestion.model import ChunkKey, DeviceStatus, Fault
from domain.ingestion.scans import ScanStatus
from domain.shared.errors import UnavailableError
from tests.unit.ingestion.files.faulty import AWAY, GONE, BrokenFormat
from tests.unit.ingestion.files.world import ANNA, A, B, C, Process, World, counts, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


# What goes wrong with one file


@pytest.mark.parametrize("code", ["gone", "too_large"])
async def test_a_file_that_cannot_be_had_has_failed_until_it_is_found_again(
    world: World, me: Process, code: str
) -> None:
    world.put(A, text(1))
    world.put(B, text(2))
    world.server.faults[A] = TransferError(code, "not to be had")
    scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 2, 0, 2, 1)
    failed = await me.file(A)
    assert (failed.status, failed.error) == (FileStatus.FAILED, Fault(code, "not to be had"))
    ended = [(one.path, one.status, one.error) for one in world.told(FileEnded)]
    assert ended == [(A, "failed", code), (B, "processed", None)]
    del world.server.faults[A]
    assert counts(await me.scan()) == (2, 1, 1, 0)
    assert (await me.file(A)).status is FileStatus.PROCESSED


async def test_a_file_that_disappears_before_it_is_fetched_has_failed(world: World, me: Process) -> None:
    world.put(A, text(1))
    world.server.meanwhile = world.server.remove
    await me.scan()
    gone = await me.file(A)
    assert (gone.status, gone.error) == (FileStatus.FAILED, Fault("gone", f"{A} is not there any more"))
    world.server.meanwhile = None
    assert counts(await me.scan()) == (0, 0, 0, 0)
    assert world.server.fetched == [A]


@pytest.mark.parametrize(
    "code", ["refused", "timeout", "connection_lost", "wrong_size", "changed", "disk_full"]
)
async def test_a_file_that_cannot_be_brought_now_is_tried_in_the_next_scan(
    world: World, me: Process, code: str
) -> None:
    world.put(A, text(1))
    world.put(B, text(2))
    world.server.faults[A] = TransferError(code, "not now")
    scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 2, 0, 2, 1)
    assert world.server.fetched == [A, B]  # once in a scan
    waiting = await me.file(A)
    assert (waiting.status, waiting.error) == (FileStatus.DISCOVERED, Fault(code, "not now"))
    assert len(world.told(FileEnded)) == 1
    del world.server.faults[A]
    again = await me.scan()
    # What waits is no file that is skipped.
    assert counts(again) == (2, 1, 1, 0)
    assert again.bytes_total == again.bytes_done == len(text(1))
    done = await me.file(A)
    assert (done.status, done.error, done.generation) == (FileStatus.PROCESSED, None, 1)


async def test_many_files_that_wait_keep_no_others_from_being_read(world: World, me: Process) -> None:
    for number in range(120):
        world.put(path := f"/site/PT{number:03}_a.csv", text(number))
        if number < 110:
            world.server.faults[path] = TransferError("refused", "not now")
    scan = await me.scan()
    assert counts(scan) == (120, 0, 120, 110)
    assert len(world.server.fetched) == len(set(world.server.fetched)) == 120


async def test_a_fault_of_a_parser_fails_its_file_and_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    me = Process(world, "me", formats=[BrokenFormat()])
    world.put("/site/PT1_a.csv", b"BREAK")
    world.put("/site/PT2_b.csv", text(1, 2))
    with caplog.at_level(logging.ERROR):
        scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 2, 0, 2, 1)
    failed = await me.file("/site/PT1_a.csv")
    assert failed.error is not None
    assert (failed.status, failed.error.code) == (FileStatus.FAILED, "internal_error")
    assert (await me.file("/site/PT2_b.csv")).status is FileStatus.PROCESSED
    assert world.all_discarded
    assert counts(await me.scan()) == (2, 2, 0, 0)


# What goes wrong with the server


async def test_a_server_that_is_away_fails_the_scan(world: World, me: Process) -> None:
    world.server.away = FileServerError("timeout", "no answer")
    world.put(A, text(1))
    scan = await me.scan()
    assert (scan.status, scan.error) == (ScanStatus.FAILED, Fault("timeout", "no answer"))
    assert scan.ended == world.clock.now()
    assert not await me.all_files()
    assert await me.scans.list(10, 0) == ([scan], 1)


async def test_a_listing_that_breaks_off_fails_the_scan_and_keeps_what_it_had(
    world: World, me: Process
) -> None:
    world.put("/a/PT1_a.csv", text(1))
    world.put("/b/PT2_b.csv", text(2))
    world.server.pages_until_gone = 2  # the root, and /a
    scan = await me.scan()
    assert (scan.status, scan.error) == (ScanStatus.FAILED, GONE.fault)
    assert (scan.folders, scan.files_seen, scan.files_done) == (2, 1, 0)
    assert [(one.path, one.status) for one in await me.all_files()] == [
        ("/a/PT1_a.csv", FileStatus.DISCOVERED)
    ]
    world.server.pages_until_gone = None
    after = await me.scan()
    assert (after.status, *counts(after)) == (ScanStatus.COMPLETED, 2, 0, 2, 0)
    assert after.bytes_total == after.bytes_done == len(text(1)) + len(text(2))


async def test_a_server_lost_during_a_transfer_fails_the_scan_and_the_file_waits(
    world: World, me: Process
) -> None:
    world.put(A, text(1))
    world.put(B, text(2))
    world.put(C, text(3))
    world.server.faults[B] = GONE
    scan = await me.scan()
    assert (scan.status, scan.error, scan.current_file) == (ScanStatus.FAILED, GONE.fault, None)
    assert world.server.fetched == [A, B]
    status = {one.path: one.status for one in await me.all_files()}
    assert status == {A: FileStatus.PROCESSED, B: FileStatus.DISCOVERED, C: FileStatus.DISCOVERED}
    world.server.faults.clear()
    assert counts(await me.scan()) == (3, 1, 2, 0)
    assert world.series("PT2") == [2]
    assert world.all_discarded


async def test_a_server_lost_at_the_second_look_fails_the_scan(world: World, me: Process) -> None:
    world.put(A, text(1))
    world.put(B, text(2), age=timedelta())

    def leave(path: str) -> None:
        world.server.away = GONE if path == B else None

    world.server.meanwhile = leave
    scan = await me.scan()
    assert (scan.status, scan.error) == (ScanStatus.FAILED, GONE.fault)
    assert counts(scan) == (2, 1, 1, 0)
    assert [one.path for one in await me.all_files()] == [A]


async def test_a_path_that_cannot_be_known_fails_the_scan_with_the_reason(world: World, me: Process) -> None:
    world.put(f"/{'x' * 2_000}_a.csv", text(1))
    scan = await me.scan()
    assert scan.error is not None
    assert (scan.status, scan.error.code) == (ScanStatus.FAILED, "path_too_long")


async def test_a_fault_inside_ends_the_scan_rather_than_repeat_it(
    world: World, me: Process, caplog: pytest.LogCaptureFixture
) -> None:
    world.put(A, text(1))

    def fail(_: str) -> None:
        raise ZeroDivisionError("a fault of the server's adapter")

    world.server.meanwhile = fail
    with caplog.at_level(logging.ERROR):
        scan = await me.scan()
    assert scan.error is not None
    assert (scan.status, scan.error.code) == (ScanStatus.FAILED, "internal_error")
    assert "a fault of the server's adapter" in caplog.text
    assert (await me.file(A)).status is FileStatus.DISCOVERED
    assert not await me.scanner.take()


# How the server fares


async def test_how_the_server_fares_is_told_when_it_changes(world: World, me: Process) -> None:
    for is_away in (False, False, True, True, True, True, False, True):
        world.server.away = FileServerError("timeout", "no answer") if is_away else None
        await me.scan()
    told = world.told(FtpStatusChanged)
    assert [(one.previous, one.status, one.reason) for one in told] == [
        (DeviceStatus.UNKNOWN, DeviceStatus.ONLINE, None),
        (DeviceStatus.ONLINE, DeviceStatus.DEGRADED, "timeout"),
        (DeviceStatus.DEGRADED, DeviceStatus.OFFLINE, "timeout"),
        (DeviceStatus.OFFLINE, DeviceStatus.ONLINE, None),
        (DeviceStatus.ONLINE, DeviceStatus.DEGRADED, "timeout"),
    ]


# When the database is away


async def test_a_database_that_goes_away_leaves_the_scan_for_later(world: World, me: Process) -> None:
    world.put(A, text(1, 2, 3))
    world.put(B, text(4))
    asked = await me.scans.request(ANNA)

    async def leave(_: ChunkKey) -> None:
        me.uow.away = True

    world.sink.after = leave
    with pytest.raises(UnavailableError):
        await me.scanner.take()
    me.uow.away, world.sink.after = False, None
    assert (await me.scans.get(asked.scan_id)).status is ScanStatus.RUNNING
    assert world.all_discarded
    world.pass_minutes()
    assert await me.scanner.take()
    done = await me.scans.get(asked.scan_id)
    assert (done.status, *counts(done)) == (ScanStatus.COMPLETED, 2, 0, 2, 0)
    assert (await me.file(A)).receipt == receipt(created=3)
    assert len(world.sink.batches) == 3
    assert not any(isinstance(one, ScanProgressed) and one.error for one in world.database.events)


async def test_a_store_that_stays_away_frees_the_scan_and_the_file_at_once(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)
    world.sink.failures = [AWAY] * 8
    with pytest.raises(UnavailableError):
        await me.scanner.take()
    assert (await me.file(A)).status is FileStatus.DISCOVERED
    assert await Process(world, "other").scanner.take()
    assert (await me.scans.get(asked.scan_id)).files_done == 1


async def test_a_scan_whose_end_cannot_be_noted_is_ended_later(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)

    world.server.on_leave = lambda: setattr(me.uow, "away", True)
    with pytest.raises(UnavailableError):
        await me.scanner.take()
    me.uow.away, world.server.on_leave = False, None
    assert (await me.scans.get(asked.scan_id)).status is ScanStatus.RUNNING
    world.pass_minutes()
    assert await me.scanner.take()
    done = await me.scans.get(asked.scan_id)
    assert (done.status, *counts(done)) == (ScanStatus.COMPLETED, 1, 1, 0, 0)
