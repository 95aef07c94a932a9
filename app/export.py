"""The command ``export``: readings or buckets of any sensors into a file."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, TypeVar
from zoneinfo import ZoneInfo

from dishka import AsyncContainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from adapters.web.times import parse_time
from app import storage
from app.container import make_container
from app.settings import Settings
from domain.sensors.model import RoomName, SensorId
from domain.sensors.ports import SensorFilter
from domain.sensors.services.buckets import Aggregate
from domain.sensors.services.export import ExportBuckets, ExportChunk, ExportReadings, ExportSelection
from domain.sensors.services.filling import Fill
from domain.sensors.table_ports import TableFormat
from domain.shared.errors import InvalidError
from domain.shared.periods import Period, parse_period
from domain.shared.quantities import Quantity

Parsed = TypeVar("Parsed")

STDOUT: Final = "-"
READER_GONE: Final = 141
"""As the shell has it for a program that SIGPIPE ended."""
_FAILED: Final = 1
_MISUSE: Final = 2
_EXIT_CODES: Final = (
    "Exit codes: 0 all is written; 1 it is not, and no file is left behind; 2 wrong arguments; "
    "130 interrupted; 141 whoever read the standard output went away."
)


class ExportError(Exception):
    """The file cannot be written; the text says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe what the command takes."""
    parser.epilog = _EXIT_CODES
    parser.add_argument(
        "--sensor", nargs="+", action="extend", default=[], metavar="ID", help="these (default: all)"
    )
    parser.add_argument("--room", metavar="NAME", help="the sensors of this room")
    quantities = [one.value for one in Quantity]
    parser.add_argument(
        "--quantity", choices=quantities, metavar="Q", help=f"those that measure it: {', '.join(quantities)}"
    )
    parser.add_argument("--start", type=_typed(parse_time), metavar="TIME", help="RFC 3339, with an offset")
    parser.add_argument("--end", type=_typed(parse_time), metavar="TIME", help="the first moment after it")
    parser.add_argument("--unit", help="any unit of the dimension (default: the canonical one)")
    parser.add_argument(
        "--format",
        choices=[one.value for one in TableFormat],
        help="default: parquet where FILE ends so, else csv",
    )
    parser.add_argument("--output", default=STDOUT, metavar="FILE", help="- is the standard output (default)")
    parser.add_argument("--force", action="store_true", help="write over a FILE that exists")
    parser.add_argument(
        "--resolution",
        type=_typed(parse_period),
        metavar="PERIOD",
        help="buckets of this length (PT15M, P1D, P1M) in place of readings; needs --start and --end",
    )
    parser.add_argument("--timezone", type=_zone, metavar="ZONE", help="whose days buckets are of")
    aggregates = [one.value for one in Aggregate]
    parser.add_argument(
        "--aggregate",
        nargs="+",
        action="extend",
        choices=aggregates,
        metavar="A",
        help=f"of buckets (default: all): {', '.join(aggregates)}",
    )
    parser.add_argument(
        "--fill", choices=[one.value for one in Fill], default="none", help="what stands in empty buckets"
    )


def export(settings: Settings, given: argparse.Namespace) -> int:
    """Write the file; it gets its name when it is whole."""
    if given.resolution is not None and None in {given.start, given.end}:
        return _complain("--resolution needs --start and --end", code=_MISUSE)
    ending = TableFormat.PARQUET if given.output.lower().endswith(".parquet") else TableFormat.CSV
    form = ending if given.format is None else TableFormat(given.format)
    if given.output == STDOUT and form is TableFormat.PARQUET and sys.stdout.isatty():
        return _complain("Parquet is nothing for a terminal: name a file with --output", code=_MISUSE)
    try:
        with _destination(given.output, force=given.force) as file, storage.prepared(settings) as prepared:
            rows = asyncio.run(_run(prepared.settings, given, form, file))
    except BrokenPipeError:
        _drop_buffered()
        return READER_GONE
    except ExportError as error:
        if given.output == STDOUT:
            _drop_buffered()
        return _complain(str(error), code=_FAILED)
    if given.output != STDOUT:
        sys.stderr.write(f"{rows:,} rows in {given.output}\n")
    return 0


def _drop_buffered() -> None:
    """Let what the standard output still holds go nowhere: nothing is to fail over it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str, *, code: int) -> int:
    sys.stderr.write(f"energy-dashboard: {text}\n")
    return code


async def _run(settings: Settings, given: argparse.Namespace, form: TableFormat, file: BinaryIO) -> int:
    container = make_container(settings)
    rows = 0
    try:
        chunks = await _chunks(container, given, form)
        async with aclosing(chunks):
            with _progress() as tell:
                async for chunk in chunks:
                    with _told("the output"):
                        file.write(chunk.data)
                    rows = chunk.rows
                    tell(chunk)
    finally:
        await container.close()
    return rows


async def _chunks(
    container: AsyncContainer, given: argparse.Namespace, form: TableFormat
) -> AsyncGenerator[ExportChunk, None]:
    where = SensorFilter(
        room_name=None if given.room is None else RoomName(given.room),
        quantity=None if given.quantity is None else Quantity(given.quantity),
    )
    selection = ExportSelection([SensorId(one) for one in given.sensor], where)
    start: datetime | None = given.start
    end: datetime | None = given.end
    resolution: Period | None = given.resolution
    if resolution is None or start is None or end is None:
        readings: ExportReadings = await container.get(ExportReadings)
        return await readings.open(selection, form, start=start, end=end, unit=given.unit)
    buckets: ExportBuckets = await container.get(ExportBuckets)
    return await buckets.open(
        selection,
        form,
        start=start,
        end=end,
        resolution=resolution,
        zone=given.timezone,
        unit=given.unit,
        fill=Fill(given.fill),
        aggregates=[Aggregate(one) for one in dict.fromkeys(given.aggregate or Aggregate)],
    )


@contextmanager
def _destination(name: str, *, force: bool) -> Iterator[BinaryIO]:
    """Give what to write to: a file appears, or is replaced, at the end, and only where all went well."""
    if name == STDOUT:
        yield sys.stdout.buffer
        with _told("the standard output"):
            sys.stdout.buffer.flush()
        return
    target = Path(name)
    if target.exists() and not target.is_file():  # a device or a pipe stays what it is
        with _told(name), target.open("wb") as special:
            yield special
        return
    if target.exists() and not force:
        raise ExportError(f"{target} exists; --force writes over it")
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _told(name):
        file = aside.open("xb")
    try:
        with _told(name), file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists() and not force:
            raise ExportError(f"{target} came into being meanwhile; --force writes over it")
        with _told(name):
            aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ExportError(f"{name} cannot be written: {error.strerror or error}") from error


@contextmanager
def _progress() -> Iterator[Callable[[ExportChunk], None]]:
    """Show how far it is on the standard error output, where that is a terminal."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("export", total=1.0, rows=0)
        yield lambda chunk: progress.update(task, completed=chunk.done, rows=chunk.rows)


def _typed(parse: Callable[[str], Parsed]) -> Callable[[str], Parsed]:
    """Return the parser as argparse wants it: its error is told with the usage, and its name is not."""

    def parsed(text: str) -> Parsed:
        try:
            return parse(text)
        except InvalidError as error:
            raise argparse.ArgumentTypeError(f"{text!r}: {error.detail}") from error
        except ValueError as error:  # "<code>: <what to do>"
            raise argparse.ArgumentTypeError(f"{text!r}: {str(error).partition(': ')[2]}") from error

    return parsed


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        raise argparse.ArgumentTypeError(f"there is no time zone {name!r}") from error
