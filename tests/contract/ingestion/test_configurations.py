import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.ingestion.configurations import ConfigurationOrigin, ConfigurationVersion, VersionedDocument
from domain.ingestion.ports import IngestionUnitOfWork
from domain.shared.errors import ConflictError
from domain.shared.events import Actor

TIME = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


def version(
    number: int, origin: ConfigurationOrigin = ConfigurationOrigin.API, text: str = "{}", **fields: int
) -> VersionedDocument:
    about = ConfigurationVersion(
        version=number,
        origin=origin,
        sha256=f"{number:064x}",
        devices=number,
        created_at=TIME + timedelta(seconds=number),
        created_by=Actor("me (018f)"),
        **fields,
    )
    return VersionedDocument(about, text)


async def add(uow: IngestionUnitOfWork, *versions: VersionedDocument) -> None:
    for one in versions:
        async with uow.begin() as tx:
            await tx.configurations.add(one)


async def test_there_is_nothing_before_the_first(uow: IngestionUnitOfWork) -> None:
    async with uow.begin() as tx:
        assert await tx.configurations.newest() is None
        assert await tx.configurations.newest_of_file() is None
        assert await tx.configurations.get(1) is None
        assert await tx.configurations.list(10, 0) == ([], 0)


async def test_a_version_comes_back_as_it_was_given(uow: IngestionUnitOfWork) -> None:
    text = '{ "b": 1.50e0,\r\n\t"a": 12345678901234567890123, "\\u0000": "\\ud83d é 💡", "b ": [] }'
    restored = version(7, ConfigurationOrigin.RESTORE, text, restored_from=3)
    await add(uow, restored)
    async with uow.begin() as tx:
        assert await tx.configurations.get(7) == restored
        assert await tx.configurations.get(2**31 - 1) is None


async def test_the_newest_is_that_of_the_highest_number(uow: IngestionUnitOfWork) -> None:
    api, file, restore = ConfigurationOrigin.API, ConfigurationOrigin.FILE, ConfigurationOrigin.RESTORE
    versions = [version(number, origin) for number, origin in enumerate((file, file, api, restore), 1)]
    await add(uow, *versions)
    async with uow.begin() as tx:
        assert await tx.configurations.newest() == 4
        assert await tx.configurations.newest_of_file() == versions[1].about
        assert await tx.configurations.list(2, 1) == ([versions[2].about, versions[1].about], 4)
        assert await tx.configurations.list(10, 4) == ([], 4)


async def test_a_number_is_taken_once(uow: IngestionUnitOfWork) -> None:
    await add(uow, version(1))
    with pytest.raises(ConflictError) as refused:
        await add(uow, version(1, text="[]"))
    assert refused.value.code == "concurrent_change"
    both = await asyncio.gather(add(uow, version(2)), add(uow, version(2)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["ConflictError", "NoneType"]
    async with uow.begin() as tx:
        assert await tx.configurations.newest() == 2
        found = await tx.configurations.get(1)
        assert found is not None
        assert found.text == "{}"


async def test_what_is_rolled_back_is_gone(uow: IngestionUnitOfWork) -> None:
    class Undone(Exception):  # noqa: N818 - no error
        pass

    async def undone() -> None:
        async with uow.begin() as tx:
            await tx.configurations.add(version(1))
            raise Undone

    with pytest.raises(Undone):
        await undone()
    async with uow.begin() as tx:
        assert await tx.configurations.newest() is None
