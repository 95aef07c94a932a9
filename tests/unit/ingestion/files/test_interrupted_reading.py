import asyncio
from datetime import timedelta

import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.errors import ClaimLostError
from domain.ingestion.events import FileEnded
from domain.ingestion.files import CollectionName, FileReceipt, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey, Fault
from domain.ingestion.services import process_file
from domain.ingestion.services.process_file import CLAIM_TERM
from domain.shared.errors import ConflictError, UnavailableError
from tests.unit.ingestion.files.faulty import AWAY, KilledError
from tests.unit.ingestion.files.world import PATH, Process, World, kill_once_noted, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


async def test_a_process_killed_after_a_chunk_was_stored_loses_and_doubles_nothing(
    world: World, me: Process
) -> None:
    """Between the store's commit and the note of it here."""
    content = text(1, 2, 3, 4, 5)

    async def die_after_second(chunk: ChunkKey) -> None:
        if chunk.chunk.endswith(".1"):
            me.kill_after(0)

    world.sink.after = die_after_second
    with pytest.raises(KilledError):
        await me.read(content)
    world.sink.after = None
    other = world.restarted()
    left = await other.file()
    assert (left.status, left.chunks, left.offset) == (FileStatus.PROCESSING, 1, 38)
    assert world.series("PT1") == [1, 2, 3, 4]  # stored, though not noted
    ended = await other.read(content)
    assert (ended.status, ended.receipt, ended.lines) == (FileStatus.PROCESSED, receipt(created=5), 5)
    assert world.series("PT1") == [1, 2, 3, 4, 5]
    assert [one.chunk[-1] for one in world.sink.sent] == ["0", "1", "1", "2"]
    assert len(world.sink.batches) == 3
    assert (await other.files.collection(CollectionName("site"))).readings == 5


async def killed_and_read_again(contacts: int) -> tuple[World, bool]:
    """A world in which a file was read by a process that was killed somewhere, and then by another."""
    world = World()
    world.put(PATH, content := text(1, 2, "x", 4, 5))
    file = await world.me.claimed()
    world.me.kill_after(contacts)
    killed = False
    try:
        await world.me.process(file, MemoryLocalFile(content))
    except KilledError:
        killed = True
    other = world.restarted()
    left = await other.file()
    if left.status is FileStatus.PROCESSING:
        await other.read(content)
    return world, killed


async def test_wherever_a_process_is_killed_the_file_is_read_once() -> None:
    contacts = 0
    while True:
        world, was_killed = await killed_and_read_again(contacts)
        other = Process(world, "looks")
        file = await other.file()
        assert (file.status, file.receipt) == (FileStatus.PARTIAL, receipt(created=4, rejected=1)), contacts
        assert (file.chunks, file.lines) == (3, 5)
        assert [one.line for one in await other.rejects(file)] == [3]
        assert world.series("PT1") == [1, 2, 4, 5]
        assert (await other.files.collection(CollectionName("site"))).readings == 4
        assert len(world.told(FileEnded)) == 1
        if not was_killed:
            break
        contacts += 1
    assert contacts > 15  # before, in and after each transaction, and around each chunk


async def read_while_held(process: Process, file: MeterFile, content: bytes) -> MeterFile:
    async with process.process.held(file):
        return await process.process(file, MemoryLocalFile(content))


async def test_chunks_that_are_noted_are_not_sent_again(world: World, me: Process) -> None:
    content = text(1, 2, 3, 4, 5)
    file = await me.claimed()

    async def go_away(chunk: ChunkKey) -> None:
        me.uow.away = chunk.chunk.endswith(".2")

    world.sink.after = go_away
    with pytest.raises(UnavailableError):
        await read_while_held(me, file, content)
    me.uow.away, world.sink.after = False, None
    sent = len(world.sink.sent)
    world.pass_minutes()
    ended = await me.read(content)
    assert [one.chunk[-1] for one in world.sink.sent[sent:]] == ["2"]
    assert (ended.receipt, ended.claim) == (receipt(created=5), 2)


async def test_other_content_in_the_middle_begins_anew(world: World, me: Process) -> None:
    world.sink.after = kill_once_noted(me)
    with pytest.raises(KilledError):
        await me.read(text(1, "x", 3, 4))
    world.sink.after = None
    other = world.restarted()
    left = await other.file()
    assert (left.chunks, left.receipt) == (1, receipt(created=1, rejected=1))
    ended = await other.read(text(1, 7, 8))
    assert (ended.generation, ended.status) == (2, FileStatus.PROCESSED)
    assert ended.receipt == receipt(created=2, unchanged=1)
    assert not await other.rejects(ended)
    assert world.series("PT1") == [1, 7, 8]


