"""How much memory the program takes, and how long it takes to start.

Each task runs in a process of its own, whose peak is what the system says of it; the database is not in it.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from dishka import AsyncContainer

from domain.operations.services.api_keys import ApiKeys
from domain.sensors.services.export import ExportReadings, ExportSelection
from domain.sensors.services.rollups import Rollups
from domain.sensors.table_ports import TableFormat
from tests.benchmarks.asking import Call, asked
from tests.benchmarks.database import fresh_database, in_process
from tests.benchmarks.preparing import KEY
from tests.benchmarks.results import Cell, Section, numbers, words
from tests.benchmarks.serving import served
from tests.benchmarks.site import MINUTE, build, fill
from tests.databases import MigratedDatabase

_MIB: Final = 2**20
_IDLE_SECONDS: Final = 3.0
_START_SECONDS: Final = 60.0
_BUCKETS: Final = 100_000


def measure(server_url: str, sensors: int, readings: int) -> Iterator[Section]:
    """Yield the tables: with so many readings of so many sensors."""
    rows: list[tuple[Cell, ...]] = []
    minutes = readings // sensors
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - minutes * MINUTE
    with fresh_database(server_url) as database, tempfile.TemporaryDirectory() as folder:

        async def run(container: AsyncContainer) -> None:
            await (await container.get(ApiKeys)).bootstrap(KEY)
            await fill(container, await build(container, sensors), start, minutes)

        in_process(database, run)
        total = f"{minutes * sensors:,}"
        rows.append((f"summing up {total} readings after a bulk import", *_apart(_refresh, database, "")))
        for form in TableFormat:
            file = str(Path(folder) / f"readings.{form.value}")
            rows.append((f"export of {total} readings as {form.value}", *_apart(_export, database, file)))
        rows.extend(_of_server(database, start, end))
    yield Section(
        "memory",
        "Memory of the program, without the database",
        "Each in a process of its own.",
        (*words("what"), *numbers("MiB", "seconds", digits=1)),
        rows,
    )
    yield _starts()


def _apart(
    task: Callable[[MigratedDatabase, str], None], database: MigratedDatabase, file: str
) -> tuple[float, float]:
    """Run the task in a new process; return its peak in MiB and how many seconds it took."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_weighed, task, database, file).result()


def _weighed(
    task: Callable[[MigratedDatabase, str], None], database: MigratedDatabase, file: str
) -> tuple[float, float]:
    begun = time.perf_counter()
    task(database, file)
    return memory_of(os.getpid(), "VmHWM") or 0.0, time.perf_counter() - begun


def _refresh(database: MigratedDatabase, _: str) -> None:
    async def run(container: AsyncContainer) -> None:
        await (await container.get(Rollups)).refresh()

    in_process(database, run)


def _export(database: MigratedDatabase, file: str) -> None:
    async def run(container: AsyncContainer) -> None:
        readings: ExportReadings = await container.get(ExportReadings)
        form = TableFormat(Path(file).suffix[1:])
        chunks = await readings.open(ExportSelection(), form, start=None, end=None, unit=None)
        with Path(file).open("wb") as target:  # noqa: ASYNC230 - as the command does it
            async for chunk in chunks:
                target.write(chunk.data)

    in_process(database, run)


def _of_server(database: MigratedDatabase, start: datetime, end: datetime) -> Iterator[tuple[Cell, ...]]:
    with served(database.service_url) as server:
        time.sleep(_IDLE_SECONDS)
        yield "server, idle", memory_of(server.pid, "VmRSS"), None
        connection = HTTPConnection("127.0.0.1", server.port, timeout=300)
        minutes = (end - start) // timedelta(minutes=1)
        begun = time.perf_counter()
        span = {"start": (end - _BUCKETS * MINUTE).isoformat(), "end": end.isoformat(), "resolution": "PT1M"}
        path = f"/api/v1/sensors/site-0000/data?{urlencode({**span, 'fill': 'null'})}"
        asked(connection, Call("buckets", path), KEY)
        took = time.perf_counter() - begun
        connection.close()
        name = f"server, after a query of {_BUCKETS:,} buckets ({min(minutes, _BUCKETS):,} of them with data)"
        yield name, memory_of(server.pid, "VmHWM"), took


def memory_of(pid: int, what: str) -> float | None:
    """Return the MiB that the process has (VmRSS) or had at most (VmHWM), None where nothing tells."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith(f"{what}:")]
    return found[0] * 1024 / _MIB if found else None


def _starts() -> Section:
    """Start the command on a new folder, and again on the same, as people do."""
    with tempfile.TemporaryDirectory() as folder:
        times = [_start(Path(folder) / "data") for _ in range(3)]
    return Section(
        "start",
        "From the start of `energy-dashboard serve` to the first healthy answer",
        "The embedded PostgreSQL included; MiB are those of the program alone when idle.",
        (*words("folder"), *numbers("seconds", digits=2), *numbers("MiB", digits=1)),
        [("new", *times[0]), ("existing", *times[1]), ("existing, once more", *times[2])],
    )


def _start(folder: Path) -> tuple[float, float | None]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "serve", "--data-dir", str(folder), "--port", str(port)]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        while not _healthy(port):
            if process.poll() is not None or time.perf_counter() - begun > _START_SECONDS:
                raise RuntimeError("`energy-dashboard serve` did not become healthy")
            time.sleep(0.01)
        took = time.perf_counter() - begun
        time.sleep(_IDLE_SECONDS)
        return took, memory_of(process.pid, "VmRSS")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START_SECONDS)


def _healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
