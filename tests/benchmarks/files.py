"""How fast meter files are read, beside raw COPY into the same table in the same run, and in how much memory.

Each import runs in a process of its own, as the command line does it; the database's memory is not in it.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Final

import psycopg
from dishka import AsyncContainer

from app.local_files import NamedFile
from domain.ingestion.services.import_file import ImportFile
from tests.benchmarks import copying
from tests.benchmarks.database import in_process
from tests.benchmarks.memory import memory_of
from tests.benchmarks.preparing import prepare
from tests.benchmarks.results import Cell, Section, numbers, words
from tests.databases import MigratedDatabase, migrated_database

_COPIES: Final = 60
_METERS: Final = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of file: so many meters, with so many value columns and minutes between their lines."""

    name: str
    meters: int
    columns: int
    minutes: int

    def span(self, rows: int) -> timedelta:
        """Return the time that so many readings take."""
        return timedelta(minutes=self.minutes) * (rows // self.meters // self.columns)

    def lines(self, rows: int, start: datetime) -> Iterator[str]:
        """Yield about so many readings, oldest first, the meters side by side."""
        yield f"# unit: kWh\n# timezone: UTC\n# resolution: PT{self.minutes}M\n"
        yield ";".join(("time", "meter", *(f"a{one}" for one in range(self.columns)))) + "\n"
        time_ = start
        for number in range(rows // self.meters // self.columns):
            stamp = f"{time_:%Y-%m-%d %H:%M}"
            for meter in range(self.meters):
                values = (f"{(number * 7 + meter + one) % 1000 / 100:.2f}" for one in range(self.columns))
                name = f"{self.meters}x{self.columns}-{meter:04}"
                yield f"{stamp};{name};{';'.join(values).replace('.', ',')}\n"
            time_ += timedelta(minutes=self.minutes)


SHAPES: Final = (
    Shape("1 meter, by the minute", 1, 1, 1),
    Shape("100 meters, by the quarter-hour", _METERS, 1, 15),
    Shape("10 meters, 10 columns, by the quarter-hour", 10, 10, 15),
)


def measure(server_url: str, readings: int) -> Iterator[Section]:
    """Yield the table: files of about so many readings."""
    rows: list[tuple[Cell, ...]] = []
    with tempfile.TemporaryDirectory() as folder, migrated_database(server_url) as database:
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        copied_from = end - timedelta(days=50)
        prepare(database, copied_from, end)
        copies = [_copied(database, copied_from)]
        found = []
        for shape in SHAPES:
            path = Path(folder) / f"{shape.name}.sgl_v2"
            # Years that nothing is summed up of yet, as with the import of a history.
            with path.open("w", encoding="utf-8") as file:
                file.writelines(shape.lines(readings, end - shape.span(readings)))
            for what, task in (("dry run", _preview), ("import", _import), ("import, again", _import)):
                found.append((shape.name, what, *_apart(task, database, path)))
            path.unlink()
        copies.append(_copied(database, copied_from + timedelta(days=20)))
        copy = fmean(copies)
        rows.append(("COPY, 5,000 rows a transaction", f"{_METERS} sensors", copy, 1.0, None))
        rows.extend(
            (what, name, read / seconds, read / seconds / copy, mib)
            for name, what, read, seconds, mib in found
        )
    yield Section(
        "files",
        "Reading meter files, beside raw COPY",
        f"Files of about {readings:,} readings, one after the other; raw COPY over one connection before and "
        "after is 1.00. MiB are the most that the importing process had.",
        (
            *words("path", "file"),
            *numbers("rows/s"),
            *numbers("of COPY", digits=2),
            *numbers("MiB", digits=1),
        ),
        rows,
    )


def _copied(database: MigratedDatabase, start: datetime) -> float:
    streams = copying.batches(_METERS, start, _COPIES)
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    return copying.rows_per_second(database.owner_url, streams, 1)


def _apart(
    task: Callable[[MigratedDatabase, Path], tuple[int, float]], database: MigratedDatabase, path: Path
) -> tuple[int, float, float]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_weighed, task, database, path).result()


def _weighed(
    task: Callable[[MigratedDatabase, Path], tuple[int, float]], database: MigratedDatabase, path: Path
) -> tuple[int, float, float]:
    read, seconds = task(database, path)
    return read, seconds, memory_of(os.getpid(), "VmHWM") or 0.0


def _import(database: MigratedDatabase, path: Path) -> tuple[int, float]:
    return _run(database, path, dry_run=False)


def _preview(database: MigratedDatabase, path: Path) -> tuple[int, float]:
    return _run(database, path, dry_run=True)


def _run(database: MigratedDatabase, path: Path, *, dry_run: bool) -> tuple[int, float]:
    found: list[tuple[int, float]] = []

    async def run(container: AsyncContainer) -> None:
        importing: ImportFile = await container.get(ImportFile)
        local = await asyncio.to_thread(NamedFile, path)
        begun = time.perf_counter()
        await local.look()
        target = f"/{path.name}"
        receipt = (
            (await importing.preview(target, local, _untold)).receipt
            if dry_run
            else (await importing(target, local, _untold)).receipt
        )
        assert not receipt.rejected, "a line was refused"
        found.append((receipt.received, time.perf_counter() - begun))

    in_process(database, run)
    return found[0]


def _untold(_: int, __: int) -> None:
    """Show no progress."""
