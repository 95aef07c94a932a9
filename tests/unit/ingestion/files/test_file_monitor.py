import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from adapters.pollers.file_monitor import FileMonitor
from domain.ingestion.files import FileOrigin, FileStatus
from domain.ingestion.model import ChunkKey
from domain.ingestion.scans import Scan, ScanStatus, ScanTrigger
from tests.unit.ingestion.files.world import ANNA, PATH, Process, World, text

SOON = 0.005


@asynccontextmanager
async def running(monitor: FileMonitor) -> AsyncIterator[None]:
    task = asyncio.create_task(monitor.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1_000):
        if await holds():
            return
        await asyncio.sleep(SOON)
    pytest.fail("it takes too long")


async def scans(process: Process) -> list[Scan]:
    return [*(await process.scans.list(100, 0))[0]]


async def some_turns(process: Process) -> None:
    """Wait until both loops have come round a few times."""
    begun = process.uow.begun

    async def have_passed() -> bool:
        return process.uow.begun >= begun + 20

    await until(have_passed)


async def test_it_scans_at_the_start_once(world: World, me: Process) -> None:
    world.put(PATH, text(1, 2))
    async with running(me.monitor(scans_at_start=True, every=SOON)):

        async def is_read() -> bool:
            return world.series("PT1") == [1, 2]

        await until(is_read)
        world.pass_minutes()
        await some_turns(me)
    assert [(one.trigger, one.status) for one in await scans(me)] == [
        (ScanTrigger.START, ScanStatus.COMPLETED)
    ]


async def test_it_leaves_the_scan_at_the_start_out_if_told_to(world: World, me: Process) -> None:
    world.put(PATH, text(1, 2))
    async with running(me.monitor(scans_at_start=False, every=SOON)):
        await some_turns(me)
        assert await scans(me) == []
        world.clock.advance(timedelta(hours=6))

        async def is_done() -> bool:
            return any(one.status is ScanStatus.COMPLETED for one in await scans(me))

        await until(is_done)
    assert [one.trigger for one in await scans(me)] == [ScanTrigger.INTERVAL]
    assert world.series("PT1") == [1, 2]


async def test_a_scan_at_the_start_waits_for_the_database(world: World, me: Process) -> None:
    me.uow.away = True
    async with running(me.monitor(scans_at_start=True, every=SOON)):
        await some_turns(me)
        me.uow.away = False

        async def is_done() -> bool:
            return any(one.status is ScanStatus.COMPLETED for one in await scans(me))

        await until(is_done)
    assert [one.trigger for one in await scans(me)] == [ScanTrigger.START]
    assert not world.database.audit


async def test_several_processes_scan_once(world: World, me: Process) -> None:
    world.put(PATH, text(1, 2))
    other = Process(world, "other")
    async with (
        running(me.monitor(scans_at_start=True, every=SOON)),
        running(other.monitor(scans_at_start=True, every=SOON)),
    ):
        await some_turns(me)
        await some_turns(other)
    assert len(await scans(me)) == 1
    assert world.server.fetched == [PATH]


async def test_it_does_at_once_what_is_asked_for(world: World, me: Process) -> None:
    uploaded = await me.uploaded("PT2_a.csv", text(5))
    monitor = me.monitor(scans_at_start=False, every=3600)
    async with running(monitor):
        await asyncio.sleep(SOON)
        world.put(PATH, text(1))
        asked = await me.scans.request(ANNA)
        await me.files.read_again(uploaded.file_id, ANNA)
        monitor.look_soon()

        async def is_done() -> bool:
            file = await me.file("/PT2_a.csv", FileOrigin.UPLOAD)
            scan = await me.scans.get(asked.scan_id)
            return scan.status is ScanStatus.COMPLETED and file.status is FileStatus.PROCESSED

        await until(is_done)
        file = await me.file()
        await me.files.read_again(file.file_id, ANNA)
        monitor.look_soon()

        async def is_read_again() -> bool:
            again = await me.file()
            return again.generation == 2 and again.status is FileStatus.PROCESSED

        await until(is_read_again)
    assert len(await scans(me)) == 1


async def test_a_wish_during_a_turn_is_not_lost(world: World, me: Process) -> None:
    monitor = me.monitor(scans_at_start=True, every=3600)
    begun: list[str] = []

    async def count() -> None:
        task = asyncio.current_task()
        if task is not None and task.get_name() == "scans":
            begun.append("transaction")

    def wish() -> None:
        begun.clear()
        monitor.look_soon()

    me.uow.on_begin = count
    world.server.on_leave = wish
    async with running(monitor):

        async def has_looked_again() -> bool:
            return len(begun) == 5  # the end of the scan, what waits; what is due, what waits

        await until(has_looked_again)
        await asyncio.sleep(0.05)
        assert len(begun) == 5


async def test_uploads_are_read_while_a_scan_takes_long(world: World, me: Process) -> None:
    uploaded = await me.uploaded("PT2_a.csv", text(5))
    await me.files.read_again(uploaded.file_id, ANNA)
    world.put(PATH, text(1))

    async def hang(chunk: ChunkKey) -> None:
        if chunk.source.startswith("ftp:"):
            await asyncio.sleep(3600)

    world.sink.after = hang
    async with running(me.monitor(scans_at_start=True, every=SOON)):

        async def is_done() -> bool:
            return (await me.file("/PT2_a.csv", FileOrigin.UPLOAD)).status is FileStatus.PROCESSED

        await until(is_done)
        assert (await scans(me))[0].status is ScanStatus.RUNNING


async def test_when_it_ends_others_may_go_on_at_once(world: World, me: Process) -> None:
    world.put(PATH, text(1))
    stuck = world.hang()
    async with running(me.monitor(scans_at_start=True, every=SOON)):
        await stuck.wait()
    world.sink.after = None
    assert world.all_discarded
    other = Process(world, "other")
    assert await other.scanner.take()
    assert (await other.file()).status is FileStatus.PROCESSED


async def test_an_outage_is_said_once_and_its_end_too(
    world: World, me: Process, caplog: pytest.LogCaptureFixture
) -> None:
    del world
    me.uow.away = True
    with caplog.at_level(logging.INFO, "adapters.pollers.file_monitor"):
        async with running(me.monitor(scans_at_start=False, every=SOON)):
            await some_turns(me)
            me.uow.away = False
            await some_turns(me)
            me.uow.away = True
            await some_turns(me)
    said = [one.getMessage() for one in caplog.records]
    for what in ("scanning", "reading uploads"):
        assert [one for one in said if one.startswith(what)] == [
            f"{what} failed, and is tried again: the database is away",
            f"{what} works again",
            f"{what} failed, and is tried again: the database is away",
        ]


async def test_a_fault_inside_ends_no_loop(
    world: World, me: Process, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("a fault inside")

    me.uow.on_begin = fail
    world.put(PATH, text(1))
    with caplog.at_level(logging.ERROR, "adapters.pollers.file_monitor"):
        async with running(me.monitor(scans_at_start=True, every=SOON)):
            await some_turns(me)
            me.uow.on_begin = None

            async def is_read() -> bool:
                return world.series("PT1") == [1]

            await until(is_read)
    assert "a fault inside" in caplog.text
    said = {one.getMessage() for one in caplog.records}
    assert said == {
        "scanning failed inside, and is tried again",
        "reading uploads failed inside, and is tried again",
    }
