from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.ingestion.files import (
    MAX_PATH_BYTES,
    CollectionName,
    FileId,
    FileOrigin,
    FileReceipt,
    FileStatus,
    FoundFile,
    MeterFile,
    RejectedLine,
)
from domain.ingestion.model import Fault
from domain.ingestion.ports import IngestionUnitOfWork
from domain.shared.errors import ConflictError, InvalidError
from tests.contract.ingestion.meter_files import (
    ME,
    NOW,
    ONE_SHA,
    OTHER_SHA,
    TERM,
    added,
    claimed,
    kept,
    new_file,
    note,
    noted,
    was_read,
)

BAD = RejectedLine(3, "x;y", "not_a_number", "y is no number")


async def listed(
    uow: IngestionUnitOfWork, status: FileStatus | None = None, collection: str | None = None
) -> list[str]:
    folder = None if collection is None else CollectionName(collection)
    async with uow.begin() as tx:
        files, total = await tx.files.list(status, folder, 100, 0)
    assert total == len(files)
    return [file.path for file in files]


async def test_a_file_comes_back_as_it_was_added(uow: IngestionUnitOfWork) -> None:
    plain = new_file("/north/é;'\"\\ x.csv")
    full = replace(
        new_file("/root.csv", FileOrigin.UPLOAD, size=10**13),
        modified=None,
        sha256=ONE_SHA,
        name_meter="m",
        generation=3,
        claim=10**10,
        chunks=7,
        offset=10**12,
        lines=10**10,
        receipt=FileReceipt(received=10**10, created=1, updated=2, unchanged=3, rejected=4),
        first_time=NOW,
        last_time=NOW + timedelta(days=1),
        duplicate_of=plain.file_id,
        error=Fault("gone", "it is not there"),
        started_at=NOW,
        ended_at=NOW,
        status=FileStatus.FAILED,
    )
    assert list(await added(uow, plain, full)) == ["/", "north"]
    async with uow.begin() as tx:
        assert await tx.files.get(plain.file_id) == plain
        assert await tx.files.get(full.file_id) == full
        assert await tx.files.get(FileId(uuid4())) is None
        assert await tx.files.known(FileOrigin.FTP, [plain.path, full.path, "/x"]) == {plain.path: plain}
        assert await tx.files.known(FileOrigin.UPLOAD, {full.path}) == {full.path: full}
        assert not await tx.files.known(FileOrigin.FTP, [])


async def test_only_collections_that_were_not_there_are_told(uow: IngestionUnitOfWork) -> None:
    assert list(await added(uow, new_file("/b/1.csv"), new_file("/a/1.csv"), new_file("/a/2.csv"))) == [
        "a",
        "b",
    ]
    assert list(await added(uow, new_file("/a/3.csv"), new_file("/a/c/3.csv"))) == ["a/c"]
    assert not await added(uow)


async def test_a_path_is_known_once_for_each_origin(uow: IngestionUnitOfWork) -> None:
    await added(uow, new_file("/a.csv"))
    await added(uow, new_file("/a.csv", FileOrigin.IMPORT))
    with pytest.raises(ConflictError) as refused:
        await added(uow, new_file("/b.csv"), new_file("/a.csv"))
    assert refused.value.code == "file_exists"
    assert await listed(uow) == ["/a.csv", "/a.csv"]


async def test_a_page_of_a_thousand_is_found_again(uow: IngestionUnitOfWork) -> None:
    files = [new_file(f"/{number % 7}/{number}.csv") for number in range(1000)]
    assert len(await added(uow, *files)) == 7
    async with uow.begin() as tx:
        known = await tx.files.known(FileOrigin.FTP, [file.path for file in files] + ["/7/7.csv"])
        first, total = await tx.files.list(None, None, 2, 0)
        waiting = await tx.files.waiting(FileOrigin.FTP, 3)
    assert known == {file.path: file for file in files}
    assert ([file.path for file in first], total) == (["/5/999.csv", "/4/998.csv"], 1000)
    assert [file.path for file in waiting] == ["/0/0.csv", "/1/1.csv", "/2/2.csv"]


