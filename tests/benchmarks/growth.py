"""What writing, summing up and asking cost as the data grow, and how much disk they take."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

import psycopg
from dishka import AsyncContainer

from domain.sensors.model import SensorId
from domain.sensors.ports import SensorSelection
from domain.sensors.services.checking import Submission
from domain.sensors.services.energy import Energy, EnergyQuestion
from domain.sensors.services.grouping import GroupBy
from domain.sensors.services.query import Query, QueryReadings
from domain.sensors.services.readings import WriteReadings
from domain.sensors.services.rollups import Rollups
from domain.shared.quantities import Quantity
from domain.shared.time import to_microseconds
from tests.benchmarks.database import fresh_database, in_process, settle
from tests.benchmarks.questions import DAY, HOUR, ZONE
from tests.benchmarks.results import Cell, Section, numbers
from tests.benchmarks.site import MINUTE, SOURCE, Member, build, fill
from tests.databases import MigratedDatabase

STEPS: Final = (1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000)
_LIVE: Final = 100
_ROWS: Final = 10
_REQUESTS: Final = 40
_ASKED: Final = 5
_MIB: Final = 2**20
_SIZES: Final = """SELECT
  coalesce(sum(pg_total_relation_size(relid)), 0)::bigint,
  pg_total_relation_size('sensors.rollups')
FROM pg_partition_tree('sensors.readings') WHERE isleaf"""
_HYPERTABLE: Final = """SELECT hypertable_size('sensors.readings'),
  pg_total_relation_size('sensors.rollups')"""
_COMPRESS: Final = "SELECT compress_chunk(chunk, true) FROM show_chunks('sensors.readings') AS chunk"


@dataclass(frozen=True, slots=True)
class _Site:
    """The sensors that are filled, and those that are written to as clients do."""

    container: AsyncContainer
    members: Sequence[Member]
    live: Sequence[Member]
    start: datetime
    end: datetime


def measure(server_url: str, sensors: int, steps: Sequence[int]) -> Iterator[Section]:
    """Yield the table: a row for each of these numbers of readings."""
    rows: list[tuple[Cell, ...]] = []
    with fresh_database(server_url) as database:

        async def run(container: AsyncContainer) -> None:
            minutes = steps[-1] // sensors
            end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
            site = _Site(
                container,
                await build(container, sensors),
                await build(container, _LIVE, "live"),
                end - minutes * MINUTE,
                end,
            )
            held = 0
            for number, step in enumerate(steps):
                wanted = step // sensors
                rows.append(await _grown(site, database, number, held, wanted))
                held = wanted

        in_process(database, run)
        packed = _compressed(database)
    note = (
        f"{sensors:,} sensors, a reading a minute each. `fill`: COPY with marks and newest values. `write`: "
        f"the use case, {_LIVE} sensors x {_ROWS} rows a request, one after the other, {_REQUESTS} requests, "
        f"median. Summing up is the job itself over all that was filled since the row above. Questions: "
        f"p50 of {_ASKED}, hot."
    )
    if packed is not None:
        note += f" Compressed, the readings of the last row take {packed / _MIB:,.0f} MiB."
    yield Section(
        "growth",
        "Cost as the data grow",
        note,
        (
            *numbers("readings", "fill rows/s"),
            *numbers("write µs a row", digits=1),
            *numbers("summing up, readings/s", "cells/s"),
            *numbers("a day of one room, hourly, ms", "energy by hour, last day, ms", digits=1),
            *numbers("energy by day, all, ms", digits=1),
            *numbers("readings MiB", "sums MiB", "bytes a reading"),
        ),
        rows,
    )


async def _grown(
    site: _Site, database: MigratedDatabase, number: int, held: int, wanted: int
) -> tuple[Cell, ...]:
    begun = time.perf_counter()
    filled = await fill(site.container, site.members, site.start + held * MINUTE, wanted - held)
    fill_seconds = time.perf_counter() - begun
    await asyncio.to_thread(settle, database)
    rollups = await site.container.get(Rollups)
    begun = time.perf_counter()
    cells = await rollups.refresh()
    refresh_seconds = time.perf_counter() - begun
    write = await _written(site, number)
    await rollups.refresh()
    await asyncio.to_thread(settle, database)
    until = site.start + wanted * MINUTE
    asked = await _asked(site, until)
    readings_size, sums_size = await asyncio.to_thread(_sizes, database)
    total = wanted * len(site.members)
    return (
        total,
        filled / fill_seconds,
        write * 1e6,
        filled / refresh_seconds,
        cells / refresh_seconds,
        *asked,
        readings_size / _MIB,
        sums_size / _MIB,
        readings_size / total,
    )


async def _written(site: _Site, number: int) -> float:
    """Return the seconds a row of requests as clients send them."""
    write = await site.container.get(WriteReadings)
    first = site.end - (number + 1) * _REQUESTS * _ROWS * MINUTE
    seconds: list[float] = []
    for request in range(_REQUESTS):
        at = [first + (request * _ROWS + row) * MINUTE for row in range(_ROWS)]
        submission = Submission(
            sensor_ids=[one.sensor_id for one in site.live for _ in at],
            times_us=[to_microseconds(one) for _ in site.live for one in at],
            values=[request + row / 10 for _ in site.live for row in range(_ROWS)],
        )
        begun = time.perf_counter()
        receipt = await write.write(submission, SOURCE)
        seconds.append((time.perf_counter() - begun) / receipt.created)
    return median(seconds)


async def _asked(site: _Site, until: datetime) -> list[float]:
    """Return the ms of the questions."""
    query, energy = await site.container.get(QueryReadings), await site.container.get(Energy)
    day = max(site.start, until - timedelta(days=1))
    room = Query(
        where=SensorSelection(quantities=(Quantity.POWER,), sensor_ids=tuple(_first_room(site.members))),
        start=day,
        end=until,
        resolution=HOUR,
        group_by=GroupBy.SENSOR,
        zone=ZONE,
    )
    found: list[float] = []
    for ask in (
        lambda: query.run(room),
        lambda: energy.report(EnergyQuestion(start=day, end=until, resolution=HOUR, zone=ZONE)),
        lambda: energy.report(EnergyQuestion(start=site.start, end=until, resolution=DAY, zone=ZONE)),
    ):
        seconds: list[float] = []
        await ask()
        for _ in range(_ASKED):
            begun = time.perf_counter()
            await ask()
            seconds.append(time.perf_counter() - begun)
        found.append(median(seconds) * 1000)
    return found


def _first_room(members: Sequence[Member]) -> list[SensorId]:
    return [one.sensor_id for one in members[:20]]


def _sizes(database: MigratedDatabase) -> tuple[int, int]:
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(_HYPERTABLE if _has_timescale(connection) else _SIZES).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def _compressed(database: MigratedDatabase) -> int | None:
    """Compress everything, where there is a columnstore, and return the size of the readings then."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        if not _has_timescale(connection):
            return None
        connection.execute(_COMPRESS)
    return _sizes(database)[0]


def _has_timescale(connection: psycopg.Connection) -> bool:
    found = connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'")
    return found.fetchone() is not None
