import os
from collections.abc import Iterator

import pytest

from tests.databases import empty_database

PLAIN = "plain"
TIMESCALE = "timescale"


@pytest.fixture(scope="session", params=[PLAIN, pytest.param(TIMESCALE, marks=pytest.mark.timescale)])
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
