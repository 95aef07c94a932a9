import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.memory.contents import ContentsState
from adapters.pollers.meter_files import delimited
from domain.ingestion.events import CollectionFound, FileEnded, FileReadAgain, FileUploaded
from domain.ingestion.files import CollectionName, FileId, FileOrigin, FileReceipt, FileStatus, MeterFile
from domain.ingestion.model import ChunkKey
from domain.ingestion.services import upload_file
from domain.shared.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from tests.unit.ingestion.files.faulty import KilledError
from tests.unit.ingestion.files.world import ANNA, Process, World, blocks, kill_once_noted, receipt, text

NAME, PATH = "PT1_2026.sgl_v2", "/PT1_2026.sgl_v2"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines a chunk, ten bytes a part."""
    monkeypatch.setattr(delimited, "CHUNK_READINGS", 2)
    monkeypatch.setattr(upload_file, "PART", 10)


async def parts(world: World, file: MeterFile) -> list[bytes]:
    """The parts of a file's content that are kept."""
    async with world.database.transaction() as session:
        kept = session.state(ContentsState).parts
        return [part for (file_id, _), part in sorted(kept.items()) if file_id == file.file_id]


async def uploaded_file(process: Process, path: str = PATH) -> MeterFile:
    return await process.file(path, FileOrigin.UPLOAD)


async def test_an_uploaded_file_is_read_at_once(world: World, me: Process) -> None:
    content = text(1, 2, "x", 4, 5)
    ended = await me.uploaded(NAME, content, "site/2026")
    assert (ended.path, ended.collection, ended.origin) == (
        f"/site/2026/{NAME}",
        "site/2026",
        FileOrigin.UPLOAD,
    )
    assert (ended.status, ended.receipt) == (FileStatus.PARTIAL, receipt(created=4, rejected=1))
    assert ended.size == len(content)
    assert world.series("PT1") == [1, 2, 4, 5]
    assert world.all_discarded
    assert len(world.spool.kept) == 1
    (sent,) = {one.source for one in world.sink.sent}
    assert sent == f"upload:/site/2026/{NAME}"


async def test_an_upload_is_told_with_who_did_it(world: World, me: Process) -> None:
    ended = await me.uploaded(NAME, text(1))
    (uploaded,) = world.told(FileUploaded)
    assert (uploaded.actor, uploaded.file_id, uploaded.path) == (ANNA, ended.file_id, PATH)
    assert (uploaded.sha256, uploaded.subject) == (ended.sha256, str(ended.file_id))
    assert world.database.audit == [uploaded]
    assert [type(one) for one in world.database.events] == [CollectionFound, FileUploaded, FileEnded]
    await me.uploaded(NAME, text(1))
    assert len(world.told(CollectionFound)) == 1


