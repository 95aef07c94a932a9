"""What polling many devices costs, and whether dead ones disturb the healthy ones.

The devices are sockets on addresses of the loopback network, in a process of their own; a dead one takes
connections and never answers. Each writes down when it was asked: the gaps are as the devices see them.
"""

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import psycopg

from tests.benchmarks.database import fresh_database
from tests.benchmarks.results import Cell, Section, numbers, words
from tests.benchmarks.serving import served

_PERIOD: Final = 10.0
_SETTLING: Final = 25.0
"""Devices begin spread over the first period, and dead ones meet their first time-out."""
_START_SECONDS: Final = 30.0
_ANSWER: Final = b'{"power": 1234.5}'
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
    _ANSWER
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many devices, asked every ``period`` seconds, of which so many are dead."""

    devices: int
    dead: int
    period: float

    def address(self, number: int) -> str:
        """Return the address of a device: each has one of its own, as in a building."""
        return f"127.0.{1 + number // 250}.{1 + number % 250}"

    def configuration(self, port: int) -> str:
        """Return the IoT configuration."""
        devices = [
            {
                "name": f"D{number:04}",
                "uri": f"http://{self.address(number)}:{port}/status",
                "values": [{"type": "power", "tag": "power"}],
                "store": {"period": self.period, "type": "raw"},
            }
            for number in range(self.devices)
        ]
        return json.dumps({"resources": {"monitoring_period": self.period, "iots": devices}})


def measure(server_url: str, devices: int, seconds: float) -> Iterator[Section]:
    """Yield the table: the same fleet, whole and with a tenth of it dead."""
    rows: list[tuple[Cell, ...]] = []
    for dead in (0, devices // 10):
        fleet = Fleet(devices, dead, _PERIOD)
        cpu, gaps, stored, polls = _run(server_url, fleet, seconds)
        late = sum(gap >= 2 * fleet.period for gap in gaps)
        rows.append(
            (
                f"{devices:,} devices every {fleet.period:.0f} s, {dead:,} of them dead",
                polls / seconds,
                100 * cpu / seconds,
                polls / cpu,
                max(gaps, default=0.0),
                100 - 100 * late / max(1, len(gaps)),
                stored / seconds,
            )
        )
    yield Section(
        "polling",
        "Polling devices over HTTP",
        f"{seconds:.0f} seconds each, after {_SETTLING:.0f} to settle. Every value is stored as it was read, "
        "with events, states and sums; the database's CPU is not in it.",
        (
            *words("fleet"),
            *numbers("answered polls/s", "% of one core", digits=1),
            *numbers("polls per CPU second"),
            *numbers("longest gap s", "% of gaps under twice the period", "readings/s", digits=1),
        ),
        rows,
    )


def _run(server_url: str, fleet: Fleet, seconds: float) -> tuple[float, list[float], int, int]:
    with (
        fresh_database(server_url) as database,
        tempfile.TemporaryDirectory() as folder,
        _devices(fleet) as (port, pipe),
    ):
        file = Path(folder) / "iots.json"
        file.write_text(fleet.configuration(port), encoding="utf-8")
        with served(database.service_url, file) as server:
            time.sleep(_SETTLING if seconds > _PERIOD else 1.0)
            before, counted = server.cpu_seconds() or 0.0, _readings(database.owner_url)
            pipe.send("begin")
            time.sleep(seconds)
            pipe.send("end")
            times: dict[int, list[float]] = pipe.recv()
            cpu = (server.cpu_seconds() or 0.0) - before
            stored = _readings(database.owner_url) - counted
    gaps = [b - a for of_one in times.values() for a, b in pairwise(of_one)]
    return max(cpu, 1e-9), gaps, stored, sum(map(len, times.values()))


def _readings(owner_url: str) -> int:
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM sensors.readings").fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _devices(fleet: Fleet) -> Iterator[tuple[int, Connection]]:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(fleet, theirs))
    process.start()
    try:
        if not ours.poll(_START_SECONDS):
            raise RuntimeError("the devices did not start")
        port: int = ours.recv()
        yield port, ours
    finally:
        process.terminate()
        process.join(10)


def _serve(fleet: Fleet, pipe: Connection) -> None:
    asyncio.run(_Devices(fleet, pipe).run())


class _Devices:
    """All devices in one process; the address that a connection came to says which it is."""

    def __init__(self, fleet: Fleet, pipe: Connection) -> None:
        self._fleet = fleet
        self._pipe = pipe
        self._numbers = {fleet.address(number): number for number in range(fleet.devices)}
        self._times: dict[int, list[float]] | None = None

    async def run(self) -> None:
        first = await asyncio.start_server(self._talk, self._fleet.address(0), 0)
        port: int = first.sockets[0].getsockname()[1]
        others = [self._fleet.address(number) for number in range(1, self._fleet.devices)]
        await asyncio.start_server(self._talk, others, port)
        self._pipe.send(port)
        while True:
            word = await asyncio.to_thread(self._pipe.recv)
            if word == "begin":
                self._times = {}
            else:
                self._pipe.send(self._times)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._numbers[writer.get_extra_info("sockname")[0]]
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if number < self._fleet.dead:
                    await reader.read()  # until the poller gives up
                    return
                if self._times is not None:
                    self._times.setdefault(number, []).append(time.monotonic())
                writer.write(_HEAD + _ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