async def test_the_longest_path_can_be_known_and_a_longer_one_is_refused(uow: IngestionUnitOfWork) -> None:
    longest = new_file("/" + "é" * ((MAX_PATH_BYTES - 6) // 2) + "/.csv")
    assert len(longest.path.encode()) == MAX_PATH_BYTES
    await added(uow, longest)
    assert await kept(uow, longest) == longest
    with pytest.raises(InvalidError) as refused:
        await added(uow, new_file(longest.path + "x"))
    assert refused.value.code == "path_too_long"


async def test_hostile_text_is_kept_in_some_form(uow: IngestionUnitOfWork) -> None:
    nasty = "\x00\ud800\udcff'; DROP TABLE x"
    path = f"/{nasty}/{nasty}.csv"
    await added(uow, new_file(path), new_file(path))
    async with uow.begin() as tx:
        known = await tx.files.known(FileOrigin.FTP, [path])
    assert known.keys() == {path}
    held = await claimed(uow, known[path])
    one = note(0, rejected=[RejectedLine(1, nasty * 100, "not_a_number", nasty)])
    sensors = [replace(sensor, meter=nasty, sensor_id=nasty + "\U0001f600" * 480) for sensor in one.sensors]
    await noted(uow, held, replace(one, sensors=sensors, name_meter=nasty))
    async with uow.begin() as tx:
        assert await tx.files.identify(held, ONE_SHA, 1)
        assert await tx.files.end(held, FileStatus.PARTIAL, NOW, error=Fault("x", nasty))
        (rejected,), _ = await tx.files.rejects(held.file_id, 10, 0)
        collection = await tx.files.collection(held.collection)
        copy = replace(new_file("/"), collection=held.collection, sha256=ONE_SHA)
        assert await tx.files.same_content(copy, nasty) == held.file_id
    assert "DROP TABLE" in rejected.text
    assert collection is not None
    assert "DROP TABLE" in collection.meters[0]


async def test_files_are_listed_by_what_happened_last(uow: IngestionUnitOfWork) -> None:
    a, b, c = new_file("/x/a.csv"), new_file("/x/b.csv"), new_file("/y/c.csv")
    await added(uow, a, b, c)
    assert await listed(uow) == ["/y/c.csv", "/x/b.csv", "/x/a.csv"]
    held = await claimed(uow, a)
    assert await listed(uow) == ["/x/a.csv", "/y/c.csv", "/x/b.csv"]
    async with uow.begin() as tx:
        await tx.files.found_again({b.file_id: FoundFile(b.path, 100, None)}, changed=False)
    assert await listed(uow) == ["/x/a.csv", "/y/c.csv", "/x/b.csv"], "nothing happened"
    async with uow.begin() as tx:
        await tx.files.end(held, FileStatus.FAILED, NOW)
        await tx.files.found_again({b.file_id: FoundFile(b.path, 101, None)}, changed=True)
    assert await listed(uow) == ["/x/b.csv", "/x/a.csv", "/y/c.csv"]
    assert await listed(uow, FileStatus.FAILED) == ["/x/a.csv"]
    assert await listed(uow, None, "x") == ["/x/b.csv", "/x/a.csv"]
    assert await listed(uow, FileStatus.DISCOVERED, "x") == ["/x/b.csv"]
    assert await listed(uow, FileStatus.PARTIAL) == []
    assert await listed(uow, None, "z") == []
    async with uow.begin() as tx:
        page, total = await tx.files.list(None, None, 1, 1)
    assert ([file.path for file in page], total) == (["/x/a.csv"], 3)


async def test_a_file_that_was_listed_unchanged_stays_what_it_is(uow: IngestionUnitOfWork) -> None:
    file = await was_read(uow, new_file("/a.csv"), ONE_SHA, note(0, rejected=[BAD]))
    async with uow.begin() as tx:
        await tx.files.found_again({}, changed=False)
        await tx.files.found_again({file.file_id: FoundFile(file.path, 90, None)}, changed=False)
        assert await tx.files.get(file.file_id) == replace(file, size=90, modified=None)
        assert (await tx.files.rejects(file.file_id, 10, 0))[1] == 1


async def test_changed_files_wait_as_new_generations(uow: IngestionUnitOfWork) -> None:
    one, other = new_file("/a/1.csv"), new_file("/a/2.csv")
    read = await was_read(uow, one, ONE_SHA, note(0, rejected=[BAD]))
    copy = await was_read(uow, other, ONE_SHA, status=FileStatus.DUPLICATE)
    later = NOW + timedelta(days=1)
    async with uow.begin() as tx:
        again = {file.file_id: FoundFile(file.path, 7 + file.claim, later) for file in (read, copy)}
        await tx.files.found_again(again, changed=True)
    for file in (one, other):
        assert await kept(uow, file) == replace(file, size=8, modified=later, generation=2, claim=1)
    async with uow.begin() as tx:
        assert await tx.files.rejects(one.file_id, 10, 0) == ([], 0)
        whole = await tx.files.collection(CollectionName("a"))
    assert whole is not None
    assert (whole.readings, whole.last_time) == (0, NOW + timedelta(minutes=45)), "it waits to be read anew"


@pytest.mark.parametrize("status", [FileStatus.PROCESSED, FileStatus.DUPLICATE, FileStatus.FAILED])
async def test_a_file_may_be_read_again(uow: IngestionUnitOfWork, status: FileStatus) -> None:
    file = new_file("/a.csv")
    await was_read(uow, file, ONE_SHA, note(0, rejected=[BAD]), status=status)
    async with uow.begin() as tx:
        again = await tx.files.read_again(file.file_id)
    assert again == await kept(uow, file) == replace(file, generation=2, claim=1)
    async with uow.begin() as tx:
        assert await tx.files.rejects(file.file_id, 10, 0) == ([], 0)
        assert await tx.files.waiting(FileOrigin.FTP, 10) == [again]
        assert await tx.files.read_again(FileId(uuid4())) is None


async def test_the_first_with_the_same_content_is_found(uow: IngestionUnitOfWork) -> None:
    first = await was_read(uow, new_file("/a/1.csv"))
    await was_read(uow, replace(new_file("/a/2.csv"), discovered_at=NOW + timedelta(hours=1)))
    await was_read(uow, new_file("/b/1.csv"), OTHER_SHA)
    await was_read(uow, new_file("/a/0.csv"), OTHER_SHA, status=FileStatus.FAILED)
    copy = replace(new_file("/a/3.csv"), sha256=ONE_SHA)
    async with uow.begin() as tx:
        assert await tx.files.same_content(copy, "m") == first.file_id
        assert await tx.files.same_content(replace(copy, collection=CollectionName("b")), "m") is None
        assert await tx.files.same_content(replace(copy, sha256=OTHER_SHA), "m") is None
        assert await tx.files.same_content(replace(copy, sha256=None), "m") is None
        assert await tx.files.same_content(first, "m") not in (first.file_id, None)
        await tx.files.read_again(first.file_id)
        assert await tx.files.same_content(copy, "m") not in (first.file_id, None)


async def test_content_that_does_not_name_its_meter_is_the_same_for_that_meter_only(
    uow: IngestionUnitOfWork,
) -> None:
    by_name = replace(note(0), name_meter="m1")
    first = await was_read(uow, new_file("/a/m1_1.csv"), ONE_SHA, by_name, note(1))
    assert first.name_meter == "m1"
    copy = replace(new_file("/a/m2_1.csv"), sha256=ONE_SHA)
    async with uow.begin() as tx:
        assert await tx.files.same_content(copy, "m1") == first.file_id
        assert await tx.files.same_content(copy, "m2") is None


async def test_the_last_read_and_the_totals(uow: IngestionUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.files.last() is None
        nothing = await tx.files.totals()
    assert (nothing.bytes_read, nothing.receipt) == (0, FileReceipt())
    assert set(nothing.files) == set(FileStatus)
    await was_read(uow, new_file("/1.csv"), ONE_SHA, note(0), note(1), at=NOW + timedelta(hours=2))
    await was_read(uow, new_file("/2.csv"), ONE_SHA, note(0, rejected=[BAD]), status=FileStatus.PARTIAL)
    await was_read(uow, new_file("/3.csv"), ONE_SHA, status=FileStatus.DUPLICATE, at=NOW + timedelta(hours=3))
    await added(uow, new_file("/4.csv"))
    async with uow.begin() as tx:
        last = await tx.files.last()
        totals, counts = await tx.files.totals(), await tx.files.counts()
    assert last is not None
    assert last.path == "/1.csv"
    assert {status: number for status, number in counts.items() if number} == {
        FileStatus.PROCESSED: 1,
        FileStatus.PARTIAL: 1,
        FileStatus.DUPLICATE: 1,
        FileStatus.DISCOVERED: 1,
    }
    assert totals.files == counts
    assert totals.bytes_read == 30
    assert totals.receipt == FileReceipt(received=13, created=3, updated=6, unchanged=3, rejected=1)


async def test_collections_hold_what_their_files_do(uow: IngestionUnitOfWork) -> None:
    await was_read(uow, new_file("/b/1.csv"), ONE_SHA, note(0, created=5))
    await was_read(uow, new_file("/b/2.csv"), OTHER_SHA, note(0), note(1))
    await added(uow, new_file("/a/1.csv"))
    async with uow.begin() as tx:
        page, total = await tx.files.collections(10, 0)
        second, _ = await tx.files.collections(1, 1)
        assert await tx.files.collection(CollectionName("nobody")) is None
        assert await tx.files.collection(CollectionName("b")) == page[1]
    assert ([one.name for one in page], total) == (["a", "b"], 2)
    assert second == page[1:]
    empty, full = page
    assert (empty.files, list(empty.meters), empty.readings, empty.first_time) == (1, [], 0, None)
    assert (full.files, list(full.meters), list(full.sensors)) == (2, ["m1"], ["m1.0", "m1.1", "m1.a"])
    assert full.readings == 5 + 3 + 2 * (1 + 3)
    assert (full.first_time, full.last_time) == (NOW, NOW + timedelta(hours=1, minutes=45))


async def test_a_collection_counts_a_file_that_grew_once(uow: IngestionUnitOfWork) -> None:
    await was_read(uow, new_file("/a/2.csv"), OTHER_SHA, note(0))
    file = await was_read(uow, new_file("/a/1.csv"), ONE_SHA, note(0, created=4))
    async with uow.begin() as tx:
        grown = FoundFile(file.path, file.size + 10, NOW + timedelta(days=1))
        await tx.files.found_again({file.file_id: grown}, changed=True)
    held = await claimed(uow, file)
    grew = replace(note(0).receipt, received=9, created=2, updated=0, unchanged=7)
    await noted(uow, held, replace(note(0), receipt=grew))
    async with uow.begin() as tx:
        whole = await tx.files.collection(CollectionName("a"))
    assert whole is not None
    assert (whole.files, whole.readings) == (2, 4 + 9)


async def test_what_rolls_back_is_not_kept(uow: IngestionUnitOfWork) -> None:
    file = new_file("/a/1.csv")

    async def fail() -> None:
        async with uow.begin() as tx:
            await tx.files.add([file])
            held = await tx.files.claim(file.file_id, ME, TERM)
            assert isinstance(held, MeterFile)
            assert await tx.files.note_chunk(held, note(0, rejected=[BAD]), TERM)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with uow.begin() as tx:
        assert await tx.files.get(file.file_id) is None
        assert await tx.files.collections(10, 0) == ([], 0)
        assert await tx.files.rejects(file.file_id, 10, 0) == ([], 0)
    assert await added(uow, file) == ["a"]
