"""What a database says that claims to have an old TimescaleDB."""

import psycopg

from adapters.timescale.database import Database
from adapters.timescale.operations import TimescaleOperationsUnitOfWork
from domain.operations.storage_engine import StorageEngine
from tests.databases import MigratedDatabase
from tests.unit.events.samples import CODEC

_CLAIM = """
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 16383, 'timescaledb', extowner, extnamespace, false, '2.26.2'
FROM pg_extension WHERE extname = 'plpgsql'
"""


async def test_the_version_of_the_extension_is_told(migrated: MigratedDatabase, database: Database) -> None:
    uow = TimescaleOperationsUnitOfWork(database, CODEC)
    with psycopg.connect(migrated.owner_url, autocommit=True) as owner:
        owner.execute(_CLAIM)
        try:
            async with uow.begin() as tx:
                found = await tx.storage.engine()
        finally:
            owner.execute("DELETE FROM pg_extension WHERE extname = 'timescaledb'")
    assert found == StorageEngine("timescaledb", "2.26.2")
    assert found.warning is not None
    async with uow.begin() as tx:
        assert (await tx.storage.engine()).name == "postgresql"
