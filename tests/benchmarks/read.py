"""How fast questions are answered from summaries, beside the same answers from uncompressed readings."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import isclose
from typing import Any, Final

import psycopg
from dishka import AsyncContainer

from domain.operations.services.api_keys import ApiKeys
from domain.sensors.ports import SensorsUnitOfWork
from domain.sensors.services.rollups import Rollups
from domain.sensors.services.room_metrics import RefreshRoomMetrics
from tests.benchmarks.asking import calls, over_http
from tests.benchmarks.database import fresh_database, in_process, settle
from tests.benchmarks.preparing import KEY
from tests.benchmarks.questions import Figures, Question, questions
from tests.benchmarks.results import Cell, Section, numbers, percentiles, words
from tests.benchmarks.site import MINUTE, Member, build, fill
from tests.databases import MigratedDatabase

YEAR: Final = 365 * 1440
_NOTE: Final = (
    "`from sums`: the use case as it is, {times} times. `SQL`: the same figures by plain SQL over the "
    "readings, fetched by psycopg, {few} times. `from readings`: the use case with every quarter-hour marked "
    "as stale, so that it has to read all readings itself, once. All in one run, hot; the answers were "
    "compared and are equal (relative 1e-9)."
)


def measure(server_url: str, sensors: int, minutes: int, year: int, times: int) -> Iterator[Section]:
    """Yield the tables: of so many sensors for so many minutes, and of one for ``year`` minutes."""
    few = max(1, times // 4)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - year * MINUTE
    with fresh_database(server_url) as database:
        rows: list[tuple[Cell, ...]] = []
        readings = 0

        async def run(container: AsyncContainer) -> None:
            nonlocal readings
            members, longest = await build(container, sensors), (await build(container, 1, "long"))[0]
            readings += await fill(container, members, end - minutes * MINUTE, minutes)
            readings += await fill(container, [longest], start, year)
            await (await container.get(Rollups)).refresh()
            await (await container.get(ApiKeys)).bootstrap(KEY)
            await asyncio.to_thread(settle, database)
            asked = await questions(container, members, longest, start, end)
            sums = [await _timed(one.ask, times) for one in asked]
            by_sql = [await asyncio.to_thread(_sql, database, one, few) for one in asked]
            await _mark_all(container, [longest, *members])
            for one, (fast, answer), (plain, expected) in zip(asked, sums, by_sql, strict=True):
                slow, same = await _timed(one.ask, 1)
                _compare(one.name, one.of_product(answer), expected)
                _compare(one.name, one.of_product(same), expected)
                rows.append(_row(one.name, fast, plain, slow))
            _unmark(database)

        in_process(database, run)
        yield Section(
            "read",
            f"Questions at {readings:,} readings of {sensors + 1:,} sensors",
            _NOTE.format(times=times, few=few),
            (
                *words("question"),
                *numbers("from sums p50 ms", "p95 ms", "SQL p50 ms", "from readings p50 ms", digits=1),
                *numbers("SQL / sums", "readings / sums", digits=1),
            ),
            rows,
        )
        yield in_process(database, lambda container: _rooms(container, sensors))
        yield over_http(database.service_url, KEY, calls("long-0000", start, end), times, readings)


def _row(name: str, fast: Sequence[float], plain: Sequence[float], slow: Sequence[float]) -> tuple[Cell, ...]:
    p50, p95 = percentiles(fast)
    sql, readings = percentiles(plain)[0], percentiles(slow)[0]
    return name, p50, p95, sql, readings, sql / p50, readings / p50


async def _timed(ask: Callable[[], Awaitable[Any]], times: int) -> tuple[list[float], Any]:
    """Return the seconds of each time after one to warm up, and the last answer."""
    answer = await ask()
    seconds: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = await ask()
        seconds.append(time.perf_counter() - begun)
    return seconds, answer


def _sql(database: MigratedDatabase, question: Question, times: int) -> tuple[list[float], Figures]:
    seconds: list[float] = []
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        rows = connection.execute(question.sql.encode(), question.parameters).fetchall()
        for _ in range(times):
            begun = time.perf_counter()
            rows = connection.execute(question.sql.encode(), question.parameters).fetchall()
            seconds.append(time.perf_counter() - begun)
    return seconds, question.of_rows(rows)


async def _mark_all(container: AsyncContainer, members: Sequence[Member]) -> None:
    uow = await container.get(SensorsUnitOfWork)
    async with uow.begin() as tx:
        for member in members:
            await tx.rollups.mark_all(member.key)


def _unmark(database: MigratedDatabase) -> None:
    """Take the marks away again: nothing was changed."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("TRUNCATE sensors.stale_buckets")


def _compare(name: str, found: Figures, expected: Figures) -> None:
    differing = [
        (place, found.get(place), figures)
        for place, figures in expected.items()
        if place not in found
        or not all(
            isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
            for one, other in zip(found[place], figures, strict=True)
        )
    ]
    if differing or len(found) != len(expected):
        raise RuntimeError(
            f"{name}: {len(found)} answers, {len(expected)} by SQL, {len(differing)} differ: {differing[:2]}"
        )


async def _rooms(container: AsyncContainer, sensors: int) -> Section:
    refresh = await container.get(RefreshRoomMetrics)
    begun = time.perf_counter()
    first = await refresh.run()
    middle = time.perf_counter()
    again = await refresh.run()
    done = time.perf_counter()
    return Section(
        "rooms",
        f"Metrics of the rooms of {sensors:,} sensors",
        "One run of the job of every five minutes: the first after a start, and the one after it.",
        (*words("run"), *numbers("ms", "stored")),
        [
            ("first", (middle - begun) * 1000, first),
            ("next", (done - middle) * 1000, again),
        ],
    )
