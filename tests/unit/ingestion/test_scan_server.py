import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from adapters.pollers.meter_files import delimited
from domain.ingestion.errors import FileServerError, TransferError
from domain.ingestion.events import CollectionFound, FileEnded, FtpStatusChanged, ScanProgressed
from domain.ingestion.files import CollectionName, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey, DeviceStatus, Fault, WorkerId
from domain.ingestion.scans import Scan, ScanStatus, ScanTrigger
from domain.ingestion.services import scan_server
from domain.ingestion.services.scan_server import SCAN_TERM
from domain.shared.errors import ConflictError, UnavailableError
from tests.unit.ingestion.file_world import (
    ANNA,
    GONE,
    BrokenFormat,
    KilledError,
    Process,
    World,
    receipt,
    text,
)

A, B, C = "/site/PT1_a.sgl_v2", "/site/PT2_b.sgl_v2", "/site/PT3_c.sgl_v2"
AWAY = UnavailableError("database_unavailable", "the database is away")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def me(world: World) -> Process:
    return world.me


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines a chunk."""
    monkeypatch.setattr(delimited, "CHUNK_READINGS", 2)


def counts(scan: Scan) -> tuple[int, int, int, int]:
    return scan.files_seen, scan.files_skipped, scan.files_done, scan.files_failed


# What is read


async def test_the_files_of_all_folders_are_read(world: World, me: Process) -> None:
    world.put("/PT0_a.csv", text(1))
    world.put(A, text(2, 3))
    world.put("/site/below/PT2_b.SGL_V2", text(4))
    world.put("/site/below/notes.txt", b"nothing for us")
    scan = await me.scan()
    assert (scan.status, scan.error) == (ScanStatus.COMPLETED, None)
    assert (scan.folders, *counts(scan)) == (3, 3, 0, 3, 0)
    assert {one.path: one.status for one in await me.all_files()} == dict.fromkeys(
        ["/PT0_a.csv", A, "/site/below/PT2_b.SGL_V2"], FileStatus.PROCESSED
    )
    assert [world.series(one) for one in ("PT0", "PT1", "PT2")] == [[1], [2, 3], [4]]
    assert world.all_discarded


async def test_collections_appear_with_their_first_files(world: World, me: Process) -> None:
    world.put("/PT0_a.csv", text(1))
    world.put(A, text(1, 2, 3))
    world.put(B, text(4))
    await me.scan()
    found = [event.collection for event in world.told(CollectionFound) if isinstance(event, CollectionFound)]
    assert found == ["/", "site"]
    site = await me.files.collection(CollectionName("site"))
    assert (site.files, site.meters, site.readings) == (2, ("PT1", "PT2"), 4)
    world.put(C, text(5))
    await me.scan()
    assert len(world.told(CollectionFound)) == 2


async def test_a_file_that_is_known_is_skipped_without_download(world: World, me: Process) -> None:
    world.put(A, text(1, 2))
    await me.scan()
    before = await me.file(A)
    world.pass_minutes()
    scan = await me.scan()
    assert counts(scan) == (1, 1, 0, 0)
    assert (scan.bytes_total, scan.bytes_done) == (0, 0)
    assert world.server.fetched == [A]
    assert await me.file(A) == before


@pytest.mark.parametrize("content", [text("x"), b"no meter file"])
async def test_a_file_that_cannot_be_read_is_not_read_again_unchanged(
    world: World, me: Process, content: bytes
) -> None:
    world.put(A, content)
    first = await me.scan()
    assert counts(first) == (1, 0, 1, 1)
    assert (await me.file(A)).status is FileStatus.FAILED
    assert counts(await me.scan()) == (1, 1, 0, 0)
    world.put(A, text(1), age=timedelta(minutes=30))
    assert counts(await me.scan()) == (1, 0, 1, 0)
    assert (await me.file(A)).error is None


async def test_a_file_that_grew_is_read_as_a_new_generation(world: World, me: Process) -> None:
    world.put(A, text(1, 2, "x"))
    await me.scan()
    known = await me.file(A)
    assert known.receipt == receipt(created=2, rejected=1)
    world.pass_minutes()
    world.put(A, text(1, 2, 3, 4, 5), age=timedelta(minutes=30))
    scan = await me.scan()
    assert counts(scan) == (1, 0, 1, 0)
    grown = await me.file(A)
    assert (grown.file_id, grown.generation) == (known.file_id, 2)
    assert (grown.status, grown.receipt) == (FileStatus.PROCESSED, receipt(created=3, unchanged=2))
    assert not await me.rejects(grown)
    assert (await me.files.collection(CollectionName("site"))).readings == 5


async def test_a_file_that_changed_is_read_again_though_its_size_is_the_same(
    world: World, me: Process
) -> None:
    world.put(A, text(1, 2, 3))
    await me.scan()
    world.put(A, text(1, 7, 3), age=timedelta(minutes=30))
    await me.scan()
    changed = await me.file(A)
    assert (changed.generation, changed.receipt) == (2, receipt(updated=1, unchanged=2))
    assert world.series("PT1") == [1, 7, 3]


async def test_a_file_that_was_only_touched_changes_nothing(world: World, me: Process) -> None:
    world.put(A, text(1, 2, 3))
    await me.scan()
    world.put(A, text(1, 2, 3), age=timedelta(minutes=30))
    await me.scan()
    touched = await me.file(A)
    assert (touched.status, touched.receipt) == (FileStatus.PROCESSED, receipt(unchanged=3))
    assert touched.duplicate_of is None


async def test_the_same_content_twice_is_stored_once(world: World, me: Process) -> None:
    world.put(A, text(1, 2))
    world.put("/site/PT1_copy.sgl_v2", text(1, 2))
    world.put(B, text(1, 2))
    scan = await me.scan()
    assert counts(scan) == (3, 0, 3, 0)
    copy = await me.file("/site/PT1_copy.sgl_v2")
    assert (copy.status, copy.duplicate_of) == (FileStatus.DUPLICATE, (await me.file(A)).file_id)
    assert (await me.file(B)).status is FileStatus.PROCESSED
    assert counts(await me.scan()) == (3, 3, 0, 0)
    world.put("/site/PT1_copy.sgl_v2", text(1, 2, 3), age=timedelta(minutes=30))
    await me.scan()
    copy = await me.file("/site/PT1_copy.sgl_v2")
    assert (copy.status, copy.duplicate_of) == (FileStatus.PROCESSED, None)
    assert copy.receipt == receipt(created=1, unchanged=2)


# Files that may still be written


async def test_a_file_is_complete_after_a_minute_without_a_second_look(world: World, me: Process) -> None:
    world.put(A, text(1), age=timedelta(minutes=1))
    await me.scan()
    assert (await me.file(A)).status is FileStatus.PROCESSED
    assert not world.server.looked_at


@pytest.mark.parametrize(
    "age",
    [timedelta(seconds=59), timedelta(), timedelta(hours=-1), None],
    ids=["young", "now", "future", "?"],
)
async def test_a_young_file_is_complete_once_two_looks_agree(
    world: World, me: Process, age: timedelta | None
) -> None:
    world.put(A, text(1, 2), age=age)
    scan = await me.scan()
    assert counts(scan) == (1, 0, 1, 0)
    assert scan.bytes_total == scan.bytes_done == len(text(1, 2))
    assert world.server.looked_at == [A]
    assert (await me.file(A)).modified == world.server.files[A].modified
    assert counts(await me.scan()) == (1, 1, 0, 0)
    assert world.server.fetched == [A]


async def test_a_file_that_still_grows_is_left_to_the_next_scan(world: World, me: Process) -> None:
    values = [1]
    world.put(A, text(*values), age=timedelta())
    world.put(B, text(9))

    def write(path: str) -> None:
        if path == A:
            values.append(values[-1] + 1)
            world.put(A, text(*values), age=timedelta())

    world.server.meanwhile = write
    scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 2, 1, 1, 0)
    assert world.server.looked_at == [A] * 3
    assert world.server.fetched == [B]
    assert [one.path for one in await me.all_files()] == [B]
    world.server.meanwhile = None
    world.pass_minutes()
    await me.scan()
    assert (await me.file(A)).receipt == receipt(created=4)


async def test_a_file_that_stops_growing_meanwhile_is_read_in_the_same_scan(
    world: World, me: Process
) -> None:
    world.put(A, text(1), age=timedelta())

    def write(_: str) -> None:
        world.server.meanwhile = None
        world.put(A, text(1, 2), age=timedelta())

    world.server.meanwhile = write
    scan = await me.scan()
    assert counts(scan) == (1, 0, 1, 0)
    assert world.server.looked_at == [A] * 2
    assert world.series("PT1") == [1, 2]


async def test_a_known_file_that_grows_now_is_not_read_half(world: World, me: Process) -> None:
    world.put(A, text(1))
    await me.scan()
    values = [1, 2]
    world.put(A, text(*values), age=timedelta())

    def write(_: str) -> None:
        values.append(9)
        world.put(A, text(*values), age=timedelta())

    world.server.meanwhile = write
    assert counts(await me.scan()) == (1, 1, 0, 0)
    left = await me.file(A)
    assert (left.status, left.generation) == (FileStatus.PROCESSED, 1)


async def test_a_file_that_waits_and_grows_is_not_fetched_before_it_is_settled(
    world: World, me: Process
) -> None:
    world.put(A, text(1))
    world.server.faults[A] = TransferError("changed", "it is being written")
    await me.scan()
    world.server.faults.clear()
    world.server.fetched.clear()
    world.put(A, text(1, 2), age=timedelta())

    def write(_: str) -> None:
        world.server.meanwhile = None
        assert not world.server.fetched

    world.server.meanwhile = write
    scan = await me.scan()
    assert counts(scan) == (1, 0, 1, 0)
    assert world.server.fetched == [A]
    assert (await me.file(A)).receipt == receipt(created=2)


async def test_many_files_that_grow_keep_no_others_from_being_read(world: World, me: Process) -> None:
    """More than are taken at once, all of which have waited for longer."""
    values = [1]
    growing = [f"/site/PT{number:03}_a.csv" for number in range(120)]
    for path in growing:
        world.put(path, text(*values))
        world.server.faults[path] = TransferError("changed", "it is being written")
    await me.scan()
    world.server.fetched.clear()

    def write(path: str) -> None:
        if path != B:
            values.append(1)
            world.put(path, text(*values), age=timedelta())

    for path in growing:
        write(path)
    world.put(B, text(2))
    world.server.meanwhile = write
    scan = await me.scan()
    assert counts(scan) == (121, 120, 1, 0)
    assert world.server.fetched == [B]


async def test_a_second_look_at_some_is_no_second_try_for_others(world: World, me: Process) -> None:
    world.put(A, text(1))
    world.server.faults[A] = TransferError("refused", "not now")
    world.put(B, text(2), age=timedelta())
    scan = await me.scan()
    assert counts(scan) == (2, 0, 2, 1)
    assert scan.bytes_done == scan.bytes_total
    assert world.server.fetched == [A, B]


async def test_a_young_file_that_is_gone_at_the_second_look_is_forgotten(world: World, me: Process) -> None:
    world.put(A, text(1), age=timedelta())
    world.server.meanwhile = world.server.remove
    scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 1, 1, 0, 0)
    assert not await me.all_files()


async def test_a_file_written_while_it_is_fetched_waits_for_the_next_scan(world: World, me: Process) -> None:
    world.put(A, text(1))

    def write(_: str) -> None:
        world.server.meanwhile = None
        world.put(A, text(1, 2), age=timedelta(minutes=30))

    world.server.meanwhile = write
    scan = await me.scan()
    assert (scan.status, *counts(scan)) == (ScanStatus.COMPLETED, 1, 0, 1, 1)
    left = await me.file(A)
    assert (left.status, left.error) == (
        FileStatus.DISCOVERED,
        Fault("changed", f"{A} is being written"),
    )
    await me.scan()
    assert (await me.file(A)).receipt == receipt(created=2)
    assert (await me.file(A)).error is None


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
    ended = [(one.path, one.status, one.error) for one in world.told(FileEnded) if isinstance(one, FileEnded)]
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
    told = [one for one in world.told(FtpStatusChanged) if isinstance(one, FtpStatusChanged)]
    assert [(one.previous, one.status, one.reason) for one in told] == [
        (DeviceStatus.UNKNOWN, DeviceStatus.ONLINE, None),
        (DeviceStatus.ONLINE, DeviceStatus.DEGRADED, "timeout"),
        (DeviceStatus.DEGRADED, DeviceStatus.OFFLINE, "timeout"),
        (DeviceStatus.OFFLINE, DeviceStatus.ONLINE, None),
        (DeviceStatus.ONLINE, DeviceStatus.DEGRADED, "timeout"),
    ]


# Progress


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
    told = [one for one in world.told(ScanProgressed) if isinstance(one, ScanProgressed)]
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
    assert isinstance(last, ScanProgressed)
    assert (last.status, last.error) == ("failed", "login_refused")


# One scan at a time


async def test_only_one_scan_runs_at_once(world: World, me: Process) -> None:
    asked = await me.scans.request(ANNA)
    async with me.uow.begin() as tx:
        assert await tx.scans.take(WorkerId("me"), SCAN_TERM) is not None
    with pytest.raises(ConflictError) as refused:
        await Process(world, "other").scan()
    assert refused.value.code == "scan_running"
    world.clock.advance(SCAN_TERM + timedelta(seconds=1))
    # It died: whoever scans now goes on with it.
    assert (await Process(world, "other").scan()).scan_id == asked.scan_id


async def test_who_scans_now_does_the_scan_that_waits(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)
    done = await Process(world, "other").scan()
    assert (done.scan_id, done.status, done.files_done) == (asked.scan_id, ScanStatus.COMPLETED, 1)
    assert (await me.scans.list(10, 0))[1] == 1


async def test_who_has_no_server_scans_nothing(world: World) -> None:
    alone = Process(world, "alone", has_server=False)
    with pytest.raises(ConflictError) as refused:
        await alone.scan()
    assert refused.value.code == "ftp_not_configured"
    await world.me.scans.request(ANNA)
    assert not await alone.scanner.take()
    assert await world.me.scanner.take()


async def test_a_scan_that_waits_is_done_by_whoever_takes_it(world: World, me: Process) -> None:
    world.put(A, text(1))
    assert not await me.scanner.take()
    asked = await me.scans.request(ANNA)
    assert await me.scanner.take()
    done = await me.scans.get(asked.scan_id)
    assert (done.status, done.files_done) == (ScanStatus.COMPLETED, 1)
    assert not await Process(world, "other").scanner.take()


async def test_another_process_goes_on_with_the_scan_of_one_that_died(world: World, me: Process) -> None:
    world.put(A, text(1, 2, 3))
    world.put(B, text(4))
    asked = await me.scans.request(ANNA)

    async def kill(_: ChunkKey) -> None:
        me.kill_after(0)

    world.sink.after = kill
    with pytest.raises(KilledError):
        await me.scanner.take()
    world.sink.after = None
    other = world.restarted()
    world.clock.advance(-SCAN_TERM - timedelta(minutes=2))
    assert not await other.scanner.take()  # it may live
    world.pass_minutes()
    assert await other.scanner.take()
    done = await other.scans.get(asked.scan_id)
    assert (done.status, *counts(done)) == (ScanStatus.COMPLETED, 2, 0, 2, 0)
    assert (await other.file(A)).receipt == receipt(created=3)
    assert world.series("PT1") == [1, 2, 3]
    assert len(world.sink.batches) == 3


async def test_who_loses_the_scan_stops_and_the_other_goes_on(
    world: World, me: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_server, "_TELL_EVERY", 0.01)
    world.put(A, text(1, 2, 3))
    world.put(B, text(4))
    asked = await me.scans.request(ANNA)
    stuck = asyncio.Event()

    async def hang(_: ChunkKey) -> None:
        stuck.set()
        await asyncio.sleep(3600)

    world.sink.after = hang
    scanning = asyncio.create_task(me.scanner.take())
    await stuck.wait()
    other = Process(world, "other")
    async with other.uow.begin() as tx:
        assert await tx.scans.take(WorkerId("other"), SCAN_TERM) is None
        world.clock.advance(SCAN_TERM + timedelta(seconds=1))
        taken = await tx.scans.take(WorkerId("other"), SCAN_TERM)
    assert taken is not None
    assert await asyncio.wait_for(scanning, 5)
    assert scanning.cancelling() == 0
    assert world.all_discarded
    running = await other.scans.get(asked.scan_id)
    assert running.status is ScanStatus.RUNNING
    assert (await other.file(A)).status is FileStatus.DISCOVERED  # given back for the other
    world.sink.after = None
    async with other.uow.begin() as tx:
        await tx.scans.release(asked.scan_id, WorkerId("other"))
    assert await other.scanner.take()
    done = await other.scans.get(asked.scan_id)
    assert (done.status, *counts(done)) == (ScanStatus.COMPLETED, 2, 0, 2, 0)
    assert (await other.file(A)).receipt == receipt(created=3)


async def test_who_is_cancelled_while_it_loses_the_scan_is_cancelled(
    world: World, me: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_server, "_TELL_EVERY", 0.01)
    world.put(A, text(1))
    await me.scans.request(ANNA)
    stuck, leaving = asyncio.Event(), asyncio.Event()

    async def slow_to_leave(_: ChunkKey) -> None:
        stuck.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            leaving.set()
            await asyncio.sleep(3600)

    world.sink.after = slow_to_leave
    scanning = asyncio.create_task(me.scanner.take())
    await stuck.wait()
    world.clock.advance(SCAN_TERM + timedelta(seconds=1))
    async with Process(world, "other").uow.begin() as tx:
        assert await tx.scans.take(WorkerId("other"), SCAN_TERM) is not None
    await leaving.wait()
    scanning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scanning


async def test_who_loses_the_scan_does_not_end_it(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)

    async def lose(_: ChunkKey) -> None:
        world.clock.advance(SCAN_TERM + timedelta(seconds=1))
        async with Process(world, "other").uow.begin() as tx:
            assert await tx.scans.take(WorkerId("other"), SCAN_TERM) is not None

    world.sink.after = lose
    await me.scanner.take()
    running = await me.scans.get(asked.scan_id)
    assert running.status is ScanStatus.RUNNING
    assert not world.told(FtpStatusChanged)
    told = [one for one in world.told(ScanProgressed) if isinstance(one, ScanProgressed)]
    assert {one.status for one in told} == {"running"}


async def test_a_cancelled_scan_is_free_at_once(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)
    stuck = asyncio.Event()

    async def hang(_: ChunkKey) -> None:
        stuck.set()
        await asyncio.sleep(3600)

    world.sink.after = hang
    scanning = asyncio.create_task(me.scanner.take())
    await stuck.wait()
    scanning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scanning
    assert world.all_discarded
    world.sink.after = None
    other = Process(world, "other")
    assert (await other.file(A)).status is FileStatus.DISCOVERED
    assert await other.scanner.take()
    assert (await other.scans.get(asked.scan_id)).status is ScanStatus.COMPLETED


async def test_a_scan_can_be_cancelled_while_it_puts_its_progress_away(world: World, me: Process) -> None:
    """A cancellation that gets lost would keep the process from ending."""
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)
    leaving = asyncio.Event()

    async def slow_to_leave() -> None:
        task = asyncio.current_task()
        if task is None or task.get_name() != "progress of the scan":
            return
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            leaving.set()
            await asyncio.sleep(0.05)
            raise

    me.uow.on_begin = slow_to_leave
    scanning = asyncio.create_task(me.scanner.take())
    await leaving.wait()
    scanning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scanning
    assert (await me.scans.get(asked.scan_id)).status is ScanStatus.RUNNING
    assert await Process(world, "other").scanner.take()


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


# Many files


async def test_thousands_of_known_files_are_skipped_with_few_questions(world: World, me: Process) -> None:
    number = 5_000
    for at in range(number):
        world.put(f"/site{at % 7}/PT{at}_a.csv", b"as it was")
    known: list[MeterFile] = []
    async with me.uow.begin() as tx:
        for at, (path, file) in enumerate(world.server.files.items()):
            new = replace(me.new(path), size=len(file.content), modified=file.modified)
            known.append(replace(new, status=FileStatus.PROCESSED, sha256=f"{at:064x}"))
        await tx.files.add(known)
    before = me.uow.begun
    scan = await me.scan()
    assert counts(scan) == (number, number, 0, 0)
    assert not world.server.fetched
    assert me.uow.begun - before < 20  # one for each page, not for each file
