"""A world with a file server, and the process under test in it."""

import pytest

from adapters.pollers.meter_files import delimited
from tests.unit.ingestion.files.world import Process, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def me(world: World) -> Process:
    return world.me


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two lines a chunk."""
    monkeypatch.setattr(delimited, "CHUNK_READINGS", 2)
