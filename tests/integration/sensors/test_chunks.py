"""Chunks that are sent again: after a crash, and by two processes at once."""

import asyncio
import math
import random
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from adapters.events.codec import JsonEventCodec
from adapters.timescale.database import Database
from adapters.timescale.sensors_unit_of_work import TimescaleSensorsUnitOfWork
from adapters.units.pint_catalog import PintUnitCatalog
from app.clock import RandomIds, SystemClock
from domain.sensors.model import Receipt, SensorDefinition, SensorId, Source
from domain.sensors.receipt_ports import ChunkName
from domain.sensors.services.catalog import SensorCatalog
from domain.sensors.services.checking import Submission
from domain.sensors.services.group_commit import GroupCommit
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.sensors import Sensors
from domain.shared.errors import UnavailableError
from domain.shared.events import SYSTEM
from domain.shared.quantities import Quantity
from domain.shared.time import to_microseconds

FILE: Final = Source("ftp:/plant/a.sgl_v2")
CHUNK: Final = ChunkName("c0ffee.1.0")
MINUTE_US: Final = 60_000_000
SENSORS: Final = 5
UNITS: Final = PintUnitCatalog()


class Process:
    """What one process has of its own: connections, catalog, writers."""

    def __init__(self, database: Database) -> None:
        self.database = database
        uow = TimescaleSensorsUnitOfWork(database)
        catalog = SensorCatalog(uow)
        commit = GroupCommit(uow, SystemClock(), RandomIds())
        self.write = WriteReadings(uow, catalog, UNITS, commit, SystemClock(), RandomIds())
        self.sensors = Sensors(uow, catalog, UNITS, SystemClock(), RandomIds())

    async def count(self, table: str) -> int:
        async with self.database.transaction("sensors") as session:
            found: int = await session.driver.fetchval(f"SELECT count(*) FROM sensors.{table}")  # noqa: S608
        return found


@pytest.fixture
async def one(database: Database) -> Process:
    process = Process(database)
    for number in range(SENSORS):
        await process.sensors.create(
            SensorDefinition(
                sensor_id=SensorId(f"s{number}"), name="s", quantity=Quantity.ENERGY, unit="kWh"
            ),
            SYSTEM,
        )
    return process


@pytest.fixture
async def other(database_url: str, codec: JsonEventCodec) -> AsyncIterator[Process]:
    database = Database(database_url, codec)
    yield Process(database)
    await database.close()