@pytest.mark.parametrize("block", [1, 7, 10, 1_000])
async def test_its_content_is_kept_whole_in_parts_of_one_size(world: World, me: Process, block: int) -> None:
    content = text(1, 2, 3)
    ended = await me.uploaded(NAME, content, block=block)
    kept = await parts(world, ended)
    assert b"".join(kept) == content
    assert [len(one) for one in kept] == [10] * (len(content) // 10) + [len(content) % 10]


async def test_an_empty_file_is_kept_and_has_failed(world: World, me: Process) -> None:
    ended = await me.uploaded(NAME, b"")
    assert (ended.status, ended.size) == (FileStatus.FAILED, 0)
    assert await parts(world, ended) == []
    assert world.all_discarded
    again = await me.files.read_again(ended.file_id, ANNA)
    assert again.status is FileStatus.DISCOVERED
    await me.upload.read_waiting()
    assert (await uploaded_file(me)).status is FileStatus.FAILED


async def test_the_same_path_again_is_the_same_file_read_anew(world: World, me: Process) -> None:
    first = await me.uploaded(NAME, text(1, 2, "x", 4, 5))
    again = await me.uploaded(NAME, shorter := text(1, 7))
    assert (again.file_id, again.generation, again.size) == (first.file_id, 2, len(shorter))
    assert (again.status, again.receipt) == (FileStatus.PROCESSED, receipt(unchanged=1, updated=1))
    assert not await me.rejects(again)
    assert b"".join(await parts(world, again)) == shorter  # and nothing of the longer one
    same = await me.uploaded(NAME, shorter)
    assert (same.status, same.receipt, same.duplicate_of) == (
        FileStatus.PROCESSED,
        receipt(unchanged=2),
        None,
    )


async def test_the_same_content_under_another_name_is_a_duplicate(world: World, me: Process) -> None:
    first = await me.uploaded(NAME, text(1, 2))
    copy = await me.uploaded("PT1_copy.csv", text(1, 2))
    assert (copy.status, copy.duplicate_of) == (FileStatus.DUPLICATE, first.file_id)
    assert b"".join(await parts(world, copy)) == text(1, 2)
    assert (await me.uploaded(NAME, text(1, 2), "other")).status is FileStatus.PROCESSED


async def test_a_file_that_is_being_read_is_busy(world: World, me: Process) -> None:
    tried: list[int] = []

    async def upload_meanwhile(_: ChunkKey) -> None:
        world.sink.after = None
        with pytest.raises(ConflictError) as refused:
            await Process(world, "other").uploaded(NAME, text(7))
        assert refused.value.code == "file_busy"
        (file,) = await me.all_files()
        with pytest.raises(ConflictError) as refused:
            await me.files.read_again(file.file_id, ANNA)
        assert refused.value.code == "file_busy"
        await me.upload.read_waiting()
        tried.append(7)

    world.sink.after = upload_meanwhile
    ended = await me.uploaded(NAME, content := text(1, 2, 3))
    assert (ended.receipt, ended.claim) == (receipt(created=3), 1)
    assert b"".join(await parts(world, ended)) == content
    assert world.all_discarded
    assert len(world.told(FileUploaded)) == len(tried) == 1


async def test_who_loses_a_file_to_another_is_told_that_it_is_busy(world: World, me: Process) -> None:
    other = Process(world, "other")

    async def lose(_: ChunkKey) -> None:
        world.sink.after = None
        world.pass_minutes()
        await other.upload.read_waiting()

    world.sink.after = lose
    with pytest.raises(ConflictError) as refused:
        await me.uploaded(NAME, text(1, 2, 3))
    assert refused.value.code == "file_busy"
    assert (await uploaded_file(me)).receipt == receipt(created=3)
    assert world.all_discarded


async def test_a_path_that_is_too_long_is_refused_and_nothing_is_kept(world: World, me: Process) -> None:
    with pytest.raises(InvalidError) as refused:
        await me.uploaded(f"{'x' * 2_000}.csv", text(1))
    assert refused.value.code == "path_too_long"
    assert world.all_discarded
    assert not world.database.events


async def test_an_upload_that_breaks_off_is_not_known(world: World, me: Process) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield text(1, 2)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await me.upload(NAME, broken(), ANNA)
    assert not await me.all_files()
    assert not world.database.events


async def test_an_upload_while_the_database_is_away_is_not_known(world: World, me: Process) -> None:
    me.uow.away = True
    with pytest.raises(UnavailableError):
        await me.uploaded(NAME, text(1))
    me.uow.away = False
    assert not await me.all_files()
    assert world.all_discarded


async def test_an_upload_is_known_with_all_of_its_content_or_not_at_all() -> None:
    """Wherever its process is killed."""
    content = text(1, 2, 3, 4, 5)
    contacts, seen = 0, set()
    while True:
        world = World()
        world.me.kill_after(contacts)
        killed = False
        try:
            await world.me.uploaded(NAME, content)
        except KilledError:
            killed = True
        other = world.restarted()
        await other.upload.read_waiting()
        known = await other.all_files()
        seen.add(bool(known))
        for file in known:
            assert b"".join(await parts(world, file)) == content
            assert (file.status, file.receipt) == (FileStatus.PROCESSED, receipt(created=5)), contacts
            assert world.series("PT1") == [1, 2, 3, 4, 5]
            assert len(world.told(FileEnded)) == len(world.told(FileUploaded)) == 1
        assert world.series("PT1") == ([1, 2, 3, 4, 5] if known else [])
        if not killed:
            break
        contacts += 1
    assert seen == {True, False}
    assert contacts > 10


async def test_a_cancelled_upload_is_read_by_another_at_once(world: World, me: Process) -> None:
    stuck = world.hang()
    uploading = asyncio.create_task(me.uploaded(NAME, text(1, 2, 3)))
    await stuck.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    assert world.all_discarded
    world.sink.after = None
    other = Process(world, "other")
    await other.upload.read_waiting()
    ended = await uploaded_file(other)
    assert (ended.status, ended.receipt) == (FileStatus.PROCESSED, receipt(created=3))
    assert len(world.sink.batches) == 2
    assert world.all_discarded


async def test_what_was_cut_off_goes_on_when_it_is_uploaded_again(world: World, me: Process) -> None:
    world.sink.after = kill_once_noted(me)
    with pytest.raises(KilledError):
        await me.uploaded(NAME, text(1, 2, 3))
    world.sink.after = None
    other = world.restarted()
    assert (await uploaded_file(other)).chunks == 1
    ended = await other.uploaded(NAME, text(1, 2, 3))
    assert (ended.generation, ended.receipt) == (1, receipt(created=3))
    assert [one.chunk[-1] for one in world.sink.sent] == ["0", "1"]


async def test_a_store_that_is_away_leaves_the_upload_for_later(world: World, me: Process) -> None:
    world.sink.unavailable = True
    with pytest.raises(UnavailableError):
        await me.uploaded(NAME, text(1, 2))
    left = await uploaded_file(me)
    assert (left.status, left.receipt) == (FileStatus.DISCOVERED, FileReceipt())
    with pytest.raises(UnavailableError):
        await me.upload.read_waiting()
    assert (await uploaded_file(me)).status is FileStatus.DISCOVERED
    world.sink.unavailable = False
    await me.upload.read_waiting()
    assert (await uploaded_file(me)).receipt == receipt(created=2)
    assert world.all_discarded
    assert len(world.spool.kept) == 3


async def test_an_uploaded_file_is_read_again_from_what_is_kept(world: World, me: Process) -> None:
    first = await me.uploaded(NAME, text(1, "x", 3))
    waiting = await me.files.read_again(first.file_id, ANNA)
    assert (waiting.status, waiting.generation) == (FileStatus.DISCOVERED, 2)
    assert waiting.receipt == FileReceipt()
    assert not await me.rejects(waiting)
    (asked,) = world.told(FileReadAgain)
    assert (asked.actor, asked.file_id, asked.subject) == (ANNA, first.file_id, str(first.file_id))
    await Process(world, "other").upload.read_waiting()
    again = await uploaded_file(me)
    assert (again.status, again.receipt) == (FileStatus.PARTIAL, receipt(unchanged=2, rejected=1))
    assert again.sha256 == first.sha256
    assert [one.line for one in await me.rejects(again)] == [2]
    assert world.all_discarded


async def test_one_that_is_lost_to_another_keeps_no_other_from_being_read(world: World, me: Process) -> None:
    for name in (NAME, "PT2_a.csv"):
        await me.files.read_again((await me.uploaded(name, text(1, 2, 3))).file_id, ANNA)

    async def lose(_: ChunkKey) -> None:
        world.sink.after = None
        world.pass_minutes()
        await Process(world, "other").claimed(PATH, FileOrigin.UPLOAD)

    world.sink.after = lose
    await me.upload.read_waiting()
    assert (await uploaded_file(me)).status is FileStatus.PROCESSING  # by the other
    assert (await uploaded_file(me, "/PT2_a.csv")).receipt == receipt(unchanged=3)
    assert world.all_discarded


async def test_nothing_that_is_read_is_read_again_by_itself(world: World, me: Process) -> None:
    await me.uploaded(NAME, text(1))
    await me.uploaded("PT2_bad.csv", b"no meter file")
    await me.upload.read_waiting()
    assert len(world.spool.kept) == 2


async def test_files_of_the_server_and_the_command_line_are_not_read_as_uploads(
    world: World, me: Process
) -> None:
    await me.claimed(PATH, FileOrigin.FTP)
    await me.claimed(PATH, FileOrigin.IMPORT)
    world.pass_minutes()
    await me.upload.read_waiting()
    assert {one.status for one in await me.all_files()} == {FileStatus.PROCESSING}
    assert not world.spool.kept


async def test_what_is_not_known_cannot_be_read_again(me: Process) -> None:
    with pytest.raises(NotFoundError) as unknown:
        await me.files.read_again(FileId(me.world.ids.new()), ANNA)
    assert unknown.value.code == "unknown_file"


async def test_a_preview_of_an_upload_keeps_nothing(world: World, me: Process) -> None:
    preview = await me.upload.preview(NAME, blocks(text(1, 2, "x")), CollectionName("site"))
    assert (preview.path, preview.receipt) == (f"/site/{NAME}", receipt(created=2, rejected=1))
    assert not await me.all_files()
    assert not world.database.events
    assert not world.sink.values
    assert not world.sink.sensors
    async with world.database.transaction() as session:
        assert not session.state(ContentsState).parts
    assert len(world.spool.kept) == 1
    assert world.all_discarded


async def test_a_preview_of_the_same_path_is_no_duplicate_of_it(me: Process) -> None:
    first = await me.uploaded(NAME, text(1, 2))
    assert (await me.upload.preview(NAME, blocks(text(1, 2)))).duplicate_of is None
    copy = await me.upload.preview("PT1_b.csv", blocks(text(1, 2)))
    assert (copy.duplicate_of, copy.receipt) == (first.file_id, FileReceipt())


async def test_a_preview_that_fails_leaves_no_copy(world: World, me: Process) -> None:
    world.sink.unavailable = True
    with pytest.raises(UnavailableError):
        await me.upload.preview(NAME, blocks(text(1)))
    assert world.all_discarded
    assert len(world.spool.kept) == 1
