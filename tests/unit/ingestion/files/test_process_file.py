import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.errors import ClaimLostError, UnreadableFileError
from domain.ingestion.events import FileEnded
from domain.ingestion.files import CollectionName, FileOrigin, FileReceipt, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey, Fault, SensorId
from domain.ingestion.services import process_file
from domain.ingestion.services.process_file import CLAIM_TERM
from domain.shared.errors import ConflictError, UnavailableError
from tests.unit.ingestion.files.faulty import AWAY, BrokenFormat, KilledError
from tests.unit.ingestion.files.world import ANNA, PATH, Process, World, hour, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


async def test_a_file_is_read_chunk_by_chunk_to_its_end(world: World, me: Process) -> None:
    content = text(1, 2, 3, 4, 5)
    file = await me.claimed()
    told: list[int] = []
    ended = await me.process(file, MemoryLocalFile(content), told.append)
    assert world.series("PT1") == [1, 2, 3, 4, 5]
    assert ended.status is FileStatus.PROCESSED
    assert ended.receipt == receipt(created=5)
    assert (ended.chunks, ended.offset, ended.lines) == (3, len(content), 5)
    assert (ended.first_time, ended.last_time) == (hour(0), hour(4))
    assert (ended.name_meter, ended.size) == ("PT1", len(content))
    assert ended.ended_at == world.clock.now()
    assert told == [38, 76, 95]
    assert ended == await me.file()
    collection = await me.files.collection(CollectionName("site"))
    assert (collection.readings, collection.meters, collection.sensors) == (5, ("PT1",), ("PT1",))


async def test_its_end_is_told_once_with_what_became_of_it(world: World, me: Process) -> None:
    ended = await me.read(text(1, "x", 3))
    (event,) = world.told(FileEnded)
    assert (event.file_id, event.path, event.collection) == (ended.file_id, PATH, "site")
    assert (event.status, event.error) == ("partial", None)
    assert (event.received, event.created, event.updated, event.unchanged, event.rejected) == (3, 2, 0, 0, 1)
    assert (event.first_time, event.last_time) == (hour(0), hour(2))


async def test_each_chunk_has_a_name_of_its_own(world: World, me: Process) -> None:
    ended = await me.read(text(1, 2, 3))
    name = f"{ended.sha256}.1"
    assert world.sink.sent == [ChunkKey(f"ftp:{PATH}", f"{name}.0"), ChunkKey(f"ftp:{PATH}", f"{name}.1")]


async def test_a_bad_line_is_kept_with_its_number_and_the_rest_is_stored(world: World, me: Process) -> None:
    ended = await me.read(text(1, 2, "much", 4, ""))
    assert ended.status is FileStatus.PARTIAL
    assert ended.receipt == receipt(created=3, rejected=1)
    assert world.series("PT1") == [1, 2, 4]
    (reject,) = await me.rejects(ended)
    assert (reject.line, reject.text, reject.code) == (3, "2026-01-01 02:00;much", "not_a_number")


async def test_what_the_store_refuses_is_a_reject_of_its_line(world: World, me: Process) -> None:
    world.sink.refuse.add(SensorId("PT1.b"))
    head = "t;a;b"
    content = b"\n".join([head.encode(), b"2026-01-01 00:00;1;2", b"2026-01-01 01:00;x;4", b""])
    ended = await me.read(content)
    assert ended.status is FileStatus.PARTIAL
    assert ended.receipt == receipt(created=1, rejected=3)
    assert [(one.line, one.code) for one in await me.rejects(ended)] == [
        (2, "refused"),
        (3, "not_a_number"),
        (3, "refused"),
    ]
    assert "PT1.b: this sensor takes nothing" in {one.detail for one in await me.rejects(ended)}
    assert ended.first_time == ended.last_time == hour(0)


async def test_refused_readings_do_not_widen_the_times(world: World, me: Process) -> None:
    world.sink.refuse.add(SensorId("PT1"))
    ended = await me.read(text(1, 2, 3))
    assert ended.receipt == receipt(rejected=3)
    assert (ended.first_time, ended.last_time) == (None, None)


async def test_a_file_of_which_the_store_takes_nothing_has_failed(world: World, me: Process) -> None:
    world.sink.refuse.add(SensorId("PT1"))
    preview = await me.process.preview(FileOrigin.FTP, PATH, MemoryLocalFile(text(1)))
    ended = await me.read(text(1))
    fault = Fault("nothing_stored", "everything in it was refused; its rejects say why")
    assert (ended.status, ended.receipt, ended.error) == (FileStatus.FAILED, receipt(rejected=1), fault)
    assert (preview.receipt, preview.error) == (ended.receipt, fault)
    assert [one.code for one in await me.rejects(ended)] == ["refused"]