def chunk_of(rows: int, *, sensors: int = SENSORS, first: int = 0) -> Submission:
    """Rows of which every tenth is refused."""
    last = to_microseconds(SystemClock().now()) // MINUTE_US * MINUTE_US
    return Submission(
        sensor_ids=[f"s{row % sensors}" for row in range(rows)],
        times_us=[last - (first + row // sensors) * MINUTE_US for row in range(rows)],
        values=[math.nan if row % 10 == 9 else float(row) for row in range(rows)],
    )


async def test_the_same_chunk_twice_is_stored_once_with_one_receipt(one: Process, other: Process) -> None:
    sent = chunk_of(2_000)
    first = await one.write.write(sent, FILE, chunk=CHUNK)
    assert (first.received, first.created, first.rejected) == (2_000, 1_800, 200)
    assert [error.index for error in first.errors] == list(range(9, 2_000, 10))
    again = [await process.write.write(sent, FILE, chunk=CHUNK) for process in (one, other)]
    assert again == [first, first]
    assert await one.count("readings") == 1_800
    assert await one.count("rejections") == 200
    assert await one.count("write_receipts") == 1


class BreaksAtCommit:
    """Breaks the connections of two transactions that store readings: before the COMMIT, then after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broken = 0
        self._copied: Any = None
        self._execute = asyncpg.Connection.execute
        self._copy = asyncpg.Connection.copy_to_table
        breaks = self

        async def copy(connection: asyncpg.Connection, table: str, **more: Any) -> str:  # noqa: ANN401
            breaks._copied = connection
            return str(await breaks._copy(connection, table, **more))

        async def execute(connection: asyncpg.Connection, query: str, *more: Any, **named: Any) -> str:  # noqa: ANN401
            if query != "COMMIT" or connection is not breaks._copied or breaks.broken == 2:
                return str(await breaks._execute(connection, query, *more, **named))
            if breaks.broken == 1:
                await breaks._execute(connection, query)
            breaks.broken += 1
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        monkeypatch.setattr(asyncpg.Connection, "execute", execute)
        monkeypatch.setattr(asyncpg.Connection, "copy_to_table", copy)


async def test_a_connection_that_breaks_at_the_commit_leaves_all_or_nothing(
    one: Process, other: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = chunk_of(100)
    breaks = BreaksAtCommit(monkeypatch)
    with pytest.raises(UnavailableError):
        await one.write.write(sent, FILE, chunk=CHUNK)
    assert (breaks.broken, await other.count("readings"), await other.count("write_receipts")) == (1, 0, 0)
    with pytest.raises(UnavailableError):
        await one.write.write(sent, FILE, chunk=CHUNK)
    assert (breaks.broken, await other.count("readings"), await other.count("write_receipts")) == (2, 90, 1)
    receipt = await other.write.write(sent, FILE, chunk=CHUNK)
    assert (receipt.created, receipt.unchanged, receipt.rejected, len(receipt.errors)) == (90, 0, 10, 10)
    assert await one.write.write(sent, FILE, chunk=CHUNK) == receipt
    assert await other.count("readings") == 90
    assert await other.count("rejections") == 10


@pytest.mark.parametrize("rows", [0, 1, 500, 12_000])
async def test_two_processes_that_send_the_same_chunk_at_once_store_it_once(
    one: Process, other: Process, rows: int
) -> None:
    sent = chunk_of(rows)
    refused = Submission(sensor_ids=["nobody"], times_us=[0], values=[1.0])
    for number in range(4):
        chunk = ChunkName(f"{number}")
        receipts = await asyncio.gather(
            *(process.write.write(sent, FILE, chunk=chunk) for process in (one, other, one, other))
        )
        assert receipts == [receipts[0]] * 4
        assert receipts[0].created == (len(sent.values) - receipts[0].rejected if number == 0 else 0)
        none_stored = await asyncio.gather(
            *(process.write.write(refused, FILE, chunk=ChunkName(f"r{number}")) for process in (one, other))
        )
        assert none_stored == [none_stored[0]] * 2
        assert len(none_stored[0].errors) == 1
    assert await one.count("readings") == rows - rows // 10
    assert await one.count("write_receipts") == 8
    assert await one.count("rejections") == 4 * (rows // 10) + 4


async def test_many_chunks_of_many_files_in_any_order_from_two_processes(
    one: Process, other: Process
) -> None:
    files = [Source(f"ftp:/{number}.csv") for number in range(4)]
    chunks = [(source, ChunkName(f"{number}")) for source in files for number in range(6)]
    submissions = {
        key: chunk_of(200, first=40 * place) for place, key in enumerate(chunks)
    }  # each chunk brings times of its own
    receipts: dict[tuple[Source, ChunkName], list[Receipt]] = {key: [] for key in chunks}

    async def client(process: Process, number: int) -> None:
        order = [*chunks]
        random.Random(number).shuffle(order)  # noqa: S311 - a test that repeats
        for source, chunk in order:
            receipt = await process.write.write(submissions[source, chunk], source, chunk=chunk)
            receipts[source, chunk].append(receipt)

    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(client((one, other)[number % 2], number))
    for of_chunk in receipts.values():
        assert of_chunk == [of_chunk[0]] * 8
        assert (of_chunk[0].created, of_chunk[0].rejected) == (180, 20)
    assert await one.count("readings") == 180 * len(chunks)
    assert await one.count("rejections") == 20 * len(chunks)
    assert await one.count("write_receipts") == len(chunks)
