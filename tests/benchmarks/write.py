"""How fast readings are stored over HTTP, beside raw COPY into the same table in the same run.

    python -m tests.benchmarks.write [--database-url URL] [--requests N]

The database is the embedded one with fsync, or a new database on the server of the URL (its superuser's).
Server, loader and database are processes of their own on this machine, and all of them share its cores.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from statistics import fmean, quantiles
from typing import Final

import psycopg
from rich.console import Console

from tests.benchmarks import copying
from tests.benchmarks.database import database_server
from tests.benchmarks.loading import Load, Sent, send
from tests.benchmarks.preparing import prepare
from tests.benchmarks.results import Cell, Section, numbers, on_terminal, words
from tests.benchmarks.serving import Served, served
from tests.benchmarks.shapes import MANY_ROWS, ONE_ROW, ONE_SENSOR, STEP, Shape
from tests.databases import migrated_database

CONNECTIONS: Final = (1, 2, 4, 8)
_COPIES: Final = 60
_WARM_UP: Final = 20
_SHAPES: Final = ((MANY_ROWS, 100, True), (ONE_ROW, 1_000, False), (ONE_SENSOR, 5, False))
"""A shape, the sensors of the COPY that it is compared with, and whether it is sent a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement.

    ``share`` is of raw COPY over one connection; ``cpu`` the server's CPU seconds for a million rows.
    """

    path: str
    shape: str
    connections: int
    rows_per_second: float
    share: float | None = None
    of_fresh: float | None = None
    cpu: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(slots=True)
class Calendar:
    """Gives every measurement times that no other has."""

    next: datetime

    def take(self, span: timedelta) -> datetime:
        """Return the start of so much unused time."""
        start = self.next
        self.next += span
        return start


@dataclass(frozen=True, slots=True)
class Bench:
    """What the measurements of one run share."""

    owner_url: str
    server: Served
    key: str
    loader: ProcessPoolExecutor
    calendar: Calendar

    def copy(self, sensors: int, connections: int) -> Result:
        """Measure raw COPY."""
        start = self.calendar.take(_COPIES * copying.ROWS // sensors * STEP)
        streams = copying.batches(sensors, start, _COPIES)
        self._checkpoint()
        rate = copying.rows_per_second(self.owner_url, streams, connections)
        shape = f"{sensors:,} sensors x {copying.ROWS // sensors:,} rows"
        return Result(path="COPY", shape=shape, connections=connections, rows_per_second=rate)

    def http(
        self, shape: Shape, requests: int, connections: int, *, again: bool
    ) -> tuple[Result, Result | None]:
        """Measure fresh readings over HTTP, and where ``again`` the same ones a second time."""
        self._send(shape, _WARM_UP, connections)
        bodies = list(shape.bodies(self.calendar.take(shape.span(requests)), requests))
        rows = requests * shape.size
        fresh, cpu = self._timed(bodies, connections)
        assert fresh.created == rows, "not every reading was new"
        result = _result("HTTP", shape, connections, rows, fresh, cpu)
        if not again:
            return result, None
        repeated, cpu = self._timed(bodies, connections)
        assert repeated.unchanged == rows, "not every reading was known"
        return result, _result("HTTP, again", shape, connections, rows, repeated, cpu)

    def _send(self, shape: Shape, requests: int, connections: int) -> None:
        bodies = list(shape.bodies(self.calendar.take(shape.span(requests)), requests))
        self.loader.submit(send, Load(self.server.port, self.key, connections, bodies)).result()

    def _timed(self, bodies: list[bytes], connections: int) -> tuple[Sent, float | None]:
        self._checkpoint()
        before = self.server.cpu_seconds()
        sent = self.loader.submit(send, Load(self.server.port, self.key, connections, bodies)).result()
        after = self.server.cpu_seconds()
        return sent, None if before is None or after is None else after - before

    def _checkpoint(self) -> None:
        """Begin alike: no measurement pays for what an earlier one left to be written."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")


def _result(path: str, shape: Shape, connections: int, rows: int, sent: Sent, cpu: float | None) -> Result:
    percentiles = quantiles(sent.latencies, n=100)
    return Result(
        path=path,
        shape=shape.name,
        connections=connections,
        rows_per_second=rows / sent.seconds,
        cpu=None if cpu is None else cpu / rows * 1e6,
        p50_ms=percentiles[49] * 1000,
        p99_ms=percentiles[98] * 1000,
    )


def measure(server_url: str, requests: int) -> Iterator[Result]:
    """Yield one result after the other; raw COPY is measured before and after each shape."""
    with (
        migrated_database(server_url) as database,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as loader,
    ):
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=50)
        key = prepare(database, begin, begin + timedelta(days=50))
        with served(database.service_url) as server:
            bench = Bench(database.owner_url, server, key, loader, Calendar(begin))
            for shape, sensors, again in _SHAPES:
                yield from _compare(bench, shape, sensors, requests, again=again)


def _compare(bench: Bench, shape: Shape, sensors: int, requests: int, *, again: bool) -> Iterator[Result]:
    copies = [bench.copy(sensors, 1), bench.copy(sensors, 2)]
    sent = [bench.http(shape, requests, connections, again=again) for connections in CONNECTIONS]
    copies.append(bench.copy(sensors, 1))
    reference = fmean(copy.rows_per_second for copy in copies if copy.connections == 1)
    for copy in copies:
        yield _compared(copy, reference)
    for fresh, _ in sent:
        yield _compared(fresh, reference)
    for fresh, repeated in sent:
        if repeated is not None:
            yield _compared(repeated, reference, fresh.rows_per_second)


def _compared(result: Result, reference: float, fresh: float | None = None) -> Result:
    facts = asdict(result) | {"share": result.rows_per_second / reference}
    if fresh is not None:
        facts["of_fresh"] = result.rows_per_second / fresh
    return Result(**facts)


def sections(server_url: str, requests: int) -> Iterator[Section]:
    """Yield the table of all measurements."""
    rows: list[tuple[Cell, ...]] = [
        (
            one.path,
            one.shape,
            one.connections,
            one.rows_per_second,
            one.share,
            one.of_fresh,
            one.cpu,
            one.p50_ms,
            one.p99_ms,
        )
        for one in measure(server_url, requests)
    ]
    yield Section(
        "write",
        "Writing readings over HTTP, beside raw COPY",
        f"{requests:,} requests of 1,000 rows a measurement. Read the ratios: raw COPY of 5,000 rows a "
        "transaction over one connection, before and after each shape (the mean of both is 1.00), is what "
        "the machine gave in those seconds.",
        (
            *words("path", "shape"),
            *numbers("connections", "rows/s"),
            *numbers("of COPY", "of fresh", digits=2),
            *numbers("CPU s of the server per million", "p50 ms", "p99 ms", digits=1),
        ),
        rows,
    )


def main() -> None:
    """Run this benchmark alone; `energy-dashboard bench --only write` shows the same."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database-url", help="a superuser's URL; default: an embedded server")
    parser.add_argument("--requests", type=int, default=300, help="requests of 1,000 rows a measurement")
    arguments = parser.parse_args()
    with database_server(arguments.database_url) as url:
        for section in sections(url, arguments.requests):
            Console().print(on_terminal(section))


if __name__ == "__main__":
    main()
