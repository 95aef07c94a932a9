import asyncio
from datetime import timedelta

import pytest

from domain.ingestion.events import FtpStatusChanged, ScanProgressed
from domain.ingestion.files import FileStatus
from domain.ingestion.model import ChunkKey, WorkerId
from domain.ingestion.scans import ScanStatus
from domain.ingestion.services import scan_server
from domain.ingestion.services.scan_server import SCAN_TERM
from domain.shared.errors import ConflictError
from tests.unit.ingestion.files.faulty import KilledError
from tests.unit.ingestion.files.world import ANNA, A, B, Process, World, counts, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


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
    stuck = world.hang()
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
    told = world.told(ScanProgressed)
    assert {one.status for one in told} == {"running"}


async def test_a_cancelled_scan_is_free_at_once(world: World, me: Process) -> None:
    world.put(A, text(1))
    asked = await me.scans.request(ANNA)
    stuck = world.hang()
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
