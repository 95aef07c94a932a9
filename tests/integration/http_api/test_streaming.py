"""Files while they are sent: real sockets, a real database, clients that dawdle, leave or are cut off."""

import asyncio
import logging
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pyarrow as pa
import pytest
from litestar import Litestar

from app.asgi import create_app
from app.container import make_container
from app.settings import Settings
from domain.operations.services.api_keys import ApiKeys
from domain.sensors.model import SensorDefinition, SensorId
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.export import PAGE, ExportReadings, ExportSelection
from domain.sensors.table_ports import TableFormat
from domain.shared.quantities import Quantity, UnitConversion
from tests.databases import MigratedDatabase
from tests.integration.http_api.conftest import KEY
from tests.integration.web.servers import serving

START = datetime(2026, 1, 5, tzinfo=UTC)
LITTLE, MUCH = 10 * PAGE, 30 * PAGE
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def filled(migrated: MigratedDatabase) -> MigratedDatabase:
    """A database with a sensor of many readings and one with fewer, a second apart."""
    migrated.clear()
    settings = Settings(database_url=migrated.service_url)

    async def define() -> None:
        container = make_container(settings)
        await (await container.get(ApiKeys)).bootstrap(KEY)
        uow = await container.get(SensorsUnitOfWork)
        async with uow.begin() as tx:
            for name in ("little", "much"):
                definition = SensorDefinition(
                    sensor_id=SensorId(name), name=name, quantity=Quantity.POWER, unit="kW"
                )
                await tx.sensors.add(definition, UnitConversion(), "kW", START)
            await tx.readings.prepare(START, START + timedelta(seconds=MUCH))
        await container.close()

    asyncio.run(define())
    with psycopg.connect(migrated.owner_url) as connection:
        for name, count in (("little", LITTLE), ("much", MUCH)):
            connection.execute(
                "INSERT INTO sensors.readings (time, value, sensor_key, source_key, quality)"
                " SELECT %s + n * interval '1 second', n / 7.0, key, 1, 0"
                " FROM generate_series(0, %s - 1) AS n, sensors.sensors WHERE sensor_id = %s",
                [START, count, name],
            )
        connection.execute("ANALYZE sensors.readings")
    return migrated


@pytest.fixture
def app(filled: MigratedDatabase) -> Litestar:
    # One connection: whoever held it would keep all others out.
    return create_app(Settings(database_url=filled.service_url, database_pool_size=1), background=())


@pytest.fixture
def address(app: Litestar) -> Iterator[tuple[str, int]]:
    with serving(app) as address:
        yield address


@pytest.fixture
async def files(filled: MigratedDatabase) -> AsyncIterator[ExportReadings]:
    container = make_container(Settings(database_url=filled.service_url))
    yield await container.get(ExportReadings)
    await container.close()


def _url(address: tuple[str, int], path: str = "/sensors/much/data") -> str:
    return f"http://{address[0]}:{address[1]}/api/v1{path}"


def _asked(address: tuple[str, int]) -> socket.socket:
    """Return a socket on which a file was asked for, and nothing is read."""
    dawdler = socket.socket()
    dawdler.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    dawdler.settimeout(30)
    dawdler.connect(address)
    lines = ("GET /api/v1/sensors/much/data?format=csv HTTP/1.1", "Host: x", f"Authorization: Bearer {KEY}")
    dawdler.sendall("\r\n".join([*lines, "", ""]).encode())
    return dawdler


def _reading(database: MigratedDatabase) -> int:
    """Return how many transactions the service has open."""
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'energy-dashboard' AND xact_start IS NOT NULL"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_whole_file_arrives(address: tuple[str, int]) -> None:
    answer = httpx.get(_url(address), params={"format": "csv"}, headers=HEADERS, timeout=60)
    assert answer.headers["transfer-encoding"] == "chunked"
    lines = answer.text.splitlines()
    assert len(lines) == MUCH + 1
    last = (START + timedelta(seconds=MUCH - 1)).isoformat()
    assert lines[-1] == f"much,{last},{(MUCH - 1) / 7!r},OK,kW"


def test_a_client_that_dawdles_holds_no_connection(
    address: tuple[str, int], filled: MigratedDatabase
) -> None:
    with _asked(address) as dawdler:
        assert dawdler.recv(12) == b"HTTP/1.1 200"
        time.sleep(0.5)
        assert _reading(filled) == 0
        page = httpx.get(_url(address), params={"limit": 1}, headers=HEADERS, timeout=10)
        assert page.status_code == 200
        received = 0
        while data := dawdler.recv(1 << 20):
            received += len(data)
            if data.endswith(b"0\r\n\r\n"):
                break
    assert received > 40 * MUCH


def test_a_client_that_leaves_ends_the_work(
    address: tuple[str, int], filled: MigratedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = 0
    page_of = ExportReadings._page

    async def counted(*arguments: object) -> object:
        nonlocal pages
        pages += 1
        return await page_of(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(ExportReadings, "_page", counted)
    with _asked(address) as leaver:
        leaver.recv(1000)
    time.sleep(0.5)
    read = pages
    assert read < MUCH / PAGE / 2
    time.sleep(0.5)
    assert pages == read
    assert _reading(filled) == 0


def test_an_error_on_the_way_breaks_the_connection_off(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    page_of = ExportReadings._page
    pages = 0

    async def failing(*arguments: object) -> object:
        nonlocal pages
        pages += 1
        if pages > 3:
            raise RuntimeError("the disk is gone")
        return await page_of(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(ExportReadings, "_page", failing)
    received: list[bytes] = []
    with (
        caplog.at_level(logging.ERROR),
        httpx.stream("GET", _url(address), params={"format": "csv"}, headers=HEADERS, timeout=30) as answer,
    ):
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            received.extend(answer.iter_bytes())
    assert len(b"".join(received).splitlines()) > 2 * PAGE
    assert any("much broke off after" in message for message in caplog.messages)


@pytest.mark.parametrize("form", TableFormat)
async def test_memory_does_not_grow_with_the_file(files: ExportReadings, form: TableFormat) -> None:
    async def peak(sensor_id: str, rows: int) -> tuple[int, float]:
        pool = pa.default_memory_pool()
        arrow, seconds = 0, time.perf_counter()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        written = 0
        async for chunk in await files.open(ExportSelection([SensorId(sensor_id)]), form):
            written = chunk.rows
            arrow = max(arrow, pool.bytes_allocated())
        assert written == rows
        return tracemalloc.get_traced_memory()[1] - before + arrow, time.perf_counter() - seconds

    tracemalloc.start(1)
    try:
        soon = START + timedelta(seconds=1)
        # Loads what is loaded once.
        assert [chunk async for chunk in await files.open(ExportSelection(), form, end=soon)]
        (little, _), (much, seconds) = await peak("little", LITTLE), await peak("much", MUCH)
    finally:
        tracemalloc.stop()
    assert much < 1.25 * little + 1_000_000
    assert much < 32_000_000
    assert seconds < 30
