"""What the same machine, server and table give without us: raw COPY of 5,000 rows a transaction."""

import asyncio
import time
from array import array
from datetime import datetime
from typing import Any, Final

import asyncpg

from adapters.timescale.copy_format import COLUMNS, packed
from domain.sensors.model import ReadingBatch, SensorKey, SensorRun, Source
from domain.shared.time import to_microseconds
from tests.benchmarks.shapes import STEP, value

ROWS: Final = 5_000
_SOURCE: Final = Source("copy")


def batches(sensors: int, start: datetime, count: int) -> list[bytearray]:
    """Return so many streams of 5,000 rows over these sensors, sorted as the service sorts them."""
    rows = ROWS // sensors
    step = to_microseconds(start + STEP) - to_microseconds(start)
    return [
        packed(_batch(sensors, rows, to_microseconds(start) + number * rows * step, step), {_SOURCE: 1})
        for number in range(count)
    ]


def _batch(sensors: int, rows: int, first: int, step: int) -> ReadingBatch:
    return ReadingBatch(
        runs=[
            SensorRun(SensorKey(key), 1, _SOURCE, (key - 1) * rows, key * rows)
            for key in range(1, sensors + 1)
        ],
        times_us=array("q", [first + row * step for _ in range(sensors) for row in range(rows)]),
        values=array("d", [value(key, row) for key in range(sensors) for row in range(rows)]),
        qualities=array("b", bytes(sensors * rows)),
    )


def rows_per_second(owner_url: str, streams: list[bytearray], connections: int) -> float:
    """Store the streams over so many connections and return the rows a second."""
    return asyncio.run(_measure(owner_url, streams, connections))


async def _measure(owner_url: str, streams: list[bytearray], connections: int) -> float:
    opened: list[Any] = [await asyncpg.connect(owner_url) for _ in range(connections)]
    waiting = iter(streams)

    async def store(connection: Any) -> None:  # noqa: ANN401 - asyncpg is untyped
        for stream in waiting:
            await connection.copy_to_table(
                "readings", schema_name="sensors", columns=COLUMNS, source=stream, format="binary"
            )

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in opened:
            group.create_task(store(connection))
    elapsed = time.perf_counter() - begun
    for connection in opened:
        await connection.close()
    return len(streams) * ROWS / elapsed
