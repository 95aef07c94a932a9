import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.files import FileOrigin, FileReceipt
from domain.shared.errors import UnavailableError
from tests.unit.ingestion.files.world import PATH, Process, World, hour, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


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
