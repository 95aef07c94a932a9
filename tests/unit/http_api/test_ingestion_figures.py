import asyncio
from collections.abc import AsyncIterator

import pytest
from dishka import AsyncContainer
from prometheus_client import CollectorRegistry, generate_latest

from adapters.http_api.ingestion_figures import IngestionFigures
from app.container import make_container
from app.settings import read_settings
from domain.ingestion.services.sources import Sources
from domain.ingestion.sources import IngestionMetrics
from domain.sensors.services.alarms import Alarms
from domain.shared.errors import UnavailableError
from tests.memory_provider import MemoryProvider


@pytest.fixture
async def container() -> AsyncIterator[AsyncContainer]:
    container = make_container(read_settings({}, None), MemoryProvider())
    yield container
    await container.close()


@pytest.fixture
async def sources(container: AsyncContainer) -> Sources:
    found: Sources = await container.get(Sources)
    return found


@pytest.fixture
async def figures(container: AsyncContainer, sources: Sources) -> IngestionFigures:
    return IngestionFigures(CollectorRegistry(), sources, await container.get(Alarms))


def names(figures: IngestionFigures) -> set[str]:
    return {family.name for family in figures.collect()}


async def test_nothing_is_told_before_it_was_looked_up(figures: IngestionFigures) -> None:
    assert names(figures) == set()
    await figures.refresh()
    assert {"ingestion_devices", "ingestion_files", "sensor_alarms_open"} <= names(figures)
    assert "ingestion_ftp" not in names(figures)  # there is no server


async def test_however_many_ask_at_once_it_is_looked_up_once(
    figures: IngestionFigures, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    look_up = sources.metrics

    async def counted() -> IngestionMetrics:
        nonlocal asked
        asked += 1
        return await look_up()

    monkeypatch.setattr(sources, "metrics", counted)
    await asyncio.gather(*(figures.refresh() for _ in range(5)))
    assert asked == 1
    monkeypatch.setattr("adapters.http_api.ingestion_figures._FRESH_SECONDS", 0.0)
    await figures.refresh()
    assert asked == 2


@pytest.mark.parametrize("hangs", [False, True])
async def test_old_figures_are_not_told_while_the_database_is_away(
    figures: IngestionFigures, sources: Sources, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    monkeypatch.setattr("adapters.http_api.ingestion_figures._FRESH_SECONDS", 0.0)
    monkeypatch.setattr("adapters.http_api.ingestion_figures._AT_MOST_SECONDS", 0.05)
    await figures.refresh()
    assert names(figures)

    async def away() -> None:
        if hangs:
            await asyncio.Event().wait()
        raise UnavailableError("database_unavailable", "away")

    monkeypatch.setattr(sources, "metrics", away)
    await figures.refresh()
    assert names(figures) == set()


async def test_the_registry_holds_them(container: AsyncContainer) -> None:
    await (await container.get(IngestionFigures)).refresh()
    text = generate_latest(await container.get(CollectorRegistry)).decode()
    assert 'ingestion_devices{status="online"} 0.0' in text