async def test_who_has_lost_the_claim_notes_nothing_more(world: World, me: Process) -> None:
    content = text(1, 2, 3, 4, 5)
    file = await me.claimed()
    other = Process(world, "other")

    world.pass_minutes()
    await other.read(content)
    with pytest.raises(ClaimLostError):
        await me.process(file, MemoryLocalFile(content))
    assert (await me.file()).receipt == receipt(created=5)
    assert len(world.told(FileEnded)) == 1


async def test_a_claim_that_is_lost_between_two_chunks_doubles_nothing(world: World, me: Process) -> None:
    content = text(1, 2, 3, 4, 5)
    other = Process(world, "other")
    taken: list[MeterFile] = []

    async def lose_it(chunk: ChunkKey) -> None:
        if chunk.chunk.endswith(".1"):
            world.sink.after = None
            world.pass_minutes()
            taken.append(await other.claimed())

    world.sink.after = lose_it
    with pytest.raises(ClaimLostError):
        await me.read(content)
    (held,) = taken
    assert [one.chunk[-1] for one in world.sink.sent] == ["0", "1"]  # and not on to the end
    assert await me.file() == held  # with one chunk that is noted
    ended = await other.process(held, MemoryLocalFile(content))
    assert (ended.receipt, ended.status) == (receipt(created=5), FileStatus.PROCESSED)
    assert world.series("PT1") == [1, 2, 3, 4, 5]
    assert len(world.sink.batches) == 3


async def test_the_end_of_a_file_whose_claim_is_lost_is_not_told(world: World, me: Process) -> None:
    file = await me.claimed()
    world.pass_minutes()
    await Process(world, "other").claimed()
    with pytest.raises(ClaimLostError):
        await me.process.put_off(file, FileStatus.FAILED, Fault("gone", "it is gone"))
    assert not world.told(FileEnded)
    assert (await me.file()).status is FileStatus.PROCESSING


async def test_a_claim_is_kept_while_something_takes_long(
    world: World, me: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Process(world, "other")
    file = await me.claimed()
    world.clock.advance(CLAIM_TERM * 0.9)
    monkeypatch.setattr(process_file, "CLAIM_TERM", timedelta(seconds=0.03))
    async with me.process.held(file):
        await asyncio.sleep(0.05)  # prolonged by the short term; the clock stands still
        world.clock.advance(timedelta(seconds=0.02))
        me.uow.away = True
        await asyncio.sleep(0.05)  # not this time
        me.uow.away = False
        await asyncio.sleep(0.05)
        world.clock.advance(timedelta(seconds=0.02))
        assert await other.process.claim(file.file_id) is None
    await asyncio.sleep(0.05)
    world.clock.advance(timedelta(seconds=0.02))
    assert await other.process.claim(file.file_id) is not None  # nobody prolongs it any more


async def test_who_leaves_a_file_by_an_error_lets_others_try_at_once(world: World, me: Process) -> None:
    other = Process(world, "other")
    file = await me.claimed()
    with pytest.raises(RuntimeError, match="something"):
        async with me.process.held(file):
            raise RuntimeError("something")
    assert (await me.file()).status is FileStatus.DISCOVERED
    assert await other.process.claim(file.file_id) is not None
    assert not world.told(FileEnded)


async def test_who_has_lost_a_file_leaves_it_to_the_other(world: World, me: Process) -> None:
    file = await me.claimed()
    world.pass_minutes()
    taken = await Process(world, "other").claimed()
    with pytest.raises(ClaimLostError):
        await read_while_held(me, file, text(1))
    assert await me.file() == taken


async def test_a_file_cannot_be_given_back_to_a_database_that_is_away(world: World, me: Process) -> None:
    file = await me.claimed()
    me.uow.away = True
    with pytest.raises(UnavailableError):
        await read_while_held(me, file, text(1))
    me.uow.away = False
    assert (await me.file()).status is FileStatus.PROCESSING
    world.pass_minutes()
    assert await Process(world, "other").process.claim(file.file_id) is not None


@pytest.mark.parametrize("error", [AWAY, ConflictError("busy", "another writes the same")])
async def test_a_chunk_is_sent_again_while_it_cannot_be_stored(
    world: World, me: Process, error: UnavailableError | ConflictError
) -> None:
    world.sink.failures = [error] * 7
    ended = await me.read(text(1, 2, 3))
    assert (ended.status, ended.receipt) == (FileStatus.PROCESSED, receipt(created=3))
    assert len(world.sink.sent) == 9
    assert set(world.sink.sent) == set(world.sink.chunks)


async def test_a_store_that_stays_away_leaves_the_file_for_later(world: World, me: Process) -> None:
    file = await me.claimed()
    world.sink.failures = [AWAY] * 8
    with pytest.raises(UnavailableError):
        await read_while_held(me, file, text(1, 2, 3))
    left = await me.file()
    assert (left.status, left.chunks, left.receipt) == (FileStatus.DISCOVERED, 0, FileReceipt())
    assert len(world.sink.sent) == 8
    assert (await me.read(text(1, 2, 3))).receipt == receipt(created=3)
