from dataclasses import replace
from datetime import timedelta

import pytest

from domain.ingestion.events import CollectionFound
from domain.ingestion.files import CollectionName, FileStatus, MeterFile
from domain.ingestion.scans import ScanStatus
from tests.unit.ingestion.files.world import A, B, C, Process, World, counts, receipt, text

pytestmark = pytest.mark.usefixtures("small_chunks")


# What is read


async def test_the_files_of_all_folders_are_read(world: World, me: Process) -> None:
    world.put("/PT0_a.csv", text(1))
    world.put(A, text(2, 3))
    world.put("/site/below/PT2_b.SGL_V2", text(4))
    world.put("/site/below/notes.txt", b"nothing for us")
    scan = await me.scan()
    assert (scan.status, scan.error) == (ScanStatus.COMPLETED, None)
    assert (scan.folders, *counts(scan)) == (3, 3, 0, 3, 0)
    assert {one.path: one.status for one in await me.all_files()} == dict.fromkeys(
        ["/PT0_a.csv", A, "/site/below/PT2_b.SGL_V2"], FileStatus.PROCESSED
    )
    assert [world.series(one) for one in ("PT0", "PT1", "PT2")] == [[1], [2, 3], [4]]
    assert world.all_discarded


async def test_collections_appear_with_their_first_files(world: World, me: Process) -> None:
    world.put("/PT0_a.csv", text(1))
    world.put(A, text(1, 2, 3))
    world.put(B, text(4))
    await me.scan()
    found = [event.collection for event in world.told(CollectionFound)]
    assert found == ["/", "site"]
    site = await me.files.collection(CollectionName("site"))
    assert (site.files, site.meters, site.readings) == (2, ("PT1", "PT2"), 4)
    world.put(C, text(5))
    await me.scan()
    assert len(world.told(CollectionFound)) == 2


async def test_a_file_that_is_known_is_skipped_without_download(world: World, me: Process) -> None:
    world.put(A, text(1, 2))
    await me.scan()
    before = await me.file(A)
    world.pass_minutes()
    scan = await me.scan()
    assert counts(scan) == (1, 1, 0, 0)
    assert (scan.bytes_total, scan.bytes_done) == (0, 0)
    assert world.server.fetched == [A]
    assert await me.file(A) == before


@pytest.mark.parametrize("content", [text("x"), b"no meter file"])
async def test_a_file_that_cannot_be_read_is_not_read_again_unchanged(
    world: World, me: Process, content: bytes
) -> None:
    world.put(A, content)
    first = await me.scan()
    assert counts(first) == (1, 0, 1, 1)
    assert (await me.file(A)).status is FileStatus.FAILED
    assert counts(await me.scan()) == (1, 1, 0, 0)
    world.put(A, text(1), age=timedelta(minutes=30))
    assert counts(await me.scan()) == (1, 0, 1, 0)
    assert (await me.file(A)).error is None


async def test_a_file_that_grew_is_read_as_a_new_generation(world: World, me: Process) -> None:
    world.put(A, text(1, 2, "x"))
    await me.scan()
    known = await me.file(A)
    assert known.receipt == receipt(created=2, rejected=1)
    world.pass_minutes()
    world.put(A, text(1, 2, 3, 4, 5), age=timedelta(minutes=30))
    scan = await me.scan()
    assert counts(scan) == (1, 0, 1, 0)
    grown = await me.file(A)
    assert (grown.file_id, grown.generation) == (known.file_id, 2)
    assert (grown.status, grown.receipt) == (FileStatus.PROCESSED, receipt(created=3, unchanged=2))
    assert not await me.rejects(grown)
    assert (await me.files.collection(CollectionName("site"))).readings == 5


async def test_a_file_that_changed_is_read_again_though_its_size_is_the_same(
    world: World, me: Process
) -> None:
    world.put(A, text(1, 2, 3))
    await me.scan()
    world.put(A, text(1, 7, 3), age=timedelta(minutes=30))
    await me.scan()
    changed = await me.file(A)
    assert (changed.generation, changed.receipt) == (2, receipt(updated=1, unchanged=2))
    assert world.series("PT1") == [1, 7, 3]


async def test_a_file_that_was_only_touched_changes_nothing(world: World, me: Process) -> None:
    world.put(A, text(1, 2, 3))
    await me.scan()
    world.put(A, text(1, 2, 3), age=timedelta(minutes=30))
    await me.scan()
    touched = await me.file(A)
    assert (touched.status, touched.receipt) == (FileStatus.PROCESSED, receipt(unchanged=3))
    assert touched.duplicate_of is None


async def test_the_same_content_twice_is_stored_once(world: World, me: Process) -> None:
    world.put(A, text(1, 2))
    world.put("/site/PT1_copy.sgl_v2", text(1, 2))
    world.put(B, text(1, 2))
    scan = await me.scan()
    assert counts(scan) == (3, 0, 3, 0)
    copy = await me.file("/site/PT1_copy.sgl_v2")
    assert (copy.status, copy.duplicate_of) == (FileStatus.DUPLICATE, (await me.file(A)).file_id)
    assert (await me.file(B)).status is FileStatus.PROCESSED
    assert counts(await me.scan()) == (3, 3, 0, 0)
    world.put("/site/PT1_copy.sgl_v2", text(1, 2, 3), age=timedelta(minutes=30))
    await me.scan()
    copy = await me.file("/site/PT1_copy.sgl_v2")
    assert (copy.status, copy.duplicate_of) == (FileStatus.PROCESSED, None)
    assert copy.receipt == receipt(created=1, unchanged=2)


# Many files


async def test_thousands_of_known_files_are_skipped_with_few_questions(world: World, me: Process) -> None:
    number = 5_000
    for at in range(number):
        world.put(f"/site{at % 7}/PT{at}_a.csv", b"as it was")
    known: list[MeterFile] = []
    async with me.uow.begin() as tx:
        for at, (path, file) in enumerate(world.server.files.items()):
            new = replace(me.new(path), size=len(file.content), modified=file.modified)
            known.append(replace(new, status=FileStatus.PROCESSED, sha256=f"{at:064x}"))
        await tx.files.add(known)
    before = me.uow.begun
    scan = await me.scan()
    assert counts(scan) == (number, number, 0, 0)
    assert not world.server.fetched
    assert me.uow.begun - before < 20  # one for each page, not for each file
