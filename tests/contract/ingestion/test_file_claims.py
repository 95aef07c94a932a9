import asyncio
from dataclasses import replace

import pytest

from domain.ingestion.files import (
    FileId,
    FileOrigin,
    FileStatus,
    FoundFile,
    MeterFile,
    RejectedLine,
)
from domain.ingestion.model import Fault
from domain.ingestion.ports import IngestionUnitOfWork
from tests.contract.ingestion.meter_files import (
    LAPSED,
    ME,
    NOW,
    ONE_SHA,
    OTHER,
    OTHER_SHA,
    TERM,
    added,
    claimed,
    kept,
    new_file,
    note,
    noted,
)

FILE = "/a/1.csv"


def bad(line: int, text: str = "x") -> RejectedLine:
    return RejectedLine(line, text, "not_a_number", f"{text} is no number")


async def waiting(uow: IngestionUnitOfWork, limit: int = 10) -> list[str]:
    async with uow.begin() as tx:
        return [file.path for file in await tx.files.waiting(FileOrigin.FTP, limit)]


async def is_refused(uow: IngestionUnitOfWork, lost: MeterFile) -> None:
    """Nothing that the holder of a lost claim does has an effect."""
    before = await kept(uow, lost)
    async with uow.begin() as tx:
        assert await tx.files.identify(lost, OTHER_SHA, 7) is None
        assert not await tx.files.note_chunk(lost, note(before.chunks, rejected=[bad(1)]), TERM)
        assert not await tx.files.renew(lost, TERM)
        assert await tx.files.end(lost, FileStatus.PROCESSED, NOW) is None
        _, rejects = await tx.files.rejects(lost.file_id, 10, 0)
        collection = await tx.files.collection(lost.collection)
    assert await kept(uow, lost) == before
    assert rejects == 0
    assert collection is not None
    assert collection.readings == 0


