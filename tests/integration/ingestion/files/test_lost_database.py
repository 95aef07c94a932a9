"""A database that restarts, or cannot be reached for a while, in the middle of everything."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from adapters.events.codec import JsonEventCodec
from adapters.timescale.database import Database
from adapters.timescale.errors import translated
from domain.shared.errors import UnavailableError
from tests.databases import MigratedDatabase
from tests.integration.ingestion.files.quick import QuickTurns
from tests.integration.ingestion.files.severed import severable
from tests.integration.ingestion.files.site import environment_of, site, until
from tests.integration.ingestion.files.stored import Stored
from tests.integration.ingestion.files.test_killed_workers import (
    PATH,
    all_is_there_once,
    big_file,
    has_noted,
    is_processed,
)
from tests.integration.ingestion.ftp.world import FolderServer, put, serving

SOME = 60_000


async def test_a_scan_goes_on_after_the_database_was_away(
    tmp_path: Path, database_url: str, migrated: MigratedDatabase
) -> None:
    stored = Stored(migrated.owner_url)
    put(tmp_path / "site", PATH[1:], big_file(SOME))
    async with (
        serving(FolderServer(tmp_path / "site")) as account,
        severable(database_url) as (url, line),
        site(environment_of(account, url, tmp_path), QuickTurns()) as here,
    ):
        scan_id = await here.ask()
        await until(lambda: has_noted(stored, 1))
        assert line.cut() > 0
        assert (await here("GET", "/ingestion/files", 503))["code"] == "database_unavailable"
        await asyncio.sleep(0.5)
        await line.mend()
        # What was let go with the connections is taken up again once its leases have lapsed.
        await asyncio.sleep(1.5)
        await stored.let_leases_lapse()
        await until(lambda: is_processed(here))
        scan = await here.scan(scan_id)
        assert (scan["status"], scan["error"], scan["files_failed"]) == ("completed", None, 0)
        await all_is_there_once(here, stored, SOME)


async def test_a_connection_that_is_ended_between_two_questions_is_a_database_that_is_away(
    database_url: str, migrated: MigratedDatabase
) -> None:
    stored, codec = Stored(migrated.owner_url), JsonEventCodec({}, {})
    for _ in range(6):
        # Depending on the moment the driver says so in its own words, or complains of its own state.
        database = Database(database_url, codec, pool_size=2)
        with pytest.raises(UnavailableError):
            await ask_until_it_is_lost(database, stored)
        async with database.transaction("ops") as session:
            assert await session.driver.fetchval("SELECT 1") == 1
        await database.close()


async def ask_until_it_is_lost(database: Database, stored: Stored) -> None:
    async with database.transaction("ops") as session:
        ending = asyncio.create_task(stored.end_all_connections())
        try:
            async with asyncio.timeout(10):
                while True:
                    await session.driver.fetchval("SELECT 1")
        finally:
            assert await ending == 1


@pytest.mark.parametrize(
    "lost",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_the_driver_says_then(lost: Exception) -> None:
    with pytest.raises(UnavailableError) as caught:
        async with translated():
            raise lost
    assert (caught.value.code, caught.value.__cause__) == ("database_unavailable", lost)
