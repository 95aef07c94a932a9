"""Fixtures that many tests share: a database server, databases, a clock."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.embedded.postgres import EmbeddedPostgres
from adapters.events.codec import JsonEventCodec
from adapters.memory.surroundings import MemoryClock, MemoryIdFactory
from adapters.timescale.database import Database
from app.subscriptions import TOPICS
from tests.databases import MigratedDatabase, migrated_database

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in its background has them ignore Ctrl-C, and so would all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are CPUs: tests wait as often as they work."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that nobody waits for it in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the superuser's URL of a server: TEST_DATABASE_URL, else an embedded one of our own."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with EmbeddedPostgres(Path(tmp_path_factory.mktemp("postgres"))) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(server_url: str) -> Iterator[MigratedDatabase]:
    with migrated_database(server_url) as database:
        yield database


@pytest.fixture(scope="session")
def migrated_timescale() -> Iterator[MigratedDatabase]:
    url = os.environ.get("TEST_TIMESCALE_URL")
    if not url:
        pytest.skip("TEST_TIMESCALE_URL names no server with TimescaleDB")
    with migrated_database(url) as database:
        yield database


@pytest.fixture
def database_url(migrated: MigratedDatabase) -> str:
    """Give the service's URL of a migrated, empty database."""
    migrated.clear()
    return migrated.service_url


@pytest.fixture(scope="session")
def codec() -> JsonEventCodec:
    return JsonEventCodec(TOPICS, {event: topic for event, topic in TOPICS.items() if topic is not None})


@pytest.fixture
async def database(database_url: str, codec: JsonEventCodec) -> AsyncIterator[Database]:
    database = Database(database_url, codec)
    yield database
    await database.close()


@pytest.fixture
async def timescale_database(
    migrated_timescale: MigratedDatabase, codec: JsonEventCodec
) -> AsyncIterator[Database]:
    migrated_timescale.clear()
    database = Database(migrated_timescale.service_url, codec)
    yield database
    await database.close()


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def ids() -> MemoryIdFactory:
    return MemoryIdFactory()
