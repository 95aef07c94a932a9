"""What only the tables of meter files can show."""

from adapters.timescale.database import Database
from adapters.timescale.ingestion import TimescaleIngestionUnitOfWork
from domain.ingestion.files import FileStatus
from tests.contract.ingestion.meter_files import ME, TERM, added, kept, new_file

LINE = b"2026-03-01 00:15;1,25\n"


async def test_contents_take_a_fraction_of_their_size(database: Database) -> None:
    uow = TimescaleIngestionUnitOfWork(database)
    file = new_file("/a.csv")
    await added(uow, file)
    async with uow.begin() as tx:
        await tx.contents.add(file.file_id, 0, LINE * 10_000)
    async with database.transaction("ingestion") as session:
        stored = await session.driver.fetchval("SELECT pg_column_size(content) FROM ingestion.file_contents")
    assert stored < len(LINE) * 10_000 / 5


async def test_a_lease_goes_by_the_databases_clock(database: Database) -> None:
    uow = TimescaleIngestionUnitOfWork(database)
    file = new_file("/a.csv")
    await added(uow, file)
    async with uow.begin() as tx:
        await tx.files.claim(file.file_id, ME, TERM)
    async with database.transaction("ingestion") as session:
        left = await session.driver.fetchval(
            "SELECT lease_until - clock_timestamp() FROM ingestion.files WHERE worker = $1", ME
        )
    assert TERM / 2 < left <= TERM
    assert (await kept(uow, file)).status is FileStatus.PROCESSING
