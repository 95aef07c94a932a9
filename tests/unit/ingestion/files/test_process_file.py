import logging

import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.errors import UnreadableFileError
from domain.ingestion.events import FileEnded
from domain.ingestion.files import CollectionName, FileOrigin, FileReceipt, FileStatus
from domain.ingestion.model import ChunkKey, Fault, SensorId
from tests.unit.ingestion.files.faulty import BrokenFormat
from tests.unit.ingestion.files.world import PATH, Process, World, hour, receipt, text

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