async def test_a_file_in_which_nothing_is_to_be_read_is_not_refused(me: Process) -> None:
    ended = await me.read(b"# meter: M7\nt;a\n2026-01-01 00:00;\n")
    assert (ended.status, ended.error, ended.receipt) == (FileStatus.PROCESSED, None, FileReceipt())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_readable_line"),
        (b"nothing\nof use\n", "no_readable_line"),
        (b"PK\x03\x04 and so on", "not_text"),
    ],
)
async def test_a_file_that_is_none_has_failed(world: World, me: Process, content: bytes, code: str) -> None:
    ended = await me.read(content)
    assert ended.status is FileStatus.FAILED
    assert ended.error is not None
    assert ended.error.code == code
    assert ended.receipt.received == ended.receipt.rejected
    assert not world.sink.values
    (event,) = world.told(FileEnded)
    assert (event.status, event.error) == ("failed", code)


async def test_what_was_good_before_a_file_went_bad_stays(world: World) -> None:
    fault = UnreadableFileError("unreadable", "the disk is broken")
    reader = Process(world, "reader", formats=[BrokenFormat(fault)])
    ended = await reader.read(text(1, 2, 3) + b"BREAK", "/site/PT1_1.csv")
    assert (ended.status, ended.error) == (FileStatus.PARTIAL, fault.fault)
    assert ended.receipt == receipt(created=3)
    assert world.series("PT1") == [1, 2, 3]


async def test_a_fault_of_a_parser_fails_the_file(world: World, caplog: pytest.LogCaptureFixture) -> None:
    broken = Process(world, "broken", formats=[BrokenFormat()])
    with caplog.at_level(logging.ERROR):
        ended = await broken.read(b"BREAK", "/site/PT1_1.csv")
    fault = Fault("internal_error", "reading it failed inside; the log says where")
    assert (ended.status, ended.error) == (FileStatus.FAILED, fault)
    assert "a fault of the parser" in caplog.text  # with its trace, for whoever mends it
    after = await broken.read(text(1, 2, 3) + b"BREAK", "/site/PT2_1.csv")
    assert (after.status, after.error, after.receipt) == (FileStatus.PARTIAL, fault, receipt(created=3))
    assert [one.status for one in await broken.all_files()] == [FileStatus.PARTIAL, FileStatus.FAILED]


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


def kill_once_noted(process: Process) -> Callable[[ChunkKey], Awaitable[None]]:
    async def kill(_: ChunkKey) -> None:
        process.kill_after(3)

    return kill


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


async def test_the_same_content_under_another_name_is_a_duplicate(world: World, me: Process) -> None:
    first = await me.read(text(1, 2, 3))
    sent = len(world.sink.sent)
    ended = await me.read(text(1, 2, 3), "/site/PT1_copy.csv")
    assert (ended.status, ended.duplicate_of) == (FileStatus.DUPLICATE, first.file_id)
    assert (ended.receipt, ended.chunks) == (FileReceipt(), 0)
    assert len(world.sink.sent) == sent
    event = world.told(FileEnded)[-1]
    assert (event.path, event.status, event.received) == ("/site/PT1_copy.csv", "duplicate", 0)
    third = await me.read(text(1, 2, 3), "/site/PT1_third.sgl_v2")
    assert third.duplicate_of == first.file_id


@pytest.mark.parametrize(
    ("path", "sensor"),
    [
        ("/site/PT2_2026.sgl_v2", "PT2"),  # another meter by its name
        ("/elsewhere/PT1_2026.sgl_v2", "PT1"),  # another collection
        ("/site/below/PT1_2026.sgl_v2", "PT1"),
        ("/PT1_2026.sgl_v2", "PT1"),
    ],
)
async def test_the_same_content_for_another_meter_or_collection_is_no_duplicate(
    world: World, me: Process, path: str, sensor: str
) -> None:
    await me.read(text(1, 2, 3))
    ended = await me.read(text(1, 2, 3), path)
    assert (ended.status, ended.duplicate_of) == (FileStatus.PROCESSED, None)
    assert world.series(sensor) == [1, 2, 3]


async def test_the_meter_in_the_content_counts_rather_than_the_name(world: World, me: Process) -> None:
    content = text(1, 2, 3, head="# meter: M7")
    first = await me.read(content)
    ended = await me.read(content, "/site/PT2_2026.sgl_v2")
    assert (ended.status, ended.duplicate_of) == (FileStatus.DUPLICATE, first.file_id)
    assert (first.name_meter, set(world.sink.sensors)) == (None, {"M7"})


async def test_a_file_that_failed_or_was_changed_has_no_duplicates(me: Process) -> None:
    assert (await me.read(b"of no use")).status is FileStatus.FAILED
    assert (await me.read(b"of no use", "/site/PT1_b.csv")).status is FileStatus.FAILED
    first = await me.read(text(1), "/site/PT1_c.csv")
    again = await me.files.read_again(first.file_id, ANNA)
    assert again.generation == 2
    # It waits: nothing says that it still has this content.
    assert (await me.read(text(1), "/site/PT1_d.csv")).status is FileStatus.PROCESSED


