"""Each suite of a port runs over memory, PostgreSQL and TimescaleDB."""

import pytest

from adapters.memory.database import MemoryDatabase
from adapters.timescale.database import Database


@pytest.fixture(params=["memory", "postgres", pytest.param("timescale", marks=pytest.mark.timescale)])
def stored_in(request: pytest.FixtureRequest) -> MemoryDatabase | Database:
    """Where everything of a test is."""
    if request.param == "memory":
        return MemoryDatabase()
    name = "database" if request.param == "postgres" else "timescale_database"
    database: Database = request.getfixturevalue(name)
    return database
