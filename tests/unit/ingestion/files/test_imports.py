import pytest

from adapters.memory.file_server import MemoryLocalFile
from domain.ingestion.events import CollectionFound, FileEnded
from domain.ingestion.files import FileOrigin, FileReceipt, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey
from domain.shared.errors import ConflictError, UnavailableError
from tests.unit.ingestion.files.faulty import KilledError
from tests.unit.ingestion.files.world import ANNA, PATH, Process, World, kill_once_noted, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


async def imported(process: Process, content: bytes, path: str = PATH) -> MeterFile:
    return await process.importing(path, MemoryLocalFile(content), lambda _done, _of: None)


async def test_a_file_of_this_machine_is_read_by_the_same_rules(world: World, me: Process) -> None:
    local = MemoryLocalFile(content := text(1, 2, "x"))
    told: list[tuple[int, int]] = []
    ended = await me.importing(PATH, local, lambda done, of: told.append((done, of)))
    assert (ended.origin, ended.status, ended.path) == (FileOrigin.IMPORT, FileStatus.PARTIAL, PATH)
    assert (ended.receipt, ended.size) == (receipt(created=2, rejected=1), len(content))
    assert told == [(38, 57), (57, 57)]
    assert [type(one) for one in world.database.events] == [CollectionFound, FileEnded]
    assert [one.source for one in world.sink.sent] == [f"import:{PATH}"]
    assert not local.is_discarded  # it is somebody's own; whoever copied it throws it away


async def test_a_file_imported_again_is_read_anew(me: Process) -> None:
    first = await imported(me, text(1, 2))
    again = await imported(me, text(1, 2, 3))
    assert (again.file_id, again.generation) == (first.file_id, 2)
    assert again.receipt == receipt(unchanged=2, created=1)
    same = await imported(me, text(1, 2, 3))
    assert (same.status, same.receipt) == (FileStatus.PROCESSED, receipt(unchanged=3))


async def test_a_file_that_is_there_by_another_way_is_a_duplicate(world: World, me: Process) -> None:
    world.put(PATH, text(1, 2))
    await me.scan()
    ended = await imported(me, text(1, 2))
    assert (ended.status, ended.duplicate_of) == (FileStatus.DUPLICATE, (await me.file()).file_id)


async def test_an_import_that_was_cut_off_goes_on(world: World, me: Process) -> None:
    world.sink.after = kill_once_noted(me)
    with pytest.raises(KilledError):
        await imported(me, text(1, 2, 3, 4, 5))
    world.sink.after = None
    other = world.restarted()
    ended = await imported(other, text(1, 2, 3, 4, 5))
    assert (ended.generation, ended.receipt) == (1, receipt(created=5))
    assert [one.chunk[-1] for one in world.sink.sent] == ["0", "1", "2"]


async def test_a_file_that_another_process_reads_is_busy(world: World, me: Process) -> None:
    tried: list[int] = []

    async def import_meanwhile(_: ChunkKey) -> None:
        world.sink.after = None
        with pytest.raises(ConflictError) as refused:
            await imported(Process(world, "other"), text(7))
        assert refused.value.code == "file_busy"
        tried.append(7)

    world.sink.after = import_meanwhile
    assert (await imported(me, text(1, 2, 3))).receipt == receipt(created=3)
    assert tried


async def test_who_loses_a_file_to_another_is_told_that_it_is_busy(world: World, me: Process) -> None:
    async def lose(_: ChunkKey) -> None:
        world.sink.after = None
        world.pass_minutes()
        await imported(Process(world, "other"), text(1, 2, 3))

    world.sink.after = lose
    with pytest.raises(ConflictError) as refused:
        await imported(me, text(1, 2, 3))
    assert refused.value.code == "file_busy"
    assert (await me.file(PATH, FileOrigin.IMPORT)).receipt == receipt(created=3)


async def test_a_store_that_stays_away_leaves_the_file_free(world: World, me: Process) -> None:
    world.sink.unavailable = True
    with pytest.raises(UnavailableError):
        await imported(me, text(1))
    left = await me.file(PATH, FileOrigin.IMPORT)
    assert (left.status, left.receipt) == (FileStatus.DISCOVERED, FileReceipt())
    world.sink.unavailable = False
    assert (await imported(Process(world, "other"), text(1))).receipt == receipt(created=1)


async def test_an_imported_file_cannot_be_read_again_here(world: World, me: Process) -> None:
    ended = await imported(me, text(1))
    with pytest.raises(ConflictError) as refused:
        await me.files.read_again(ended.file_id, ANNA)
    assert refused.value.code == "content_gone"
    assert await me.file(PATH, FileOrigin.IMPORT) == ended
    assert not world.database.audit


async def test_a_dry_run_says_what_would_be_and_writes_nothing(world: World, me: Process) -> None:
    told: list[tuple[int, int]] = []
    local = MemoryLocalFile(text(1, 2, "x"))
    preview = await me.importing.preview(PATH, local, lambda done, of: told.append((done, of)))
    assert preview.receipt == receipt(created=2, rejected=1)
    assert told == [(38, 57), (57, 57)]
    assert not await me.all_files()
    assert not world.database.events
    assert not world.sink.values
    assert not world.sink.sensors


async def test_a_dry_run_of_the_same_path_is_no_duplicate_of_it(me: Process) -> None:
    first = await imported(me, text(1, 2))
    for path, duplicate_of in ((PATH, None), ("/site/PT1_b.csv", first.file_id)):
        preview = await me.importing.preview(path, MemoryLocalFile(text(1, 2)), lambda _done, _of: None)
        assert preview.duplicate_of == duplicate_of
