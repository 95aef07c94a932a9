from datetime import timedelta

import pytest

from domain.ingestion.errors import TransferError
from domain.ingestion.files import FileStatus
from domain.ingestion.model import Fault
from domain.ingestion.scans import ScanStatus
from tests.unit.ingestion.files.world import A, B, Process, World, counts, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


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