async def test_a_file_is_claimed_once(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    assert held.started_at is not None
    assert held == replace(file, status=FileStatus.PROCESSING, claim=1, started_at=held.started_at)
    assert await waiting(uow) == []
    async with uow.begin() as tx:
        for worker in (ME, OTHER):
            assert await tx.files.claim(file.file_id, worker, TERM) is None
        assert await tx.files.read_again(file.file_id) is None, "it is being read"
        assert await tx.files.claim(FileId(new_file("/x").file_id), ME, TERM) is None


@pytest.mark.parametrize("how", ["ended", "failed"])
async def test_an_ended_file_is_not_claimed(uow: IngestionUnitOfWork, how: str) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    status = FileStatus.FAILED if how == "failed" else FileStatus.PROCESSED
    fault = Fault("not_text", "it is a zip") if how == "failed" else None
    async with uow.begin() as tx:
        ended = await tx.files.end(held, status, NOW, error=fault)
        assert ended == replace(held, status=status, ended_at=NOW, error=fault)
        assert await tx.files.get(file.file_id) == ended
        assert await tx.files.claim(file.file_id, ME, TERM) is None
    assert await waiting(uow) == []
    await is_refused(uow, held)


async def test_of_many_that_come_at_once_one_wins(
    uow: IngestionUnitOfWork, other_uow: IngestionUnitOfWork
) -> None:
    async def claim(where: IngestionUnitOfWork, file: MeterFile) -> MeterFile | None:
        async with where.begin() as tx:
            return await tx.files.claim(file.file_id, ME, TERM)

    for number in range(5):
        file = new_file(f"/{number}.csv")
        await added(uow, file)
        got = await asyncio.gather(*(claim(where, file) for where in (uow, other_uow) * 3))
        (winner,) = [one for one in got if one is not None]
        assert winner.claim == 1
        assert await kept(uow, file) == winner


async def test_the_file_of_a_dead_worker_is_taken_over(
    uow: IngestionUnitOfWork, other_uow: IngestionUnitOfWork
) -> None:
    file = new_file(FILE)
    await added(uow, file)
    async with uow.begin() as tx:
        lost = await tx.files.claim(file.file_id, ME, LAPSED)
    assert lost is not None
    assert await waiting(uow) == [FILE]
    async with other_uow.begin() as tx:
        taken = await tx.files.claim(file.file_id, OTHER, TERM)
    assert taken is not None
    assert (taken.claim, taken.status, taken.generation) == (2, FileStatus.PROCESSING, 1)
    assert await waiting(uow) == []
    await is_refused(uow, lost)
    async with uow.begin() as tx:
        assert await tx.files.renew(taken, TERM)


async def test_a_slow_worker_keeps_what_nobody_took(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    async with uow.begin() as tx:
        held = await tx.files.claim(file.file_id, ME, LAPSED)
        assert held is not None
        assert await tx.files.renew(held, TERM)
        assert await tx.files.claim(file.file_id, OTHER, TERM) is None
        assert await tx.files.renew(held, LAPSED)
        assert await tx.files.note_chunk(held, note(0), TERM)
        assert await tx.files.claim(file.file_id, OTHER, TERM) is None, "a note prolongs the claim"


async def test_who_takes_over_goes_on_after_the_last_note(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    async with uow.begin() as tx:
        identified = await tx.files.identify(held, ONE_SHA, 120)
        assert identified == replace(held, sha256=ONE_SHA, size=120)
        assert await tx.files.note_chunk(held, note(0, rejected=[bad(1)]), LAPSED)
    async with uow.begin() as tx:
        taken = await tx.files.claim(file.file_id, OTHER, TERM)
        assert taken is not None
        same = await tx.files.identify(taken, ONE_SHA, 120)
    assert same == taken
    assert (same.chunks, same.offset, same.lines, same.generation) == (1, 10, 2, 1)
    assert same.receipt == note(0, rejected=[bad(1)]).receipt


async def test_other_content_in_the_middle_is_a_new_generation(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    async with uow.begin() as tx:
        await tx.files.identify(held, ONE_SHA, 120)
        await tx.files.note_chunk(held, note(0, rejected=[bad(1)]), TERM)
        other = await tx.files.identify(held, OTHER_SHA, 130)
        assert await tx.files.rejects(file.file_id, 10, 0) == ([], 0)
    assert other == replace(held, sha256=OTHER_SHA, size=130, generation=2)
    await noted(uow, other, note(0))
    assert (await kept(uow, file)).receipt == note(0).receipt


async def test_a_change_on_the_server_takes_the_file_from_its_reader(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    lost = await claimed(uow, file)
    async with uow.begin() as tx:
        await tx.files.found_again({file.file_id: FoundFile(FILE, 200, NOW)}, changed=True)
    await is_refused(uow, lost)
    assert await waiting(uow) == [FILE]


async def test_a_file_left_by_a_dead_worker_may_be_read_again(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    async with uow.begin() as tx:
        assert await tx.files.claim(file.file_id, ME, LAPSED)
        again = await tx.files.read_again(file.file_id)
    assert again == replace(file, generation=2, claim=1)


async def test_what_was_put_off_waits_behind_the_others(uow: IngestionUnitOfWork) -> None:
    files = [new_file(f"/{name}.csv", size=size) for name, size in (("a", 1), ("b", 20), ("c", 10**12))]
    await added(uow, *files, new_file("/up.csv", FileOrigin.UPLOAD))
    async with uow.begin() as tx:
        assert await tx.files.waiting_bytes(FileOrigin.FTP) == 10**12 + 21
        assert await tx.files.waiting_bytes(FileOrigin.IMPORT) == 0
    assert await waiting(uow) == ["/a.csv", "/b.csv", "/c.csv"]
    assert await waiting(uow, 2) == ["/a.csv", "/b.csv"]
    held = await claimed(uow, files[0])
    assert await waiting(uow) == ["/b.csv", "/c.csv"]
    async with uow.begin() as tx:
        assert await tx.files.waiting_bytes(FileOrigin.FTP) == 10**12 + 20
    fault = Fault("timeout", "the server is slow")
    async with uow.begin() as tx:
        off = await tx.files.end(held, FileStatus.DISCOVERED, NOW, error=fault)
    assert off == replace(held, status=FileStatus.DISCOVERED, error=fault)
    assert await waiting(uow) == ["/b.csv", "/c.csv", "/a.csv"]
    again = await claimed(uow, files[0])
    assert (again.claim, again.error) == (2, fault)
    async with uow.begin() as tx:
        ended = await tx.files.end(again, FileStatus.PROCESSED, NOW)
    assert ended is not None
    assert ended.error is None


async def test_a_duplicate_names_the_first(uow: IngestionUnitOfWork) -> None:
    first, copy = new_file("/1.csv"), new_file("/2.csv")
    await added(uow, first, copy)
    held = await claimed(uow, copy)
    async with uow.begin() as tx:
        ended = await tx.files.end(held, FileStatus.DUPLICATE, NOW, duplicate_of=first.file_id)
    assert ended == await kept(uow, copy)
    assert (ended.status, ended.duplicate_of) == (FileStatus.DUPLICATE, first.file_id)


async def test_a_note_counts_once_and_in_its_turn(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    await noted(uow, held, note(0, rejected=[bad(1)]))
    after = await kept(uow, file)
    await noted(uow, held, note(0, rejected=[bad(1)]))
    async with uow.begin() as tx:
        assert not await tx.files.note_chunk(held, note(2), TERM), "one is missing"
        assert not await tx.files.note_chunk(held, replace(note(0), end_offset=11), TERM), "another one"
        assert (await tx.files.rejects(file.file_id, 10, 0))[1] == 1
    assert await kept(uow, file) == after


async def test_rejected_lines_come_by_line(uow: IngestionUnitOfWork) -> None:
    file = new_file(FILE)
    await added(uow, file)
    held = await claimed(uow, file)
    await noted(uow, held, note(0, rejected=[bad(9), bad(2, "a"), bad(2, "b")]))
    await noted(uow, held, note(1, rejected=[bad(10**10, "c")]), note(2))
    async with uow.begin() as tx:
        everything, total = await tx.files.rejects(file.file_id, 10, 0)
        page, _ = await tx.files.rejects(file.file_id, 2, 1)
        assert await tx.files.rejects(FileId(new_file("/x").file_id), 10, 0) == ([], 0)
    assert (list(everything), total) == ([bad(2, "a"), bad(2, "b"), bad(9), bad(10**10, "c")], 4)
    assert list(page) == [bad(2, "b"), bad(9)]


async def test_many_at_work_on_one_collection_count_together(
    uow: IngestionUnitOfWork, other_uow: IngestionUnitOfWork
) -> None:
    files = [new_file(f"/a/{number}.csv") for number in range(6)]
    found = await asyncio.gather(
        *(added(where, *files[at : at + 2]) for at, where in ((0, uow), (2, other_uow), (4, uow)))
    )
    assert sorted(name for names in found for name in names) == ["a"], "told once"

    async def read(where: IngestionUnitOfWork, file: MeterFile) -> None:
        held = await claimed(where, file)
        await noted(where, held, *(note(number, created=7) for number in range(5)))

    await asyncio.gather(
        *(read(where, file) for where, file in zip((uow, other_uow) * 3, files, strict=True))
    )
    async with uow.begin() as tx:
        whole = await tx.files.collection(files[0].collection)
        totals = await tx.files.totals()
    assert whole is not None
    assert (whole.readings, whole.files, len(whole.sensors)) == (6 * 5 * (7 + 3), 6, 6)
    assert (totals.receipt.created, totals.bytes_read) == (6 * 5 * 7, 6 * 50)
