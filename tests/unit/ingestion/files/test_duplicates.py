import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.events import FileEnded
from domain.ingestion.files import FileOrigin, FileReceipt, FileStatus
from tests.unit.ingestion.files.faulty import KilledError
from tests.unit.ingestion.files.world import ANNA, PATH, Process, World, kill_once_noted, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


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
