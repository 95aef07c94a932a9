import os
from collections.abc import Iterator

import psycopg
import pytest

from migrations import run
from tests.databases import empty_database

PLAIN = "plain"
TIMESCALE = "timescale"


@pytest.fixture(params=[PLAIN, pytest.param(TIMESCALE, marks=pytest.mark.timescale)])
def any_server_url(request: pytest.FixtureRequest) -> str:
    """The superuser's URL of a server: one without TimescaleDB, then one with it."""
    if request.param == PLAIN:
        return str(request.getfixturevalue("server_url"))
    url = os.environ.get("TEST_TIMESCALE_URL")
    if not url:
        pytest.skip("TEST_TIMESCALE_URL names no server with TimescaleDB")
    return url


@pytest.fixture
def url(any_server_url: str) -> Iterator[str]:
    """The owner's URL of an empty database, whose roles are there."""
    with empty_database(any_server_url) as made:
        yield made


@pytest.fixture
def plain_url(server_url: str) -> Iterator[str]:
    with empty_database(server_url) as made:
        yield made


@pytest.fixture
def owner(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection of the owner to a database at the newest revision."""
    run.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