async def test_a_partial_file_has_duplicates(me: Process) -> None:
    first = await me.read(text(1, "x"))
    assert first.status is FileStatus.PARTIAL
    assert (await me.read(text(1, "x"), "/site/PT1_b.csv")).duplicate_of == first.file_id


async def test_an_uploaded_file_is_a_duplicate_of_one_on_the_server(me: Process) -> None:
    first = await me.read(text(1))
    file = await me.claimed(PATH, FileOrigin.UPLOAD)
    assert (await me.process(file, MemoryLocalFile(text(1)))).duplicate_of == first.file_id


async def test_what_was_cut_off_goes_on_though_another_has_the_same_content(
    world: World, me: Process
) -> None:
    content = text(1, 2, 3)
    world.sink.after = kill_once_noted(me)
    with pytest.raises(KilledError):
        await me.read(content)
    world.sink.after = None
    other = world.restarted()
    assert (await other.file()).chunks == 1
    await other.read(content, "/site/PT1_b.csv")
    ended = await other.read(content)
    assert (ended.status, ended.duplicate_of) == (FileStatus.PROCESSED, None)
    assert ended.receipt == receipt(created=2, unchanged=1)


async def test_a_preview_says_what_reading_would_do_and_writes_nothing(world: World, me: Process) -> None:
    await me.read(text(1, 2, 3))
    before = (await me.all_files(), dict(world.sink.values), list(world.database.events))
    content = text(1, 9, "x", 4, "y", 6)
    told: list[int] = []
    preview = await me.process.preview(
        FileOrigin.IMPORT, "/site/PT1_b.csv", MemoryLocalFile(content), told.append
    )
    assert preview.receipt == receipt(created=2, updated=1, unchanged=1, rejected=2)
    assert (preview.meters, preview.sensors) == (("PT1",), ("PT1",))
    assert (preview.first_time, preview.last_time) == (hour(0), hour(5))
    assert [(one.line, one.code) for one in preview.errors] == [(3, "not_a_number"), (5, "not_a_number")]
    assert (preview.size, preview.error, preview.duplicate_of) == (len(content), None, None)
    assert told == [38, 76, 114]
    assert (await me.all_files(), dict(world.sink.values), list(world.database.events)) == before
    ended = await me.read(content, "/site/PT1_b.csv")
    assert ended.receipt == preview.receipt
    assert ended.sha256 == preview.sha256


async def test_a_preview_of_a_new_meter_registers_nothing(world: World, me: Process) -> None:
    preview = await me.process.preview(FileOrigin.IMPORT, PATH, MemoryLocalFile(text(1, 2, 3)))
    assert preview.receipt == receipt(created=3)
    assert not world.sink.sensors
    assert not world.sink.chunks


async def test_a_preview_shows_the_first_errors_only(me: Process) -> None:
    preview = await me.process.preview(FileOrigin.IMPORT, PATH, MemoryLocalFile(text(1, *["x"] * 50)))
    assert (len(preview.errors), preview.receipt) == (20, receipt(created=1, rejected=50))
    assert [one.line for one in preview.errors] == [*range(2, 22)]


async def test_a_preview_says_what_is_wrong_and_what_is_a_duplicate(me: Process) -> None:
    first = await me.read(text(1, 2))
    copy = await me.process.preview(FileOrigin.IMPORT, "/site/PT1_b.csv", MemoryLocalFile(text(1, 2)))
    assert copy.duplicate_of == first.file_id
    for path in ("/site/PT2_b.csv", "/else/PT1_b.csv"):
        assert (
            await me.process.preview(FileOrigin.IMPORT, path, MemoryLocalFile(text(1, 2)))
        ).duplicate_of is None
    bad = await me.process.preview(FileOrigin.IMPORT, PATH, MemoryLocalFile(b"PK\x03\x04"))
    assert bad.error is not None
    assert (bad.error.code, bad.receipt, bad.first_time) == ("not_text", FileReceipt(), None)


async def test_a_file_brought_again_is_no_duplicate_of_itself(me: Process) -> None:
    local = MemoryLocalFile(text(1, 2))
    first = await me.process(await me.claimed(PATH, FileOrigin.UPLOAD), local)
    again = await me.process.preview(FileOrigin.UPLOAD, PATH, local)
    assert (again.duplicate_of, again.receipt) == (None, receipt(unchanged=2))
    # As a file of the command line it would be another one.
    assert (await me.process.preview(FileOrigin.IMPORT, PATH, local)).duplicate_of == first.file_id


async def test_a_preview_needs_the_store(world: World, me: Process) -> None:
    world.sink.unavailable = True
    with pytest.raises(UnavailableError):
        await me.process.preview(FileOrigin.IMPORT, PATH, MemoryLocalFile(text(1)))
