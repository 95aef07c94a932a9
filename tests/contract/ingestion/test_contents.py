import os

import pytest

from domain.ingestion.files import FileOrigin
from domain.ingestion.ports import IngestionUnitOfWork
from tests.contract.ingestion.meter_files import added, new_file

FILE, OTHER = (new_file(path, FileOrigin.UPLOAD) for path in ("/a.csv", "/b.csv"))
PARTS = (b"2026-03-01;1,5\n" * 50_000, os.urandom(100_000), b"\x00")


async def test_parts_come_back_as_they_were_added(uow: IngestionUnitOfWork) -> None:
    await added(uow, FILE, OTHER)
    for number, part in enumerate(PARTS):
        async with uow.begin() as tx:
            await tx.contents.add(FILE.file_id, number, part)
    async with uow.begin() as tx:
        await tx.contents.add(OTHER.file_id, 0, b"other")
        assert [await tx.contents.part(FILE.file_id, number) for number in range(4)] == [*PARTS, None]
        assert await tx.contents.part(OTHER.file_id, 0) == b"other"


async def test_a_part_takes_the_place_of_what_there_was(uow: IngestionUnitOfWork) -> None:
    await added(uow, FILE)
    for part in PARTS:
        async with uow.begin() as tx:
            await tx.contents.add(FILE.file_id, 0, part)
            assert await tx.contents.part(FILE.file_id, 0) == part


async def test_all_parts_of_a_file_are_removed(uow: IngestionUnitOfWork) -> None:
    await added(uow, FILE, OTHER)
    async with uow.begin() as tx:
        for number in range(3):
            await tx.contents.add(FILE.file_id, number, b"one")
        await tx.contents.add(OTHER.file_id, 0, b"other")
        await tx.contents.remove(FILE.file_id)
    async with uow.begin() as tx:
        assert [await tx.contents.part(FILE.file_id, number) for number in range(3)] == [None] * 3
        assert await tx.contents.part(OTHER.file_id, 0) == b"other"


async def test_what_rolls_back_is_not_kept(uow: IngestionUnitOfWork) -> None:
    await added(uow, FILE)
    async with uow.begin() as tx:
        await tx.contents.add(FILE.file_id, 0, b"before")

    async def fail() -> None:
        async with uow.begin() as tx:
            await tx.contents.remove(FILE.file_id)
            await tx.contents.add(FILE.file_id, 0, b"after")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with uow.begin() as tx:
        assert await tx.contents.part(FILE.file_id, 0) == b"before"
